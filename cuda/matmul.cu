#include <weft/cuda/grid.h>
#include <weft/cuda/libraries.h>
#include <weft/cuda/loop.h>
#include <weft/cuda/number.h>
#include <weft/cuda/tables.h>
#include <weft/ops/unary.h>

// Products that cuBLAS does not make: integers, and floats of strides that it cannot read.
namespace weft::cuda {
namespace {

template <class C>
WEFT_HD C activated(Activation activation, C x) {
  switch (activation) {
    case Activation::Relu: return op::Relu().forward(x);
    case Activation::Gelu: return op::Gelu().forward(x);
    case Activation::GeluTanh: return op::GeluTanh().forward(x);
    case Activation::None: break;
  }
  return x;
}

template <class C>
struct Product {
  Place out, a, b, bias;
  C alpha, beta;
  bool has_beta;
  Activation activation;

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
    if constexpr (!std::is_same_v<C, Int>) sum = activated(activation, sum);
    store(to, out.dtype, sum);
    // Of integers after they wrapped around.
    if (std::is_same_v<C, Int> && activation == Activation::Relu && load<C>(to, out.dtype) < C(0))
      store(to, out.dtype, C(0));
  }
};

template <class C>
void product(const View& out, const View& a, const View& b, const View& bias, double alpha,
             double beta, Activation activation) {
  for_each("matmul", numel(out),
           Product<C>{Place(out), Place(a), Place(b), Place(bias), static_cast<C>(alpha),
                      static_cast<C>(beta), beta != 0, activation});
}

// A matrix as the one of a batch.
struct Single {
  Index size[3], stride[3];
  const View& m;
  bool transposed;

  explicit Single(const View& m, bool transposed = false)
      : size{1, m.size[transposed], m.size[!transposed]},
        stride{0, m.stride[transposed], m.stride[!transposed]},
        m(m),
        transposed(transposed) {}
  View view() const { return {m.data, size, stride, 3, m.dtype}; }
};

}  // namespace

void matmul(const View& out, const View& a, const View& b, const View& bias, double alpha,
            double beta, Activation activation) {
  if (numel(out) == 0 || blas_matmul(out, a, b, bias, alpha, beta, activation)) return;
  if (!is_floating(out.dtype)) return product<Int>(out, a, b, bias, alpha, beta, activation);
  if (out.dtype == DType::F64) return product<double>(out, a, b, bias, alpha, beta, activation);
  product<float>(out, a, b, bias, alpha, beta, activation);
}

void linear_gradients(const View& gw, const View& gb, const View& g, const View& x) {
  const Single out(gw), a(g, true), b(x);
  if (blas_matmul_sums(out.view(), gb, a.view(), b.view())) return;
  matmul(out.view(), a.view(), b.view(), {}, 1, 0, Activation::None);
  const Index size[2] = {1, gb.size[0]}, stride[2] = {0, gb.stride[0]};
  reduce(ReduceId::Sum, make_loop(g.sizes(), {View{gb.data, size, stride, 2, gb.dtype}, g}), {});
}

}  // namespace weft::cuda
