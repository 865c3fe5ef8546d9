#pragma once

#include <weft/core/tensor.h>

// Whether tensors agree, exactly or nearly.
namespace weft {

// Whether sizes and all elements are the same; NaN equals nothing. Waits for the device.
WEFT_API bool equal(const Tensor& a, const Tensor& b);
// Element by element |a - b| <= atol + rtol * |b|, as bool; infinities are close to themselves
// alone, NaN to NaN if equal_nan. a and b have one dtype and broadcast. Integers are compared as
// f64. Throws DTypeError for different dtypes, ValueError for a negative tolerance.
WEFT_API Tensor isclose(const Tensor& a, const Tensor& b, double rtol = 1e-5, double atol = 1e-8,
                        bool equal_nan = false);
// Whether all elements are close. Waits for the device.
WEFT_API bool allclose(const Tensor& a, const Tensor& b, double rtol = 1e-5, double atol = 1e-8,
                       bool equal_nan = false);

}  // namespace weft
