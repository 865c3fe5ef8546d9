#include <weft/nn/activation.h>

namespace weft::nn {

Tensor Softmax::forward(const Tensor& x) { return x.softmax(dim_); }
Tensor LogSoftmax::forward(const Tensor& x) { return x.log_softmax(dim_); }

}  // namespace weft::nn
