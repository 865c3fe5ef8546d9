#include <weft/ops/matmul.h>

#include <weft/autograd/record.h>
#include <weft/core/check.h>
#include <weft/ops/autocast.h>
#include <weft/ops/elementwise.h>
#include <weft/ops/kernels.h>
#include <weft/ops/make.h>
#include <weft/ops/one_device.h>
#include <weft/ops/relu_grad.h>
#include <weft/ops/unary.h>

namespace weft {

using namespace autograd;

namespace {

// An operand as the kernel takes it: batch, rows, columns.
struct Matrices {
  Index size[3], stride[3];
  void* data;
  DType dtype;

  View view() const { return {data, size, stride, 3, dtype}; }
};

// The last two dimensions of x, exchanged if `transposed`; a batch of one.
Matrices matrices(const Tensor& x, bool transposed = false) {
  const TensorImpl& t = *x.impl();
  const int row = t.sizes.size() - (transposed ? 1 : 2), column = transposed ? row - 1 : row + 1;
  return {
      {1, t.sizes[row], t.sizes[column]}, {0, t.strides[row], t.strides[column]}, t.data, t.dtype};
}

struct Scale {
  double alpha = 1, beta = 0;
};

void activate(const Kernels& k, const Tensor& y, Activation activation) {
  if (activation == Activation::None) return;
  const op::Relu no_parameters;
  k.unary(detail::unary_of(activation), make_loop(y.sizes(), {y.view(), y.view()}), y.dtype(),
          &no_parameters);
}

// out = activation(alpha * a @ b + beta * out (+ bias)); empty products too, for which there is no
// kernel.
void multiply(const Tensor& out, const Matrices& y, const Matrices& a, const Matrices& b,
              const View& bias, Scale scale, Activation activation = Activation::None) {
  const Kernels& k = kernels(out.device());
  if (y.size[0] * y.size[1] * y.size[2] == 0) return;
  if (a.size[2] != 0) {
    if (!k.matmul) throw_no_kernel("matmul", out.device());
    return k.matmul(y.view(), a.view(), b.view(), bias, scale.alpha, scale.beta, activation);
  }
  if (bias) {
    k.copy(make_loop(out.sizes(), {out.view(), bias}));
  } else if (scale.beta == 0) {
    Tensor(out).zero_();
  } else {
    Tensor(out).mul_(scale.beta);
  }
  activate(k, out, activation);
}

void check_operands(const char* op, const Tensor& a, const Tensor& b) {
  const DType s = a.get(op).dtype, t = b.get(op).dtype;
  if (s != t)
    fail<DTypeError>(op, "got {} and {}, expected one dtype (convert one with to())", s, t);
  if (s == DType::Bool) fail<DTypeError>(op, "got bool, expected a number (convert it with to())");
  detail::check_one_device(op, a, b);
}

[[noreturn]] void fail_shapes(const char* op, const Tensor& a, const Tensor& b,
                              const char* expected) {
  fail<ShapeError>(op, "got shapes [{}] and [{}], expected {}", fmt::join(a.sizes(), ", "),
                   fmt::join(b.sizes(), ", "), expected);
}

void check_rank(const char* op, const Tensor& x, int rank) {
  if (x.get(op).sizes.size() != rank) {
    fail<ShapeError>(op, "got shape [{}], expected {} dimension{}", fmt::join(x.sizes(), ", "),
                     rank, rank == 1 ? "" : "s");
  }
}

constexpr const char* kInner = "as many columns in the first as rows in the second";

Shape batch_of(const Tensor& x) { return std::span(x.sizes().data(), x.sizes().size() - 2u); }

// x as an operand of broadcast batches: what a loop over `batch` reads of it.
View batch_view(const Tensor& x) {
  View v = x.view();
  v.rank = static_cast<std::int16_t>(v.rank - 2);
  return v;
}

// Batches that lie evenly in all three operands go to the kernel in one call: the innermost
// dimension of the merged loop.
void multiply_batches(const Tensor& out, Matrices y, Matrices a, Matrices b, const Tensor& left,
                      const Tensor& right, Scale scale) {
  const Shape batch = batch_of(out);
  const Loop loop = make_loop(batch, {batch_view(out), batch_view(left), batch_view(right)});
  const auto item = static_cast<Index>(size_of(y.dtype));
  Matrices* operands[] = {&y, &a, &b};
  if (loop.numel == 0) return;
  for (int k = 0; k < 3; ++k) {
    operands[k]->size[0] = loop.size[0];
    operands[k]->stride[0] = loop.stride[k][0] / item;
  }
  Index index[kMaxRank] = {};
  for (Index n = loop.numel / loop.size[0]; n > 0; --n) {
    for (int k = 0; k < 3; ++k) {
      char* at = loop.data[k];
      for (int d = 1; d < loop.rank; ++d) at += index[d] * loop.stride[k][d];
      operands[k]->data = at;
    }
    multiply(out, y, a, b, {}, scale);
    for (int d = 1; d < loop.rank && ++index[d] == loop.size[d]; ++d) index[d] = 0;
  }
}

// alpha * a @ b over the last two dimensions of operands of rank 2 or more, each transposed if so
// flagged, with broadcast batches. Its gradients are products of the same kind, so that no
// transposed view has to be made.
Tensor product(const char* op, const Tensor& a, bool ta, const Tensor& b, bool tb,
               double alpha = 1) {
  check_operands(op, a, b);
  const Matrices left = matrices(a, ta), right = matrices(b, tb);
  if (left.size[2] != right.size[1]) fail_shapes(op, a, b, kInner);
  const bool batched = a.dim() > 2 || b.dim() > 2;
  Shape sizes = batched ? broadcast_shapes(op, batch_of(a), batch_of(b)) : Shape();
  sizes.push_back(left.size[1]);
  sizes.push_back(right.size[2]);
  Tensor y = make_tensor(sizes, contiguous_strides(sizes), a.dtype(), a.device());
  if (batched && left.size[2] != 0) {
    multiply_batches(y, matrices(y), left, right, a, b, {alpha, 0});
  } else {
    multiply(y, matrices(y), left, right, {}, {alpha, 0});
  }
  if (recording(a, b)) {
    record(op, y, {a, b},
           [op, ta, tb, alpha, a = saved(a), b = saved(b)](Tensor& g, Gradients& in) {
             in.set(0, [&] {
               return ta ? product(op, b.get(), tb, g, true, alpha)
                         : product(op, g, false, b.get(), !tb, alpha);
             });
             in.set(1, [&] {
               return tb ? product(op, g, true, a.get(), ta, alpha)
                         : product(op, a.get(), !ta, g, false, alpha);
             });
           });
  }
  return y;
}

// All dimensions but the last as one.
Shape rows_shape(const Tensor& x) {
  const Index columns = x.sizes().back();
  return {columns == 0 ? numel(std::span(x.sizes().data(), x.sizes().size() - 1u))
                       : x.numel() / columns,
          columns};
}
Tensor rows_of(const Tensor& x) { return x.dim() == 2 ? x : x.reshape(rows_shape(x)); }
bool rows_merge(const Tensor& x) { return weft::reshape(x.layout(), rows_shape(x)).has_value(); }

// Batches of a against one matrix are more rows of it. Where they have to be copied for that, it
// pays only if b's gradient would be summed over the batches.
bool folds(const Tensor& a, const Tensor& b) {
  return b.dim() == 2 && a.numel() > 0 && (recording(b) || rows_merge(a));
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b) {
  if (autocasting()) {
    const AutocastPause pause;
    return matmul(lowered(a), lowered(b));
  }
  const int ra = a.get("matmul").sizes.size(), rb = b.get("matmul").sizes.size();
  if (ra == 2 && rb == 2) return product("matmul", a, false, b, false);
  if (ra == 0 || rb == 0) fail_shapes("matmul", a, b, "at least one dimension in each");
  if (a.sizes().back() != b.sizes()[rb == 1 ? 0 : rb - 2]) fail_shapes("matmul", a, b, kInner);
  if (ra == 1 && rb == 1) return dot(a, b);
  if (ra == 1) return matmul(a.unsqueeze(0), b).squeeze(-2);
  if (rb == 1) return matmul(a, b.unsqueeze(1)).squeeze(-1);
  if (!folds(a, b)) return product("matmul", a, false, b, false);
  Shape sizes = a.sizes();
  sizes[ra - 1] = b.sizes()[1];
  return product("matmul", rows_of(a), false, b, false).reshape(sizes);
}

Tensor mm(const Tensor& a, const Tensor& b) {
  if (autocasting()) {
    const AutocastPause pause;
    return mm(lowered(a), lowered(b));
  }
  check_rank("mm", a, 2);
  check_rank("mm", b, 2);
  return product("mm", a, false, b, false);
}

Tensor bmm(const Tensor& a, const Tensor& b) {
  if (autocasting()) {
    const AutocastPause pause;
    return bmm(lowered(a), lowered(b));
  }
  check_rank("bmm", a, 3);
  check_rank("bmm", b, 3);
  if (a.sizes()[0] != b.sizes()[0]) fail_shapes("bmm", a, b, "one size of batch");
  return product("bmm", a, false, b, false);
}

Tensor dot(const Tensor& a, const Tensor& b) {
  check_rank("dot", a, 1);
  check_rank("dot", b, 1);
  check_operands("dot", a, b);
  if (a.numel() != b.numel()) fail_shapes("dot", a, b, "as many elements in both");
  Tensor y = make_tensor({}, {}, a.dtype(), a.device());
  const Index n = a.numel();
  multiply(y, {{1, 1, 1}, {0, 1, 1}, y.data(), y.dtype()},
           {{1, 1, n}, {0, 0, a.strides()[0]}, a.data(), a.dtype()},
           {{1, n, 1}, {0, b.strides()[0], 0}, b.data(), b.dtype()}, {}, {});
  if (recording(a, b)) {
    record("dot", y, {a, b}, [a = saved(a), b = saved(b)](Tensor& g, Gradients& in) {
      in.set(0, [&] { return g * b.get(); });
      in.set(1, [&] { return g * a.get(); });
    });
  }
  return y;
}

Tensor outer(const Tensor& a, const Tensor& b) {
  check_rank("outer", a, 1);
  check_rank("outer", b, 1);
  return a.unsqueeze(1) * b;
}

namespace {

double factor(const char* name, const Scalar& value, DType dtype) {
  if (value.is_floating() && !is_floating(dtype)) {
    fail<DTypeError>("addmm", "got {} {} for {}, expected an integer", name, value.to_double(),
                     dtype);
  }
  return value.to_double();
}

Tensor scaled(const Tensor& g, double by) { return by == 1 ? g : g * by; }

}  // namespace

Tensor addmm(const Tensor& input, const Tensor& a, const Tensor& b, const Scalar& beta,
             const Scalar& alpha) {
  if (autocasting()) {
    const AutocastPause pause;
    return addmm(lowered(input), lowered(a), lowered(b), beta, alpha);
  }
  check_rank("addmm", a, 2);
  check_rank("addmm", b, 2);
  check_operands("addmm", a, b);
  check_operands("addmm", input, a);
  const Scale scale{factor("alpha", alpha, a.dtype()), factor("beta", beta, a.dtype())};
  if (a.sizes()[1] != b.sizes()[0]) fail_shapes("addmm", a, b, kInner);
  const Shape sizes{a.sizes()[0], b.sizes()[1]};
  weft::expand("addmm", input.layout(), sizes);  // throws where it does not broadcast
  Tensor y = make_tensor(sizes, contiguous_strides(sizes), a.dtype(), a.device());
  if (scale.beta != 0) kernels(y.device()).copy(make_loop(sizes, {y.view(), input.view()}));
  multiply(y, matrices(y), matrices(a), matrices(b), {}, scale);
  if (recording(input, a, b)) {
    record("addmm", y, {input, a, b},
           [scale, a = saved(a), b = saved(b)](Tensor& g, Gradients& in) {
             in.set(0, [&] { return scaled(g, scale.beta); });
             in.set(1, [&] { return product("addmm", g, false, b.get(), true, scale.alpha); });
             in.set(2, [&] { return product("addmm", a.get(), true, g, false, scale.alpha); });
           });
  }
  return y;
}

namespace {

void check_linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  check_operands("linear", x, weight);
  check_rank("linear", weight, 2);
  const Shape &s = x.sizes(), &w = weight.sizes();
  if (s.empty() || s.back() != w[1]) {
    fail<ShapeError>("linear", "got input of shape [{}] for a weight of [{}], expected [..., {}]",
                     fmt::join(s, ", "), fmt::join(w, ", "), w[1]);
  }
  if (!bias.defined()) return;
  check_operands("linear", bias, weight);
  if (bias.sizes() != Shape{w[0]}) {
    fail<ShapeError>("linear", "got a bias of shape [{}] for a weight of [{}], expected [{}]",
                     fmt::join(bias.sizes(), ", "), fmt::join(w, ", "), w[0]);
  }
}

// x's rows, unknown to the tape.
Tensor plain_rows(const Tensor& x) {
  NoGradGuard no_grad;
  return rows_of(x);
}

struct LinearBackward {
  SavedTensor x, weight, y;  // y only where relu is fused
  bool relu;

