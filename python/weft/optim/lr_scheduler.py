"""Learning rates over time, with the names and numbers of torch.optim.lr_scheduler."""

from weft._adopt import adopt
from weft._weft.optim import lr_scheduler as _compiled
from weft._weft.optim.lr_scheduler import *  # noqa: F403

adopt(_compiled, __name__)
