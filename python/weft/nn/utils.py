"""What acts on parameters and their gradients."""

from weft._weft.nn.utils import *  # noqa: F403
