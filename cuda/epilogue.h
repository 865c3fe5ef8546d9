#pragma once

#include <weft/core/view.h>

namespace weft::cuda {

// y += bias along a dimension, then max(y, 0), in place: what a library that cannot do it with the
// product leaves. bias may be absent.
void bias_relu(const View& y, const View& bias, int dim, bool relu);

}  // namespace weft::cuda
