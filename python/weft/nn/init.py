"""Initial values, in place and off the tape; each returns its tensor."""

from weft._adopt import adopt
from weft._weft.nn import init as _compiled
from weft._weft.nn.init import *  # noqa: F403

adopt(_compiled, __name__)
