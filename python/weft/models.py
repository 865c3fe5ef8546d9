"""Networks that are ready to train: weft.nn.models under a shorter name."""

from weft.nn.models import *  # noqa: F403
