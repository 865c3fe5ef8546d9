"""Mixed precision: autocast and loss scaling.

>>> import weft
>>> with weft.amp.autocast("cpu", dtype=weft.bfloat16):
...     (weft.ones(2, 2) @ weft.ones(2, 2)).dtype
weft.bfloat16
"""

from weft import autocast as autocast
from weft._weft.amp import *  # noqa: F403
