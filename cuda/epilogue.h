#pragma once

#include <weft/ops/kernels.h>

namespace weft::cuda {

// y += bias along a dimension, then its activation, in place: what a library that cannot do it with
// the product leaves. bias may be absent.
void finish(const View& y, const View& bias, int dim, Activation activation);

// Whether a library's activation keeps NaN, as relu has to: max(NaN, 0) may be 0. No document says
// so, so each plan is tried when it first runs; while a graph is captured, which cannot wait for
// the answer, an untried one is not used.
enum class Nan : std::uint8_t { Untried, Kept, Lost };

// Whether an element of the device's memory is NaN. Waits for it.
bool holds_nan(const void* element, DType t);

}  // namespace weft::cuda
