"""The operations of networks as functions: `import weft.nn.functional as F`.

Names, arguments and defaults are PyTorch's; every one is a compiled function of C++.

>>> import weft
>>> import weft.nn.functional as F
>>> F.relu(weft.tensor([-1.0, 2.0]))
tensor([0., 2.])
"""

from weft._weft._functional import *  # noqa: F403