  // Both of the kernel's results in one reading of g; false where the device makes them apart.
  bool weight_and_bias(const Tensor& g, const Tensor& rows, Gradients& in) const {
    const auto kernel = kernels(g.device()).linear_gradients;
    if (!kernel || !is_floating(g.dtype()) || g.numel() == 0 || rows.numel() == 0) return false;
    const Tensor gw = empty({g.size(1), rows.size(1)}, g.options()),
                 gb = empty(g.size(1), g.options());
    kernel(gw.view(), gb.view(), g.view(), rows.view());
    in.set(1, [&] { return gw; });
    in.set(2, [&] { return gb; });
    return true;
  }

  void operator()(Tensor& gy, Gradients& in) const {
    const Tensor grad = relu ? detail::relu_grad(gy, y.get()) : gy, g = rows_of(grad);
    in.set(0, [&] {
      const Tensor gx = product("linear", g, false, weight.get(), false);
      return grad.dim() == 2 ? gx : gx.reshape(x.get().sizes());
    });
    if (in.needed(1) && in.needed(2) && !grad_enabled() && weight_and_bias(g, rows_of(x.get()), in))
      return;
    in.set(1, [&] { return product("linear", g, true, rows_of(x.get()), false); });
    in.set(2, [&] { return g.sum(Shape{0}); });
  }
};

Tensor activated_linear(const Tensor& x, const Tensor& weight, const Tensor& bias,
                        Activation activation) {
  if (autocasting()) {
    const AutocastPause pause;
    return activated_linear(lowered(x), lowered(weight), lowered(bias), activation);
  }
  check_linear(x, weight, bias);
  Shape sizes = x.sizes();
  sizes[sizes.size() - 1] = weight.sizes()[0];
  Tensor y = make_tensor(sizes, contiguous_strides(sizes), x.dtype(), x.device());
  const Matrices w = matrices(weight, true);
  const Index rows = numel(std::span<const Index>(sizes.data(), sizes.size() - 1u)),
              columns = w.size[2];
  multiply(y, {{1, rows, columns}, {0, columns, 1}, y.data(), y.dtype()}, matrices(plain_rows(x)),
           w, bias.defined() ? bias.view() : View(), {}, activation);
  if (recording(x, weight, bias)) {
    const bool relu = activation == Activation::Relu;
    record(relu ? "linear_relu" : "linear", y, {x, weight, bias},
           LinearBackward{saved(x), saved(weight), relu ? saved_output(y) : SavedTensor(), relu});
  }
  return y;
}

}  // namespace

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (weight.get("linear").sizes.size() == 1 && !bias.defined()) return matmul(x, weight);
  return activated_linear(x, weight, bias, Activation::None);
}
Tensor linear_relu(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  return activated_linear(x, weight, bias, Activation::Relu);
}
Tensor linear_gelu(const Tensor& x, const Tensor& weight, const Tensor& bias,
                   const char* approximate) {
  const std::string_view form = approximate;
  const bool known = form == "tanh" || form == "none";
  // Its gradient needs what came before it, and an unknown form or dtype gelu's error.
  if (!known || recording(x, weight, bias) || !is_floating(x.get("linear").dtype))
    return gelu(linear(x, weight, bias), approximate);
  return activated_linear(x, weight, bias,
                          form == "tanh" ? Activation::GeluTanh : Activation::Gelu);
}

Tensor Tensor::matmul(const Tensor& other) const { return weft::matmul(*this, other); }
Tensor Tensor::bmm(const Tensor& other) const { return weft::bmm(*this, other); }
Tensor Tensor::dot(const Tensor& other) const { return weft::dot(*this, other); }

}  // namespace weft
