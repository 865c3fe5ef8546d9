"""Switches of products on CUDA devices: attributes of `matmul`, to be read and set.

`matmul.allow_tf32`: whether float32 products may round their factors to TF32. One switch with
`weft.backends.cudnn.allow_tf32`: that of set_float32_matmul_precision(), "highest" or not.

>>> weft.backends.cuda.matmul.allow_tf32 = True
>>> weft.get_float32_matmul_precision()
'high'
>>> weft.backends.cuda.matmul.allow_tf32 = False
"""

from __future__ import annotations

from weft.backends import _switches


matmul = _switches.Switches(f"{__name__}.matmul", "Switches of products.")
