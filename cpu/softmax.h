#pragma once

#include <weft/core/view.h>

namespace weft::cpu {

// Along dim. x and y have one shape; strides may differ.
void softmax_forward(const View& y, const View& x, int dim, bool log);
void softmax_backward(const View& gx, const View& gy, const View& y, int dim, bool log);

}  // namespace weft::cpu
