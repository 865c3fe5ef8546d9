#include <weft/cuda/grid.h>
#include <weft/cuda/libraries.h>
#include <weft/cuda/loop.h>
#include <weft/cuda/number.h>
#include <weft/cuda/tables.h>

// Products that cuBLAS does not make: integers, and floats of strides that it cannot read.
namespace weft::cuda {
namespace {

template <class C>
struct Product {
  Place out, a, b, bias;
  C alpha, beta;
  bool has_beta, relu;

  WEFT_HD void operator()(Index i) const {
    const Index column = i % out.size[2], row = i / out.size[2] % out.size[1],
                batch = i / out.size[2] / out.size[1];
    const Index from = batch * a.stride[0] + row * a.stride[1],
                with = batch * b.stride[0] + column * b.stride[2];
    C sum(0);
    for (Index k = 0; k < a.size[2]; ++k) {
      sum = sum + load<C>(a.at(from + k * a.stride[2]), a.dtype) *
                      load<C>(b.at(with + k * b.stride[1]), b.dtype);
    }
    char* const to = out.at(batch * out.stride[0] + row * out.stride[1] + column * out.stride[2]);
    sum = alpha * sum;
    if (has_beta) sum = sum + beta * load<C>(to, out.dtype);
    if (bias.there()) sum = sum + load<C>(bias.at(column * bias.stride[0]), bias.dtype);
    store(to, out.dtype, sum);
    // Of integers after they wrapped around.
    if (relu && load<C>(to, out.dtype) < C(0)) store(to, out.dtype, C(0));
  }
};

template <class C>
void product(const View& out, const View& a, const View& b, const View& bias, double alpha,
             double beta, bool relu) {
  for_each("matmul", numel(out),
           Product<C>{Place(out), Place(a), Place(b), Place(bias), static_cast<C>(alpha),
                      static_cast<C>(beta), beta != 0, relu});
}

}  // namespace

void matmul(const View& out, const View& a, const View& b, const View& bias, double alpha,
            double beta, bool relu) {
  if (numel(out) == 0 || blas_matmul(out, a, b, bias, alpha, beta, relu)) return;
  if (!is_floating(out.dtype)) return product<Int>(out, a, b, bias, alpha, beta, relu);
  if (out.dtype == DType::F64) return product<double>(out, a, b, bias, alpha, beta, relu);
  product<float>(out, a, b, bias, alpha, beta, relu);
}

}  // namespace weft::cuda
