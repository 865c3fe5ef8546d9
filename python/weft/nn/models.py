"""Networks that are ready to train."""

from weft._weft.nn.models import *  # noqa: F403
