"""Initial values, in place and off the tape; each returns its tensor."""

from weft._weft.nn.init import *  # noqa: F403
