"""Data sets, transforms, the loader, and pictures in files."""

from weft._adopt import adopt
from weft._weft import data as _compiled
from weft._weft.data import *  # noqa: F403

adopt(_compiled, __name__)
