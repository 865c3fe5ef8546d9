"""Memory of the CPU: what the allocator holds, and its limits."""

from weft._weft.cpu import *  # noqa: F403
