"""The libraries behind the operations and their switches, as torch.backends has them.

>>> weft.backends.cudnn.benchmark
False
"""

from __future__ import annotations

from weft.backends import cuda as cuda
from weft.backends import cudnn as cudnn
