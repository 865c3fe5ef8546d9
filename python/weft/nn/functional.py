"""The operations of networks as functions: `import weft.nn.functional as F`.

Names, arguments and defaults are PyTorch's; every one is a compiled function of C++.

>>> import weft
>>> import weft.nn.functional as F
>>> F.relu(weft.tensor([-1.0, 2.0]))
tensor([0., 2.])
"""

from weft._weft._functional import (
    adaptive_avg_pool2d,
    avg_pool2d,
    batch_norm,
    batch_norm_relu,
    binary_cross_entropy_with_logits,
    conv2d,
    conv2d_relu,
    cross_entropy,
    dropout,
    embedding,
    gelu,
    l1_loss,
    layer_norm,
    leaky_relu,
    leaky_relu_,
    linear,
    local_response_norm,
    log_softmax,
    max_pool2d,
    max_pool2d_with_indices,
    mse_loss,
    nll_loss,
    one_hot,
    pad,
    relu,
    relu_,
    sigmoid,
    silu,
    softmax,
    softplus,
    softplus_,
    tanh,
)

__all__ = [name for name in globals() if not name.startswith("__")]
