"""Weft: an eager tensor library with a tape. Names and habits are PyTorch's."""

from weft._weft import *  # noqa: F403
