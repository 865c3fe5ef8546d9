"""What acts on parameters and their gradients."""

from weft._adopt import adopt
from weft._weft.nn import utils as _compiled
from weft._weft.nn.utils import *  # noqa: F403

adopt(_compiled, __name__)
