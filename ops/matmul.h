#pragma once

#include <weft/core/tensor.h>

// Products of matrices. Both operands have one dtype, any but bool; shapes are written [rows,
// columns]. Transposed and strided operands are read where they lie. Errors: ShapeError where inner
// sizes differ or batches do not broadcast, DTypeError for mixed dtypes, DeviceError.
namespace weft {

// By rank, as PyTorch's: [k] @ [k] is their dot product (0-d); [n, k] @ [k, m] is [n, m]; a 1-d
// operand stands for one row (first) or one column (second), which the result lacks; more
// dimensions in front are batches, which broadcast.
WEFT_API Tensor matmul(const Tensor& a, const Tensor& b);
// [n, k] @ [k, m].
WEFT_API Tensor mm(const Tensor& a, const Tensor& b);
// [batch, n, k] @ [batch, k, m]; batches do not broadcast.
WEFT_API Tensor bmm(const Tensor& a, const Tensor& b);
// [k] . [k], a 0-d tensor.
WEFT_API Tensor dot(const Tensor& a, const Tensor& b);
// [n] and [m] to [n, m]: all products. dtypes promote.
WEFT_API Tensor outer(const Tensor& a, const Tensor& b);
// beta * input + alpha * a @ b for matrices; input broadcasts to the product's shape and is not
// read where beta is 0.
WEFT_API Tensor addmm(const Tensor& input, const Tensor& a, const Tensor& b, const Scalar& beta = 1,
                      const Scalar& alpha = 1);
// x @ weight.t() + bias: x [..., in], weight [out, in], bias [out] or undefined; [..., out].
WEFT_API Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});
// relu(linear(...)) in one pass, which keeps only the result.
WEFT_API Tensor linear_relu(const Tensor& x, const Tensor& weight, const Tensor& bias = {});
// gelu(linear(...), approximate), in one pass where no gradient is recorded: that of gelu needs
// what linear gives, which one pass does not keep.
WEFT_API Tensor linear_gelu(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
                            const char* approximate = "none");

}  // namespace weft
