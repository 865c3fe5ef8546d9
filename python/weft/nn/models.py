"""Networks that are ready to train."""

from weft._adopt import adopt
from weft._weft.nn import models as _compiled
from weft._weft.nn.models import *  # noqa: F403

adopt(_compiled, __name__)
