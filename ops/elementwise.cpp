#include <weft/ops/elementwise.h>

#include <cstring>
#include <string_view>

#include <weft/autograd/record.h>
#include <weft/core/check.h>
#include <weft/core/interrupt.h>
#include <weft/ops/one_device.h>
#include <weft/ops/value.h>

namespace weft {

using namespace autograd;
using formula::Value;

namespace {

// For ops that have no parameters.
constexpr char kNone = 0;

// The op's parameters, kept for the backward pass.
struct Parameters {
  double bytes[2] = {};
  Parameters(const void* op, std::size_t n) { std::memcpy(bytes, op, n); }
};

template <class... Ops>
constexpr auto unary_graphs(OpList<Ops...>) {
  using Graph = Value (*)(const void*, const Value&, const Value&, const Value&);
  std::array<Graph, sizeof...(Ops)> table{};
  std::size_t i = 0;
  const auto one = [&]<class Op>(const Op*) {
    static_assert(sizeof(Op) <= sizeof(Parameters));
    if constexpr (Differentiable<Op>) {
      table[i] = [](const void* op, const Value& g, const Value& x, const Value& y) {
        return static_cast<const Op*>(op)->template grad<Value>(g, x, y);
      };
    }
    ++i;
  };
  (one(static_cast<const Ops*>(nullptr)), ...);
  return table;
}

template <class... Ops>
constexpr auto binary_graphs(OpList<Ops...>) {
  using Graph = Value (*)(const void*, const Value&, const Value&, const Value&, const Value&);
  std::array<std::array<Graph, 2>, sizeof...(Ops)> table{};
  std::size_t i = 0;
  const auto one = [&]<class Op>(const Op*) {
    static_assert(sizeof(Op) <= sizeof(Parameters));
    if constexpr (Differentiable<Op>) {
      table[i][0] = [](const void* op, const Value& g, const Value& a, const Value& b,
                       const Value& y) {
        return static_cast<const Op*>(op)->template grad_a<Value>(g, a, b, y);
      };
      table[i][1] = [](const void* op, const Value& g, const Value& a, const Value& b,
                       const Value& y) {
        return static_cast<const Op*>(op)->template grad_b<Value>(g, a, b, y);
      };
    }
    ++i;
  };
  (one(static_cast<const Ops*>(nullptr)), ...);
  return table;
}

constexpr auto kUnaryGraph = unary_graphs(UnaryOps{});
constexpr auto kBinaryGraph = binary_graphs(BinaryOps{});

constexpr bool reads(const ElementwiseInfo& info, Reads what) {
  return (static_cast<int>(info.reads) & static_cast<int>(what)) != 0;
}

void check_integer(const ElementwiseInfo& info, DType t) {
  const bool bits = info.domain == Domain::Bits;
  if (is_floating(t) || (t == DType::Bool && !bits))
    fail<DTypeError>(info.name, "got {}, expected integers{}", t, bits ? " or bool" : "");
}

// The dtype an op computes in and, but for comparisons, gives.
DType compute_in(const ElementwiseInfo& info, DType t) {
  if (info.domain == Domain::Floating && !is_floating(t)) return DType::F32;
  if (!takes_floating(info.domain)) check_integer(info, t);
  if (info.domain == Domain::Number && t == DType::Bool) {
    if (&info == &unary_info[static_cast<std::size_t>(unary_id<op::Square>)]) return DType::I64;
    fail<DTypeError>(
        info.name,
        "got bool, expected a number (convert it with to(), or use a logical operation)");
  }
  return t;
}

// An output of x's sizes that keeps its order in memory.
Tensor output_like(const Tensor& x, DType dtype) {
  const TensorImpl& t = *x.impl();
  const bool dense = is_dense(t.sizes, t.strides);
  return make_tensor(t.sizes, dense ? t.strides : dense_strides(t.sizes, t.strides), dtype,
                     x.device());
}

bool may_reuse(const Tensor& g, DType dtype) {
  return !grad_enabled() && g.impl()->use_count() == 1 && g.impl()->storage->use_count() == 1 &&
         g.dtype() == dtype && is_dense(g.sizes(), g.strides());
}

// All operands lie in memory alike and without gaps, so that one flat loop serves.
bool alike(const Tensor& a, const Tensor& b) {
  return a.impl()->sizes == b.impl()->sizes && a.impl()->strides == b.impl()->strides;
}

Loop loop_over(const Tensor& out, std::initializer_list<View> views, bool flat) {
  return flat ? make_flat_loop(out.numel(), views) : make_loop(out.sizes(), views);
}

Tensor unary_backward(UnaryId id, const Parameters& op, Tensor& g, const Tensor& x,
                      const Tensor& y) {
  const auto i = static_cast<std::size_t>(id);
  if (grad_enabled()) {
    return kUnaryGraph[i](&op, g, x.defined() ? x : g, y.defined() ? y : g).t;
  }
  const Tensor &from = g, &first = x.defined() ? x : from, &second = y.defined() ? y : from;
  const bool flat = is_dense(g.sizes(), g.strides()) && alike(g, first) && alike(g, second);
  Tensor out = may_reuse(g, g.dtype()) ? g : output_like(g, g.dtype());
  kernels(g.device())
      .unary_grad(id, loop_over(out, {out.view(), g.view(), first.view(), second.view()}, flat),
                  g.dtype(), &op);
  return out;
}

Tensor binary_backward(BinaryId id, int which, const Parameters& op, const Tensor& g,
                       const Tensor& a, const Tensor& b, const Tensor& y) {
  const bool passes = id == binary_id<op::Add> ? which == 0 || op.bytes[0] == 1
                                               : id == binary_id<op::Sub> && which == 0;
  if (passes) return g;
  const auto i = static_cast<std::size_t>(id);
  const Tensor &first = a.defined() ? a : g, &second = b.defined() ? b : g,
               &third = y.defined() ? y : g;
  if (grad_enabled()) {
    const char* name = binary_info[i].name;
    return kBinaryGraph[i][static_cast<std::size_t>(which)](&op, g, detail::beside(name, first, g),
                                                            detail::beside(name, second, g), third)
        .t;
  }
  const bool flat =
      is_dense(g.sizes(), g.strides()) && alike(g, first) && alike(g, second) && alike(g, third);
  Tensor out = output_like(g, g.dtype());
  Loop loop =
      loop_over(out, {out.view(), g.view(), first.view(), second.view(), third.view()}, flat);
  if (g.device() != kCPU) [[unlikely]]
    detail::note_numbers(loop, {&g, &first, &second, &third});
  kernels(g.device()).binary_grad(id, which, loop, g.dtype(), &op);
  return out;
}

// The inputs that the gradients asked for read: a's of mul and div reads b alone, b's of mul a.
struct Kept {
  bool a = false, b = false;
};
Kept kept(BinaryId id, const Tensor& a, const Tensor& b) {
  if (!reads(binary_info[static_cast<std::size_t>(id)], Reads::Input)) return {};
  const bool product = id == binary_id<op::Mul>, quotient = id == binary_id<op::Div>;
  return {!(product || quotient) || needs_grad(b), !product || needs_grad(a)};
}

// Whether two tensors share memory other than by lying in it alike.
bool overlaps_partly(const Tensor& a, const Tensor& b) {
  if (a.impl()->storage != b.impl()->storage || a.impl()->data == b.impl()->data) {
    return a.impl()->storage == b.impl()->storage && !alike(a, b);
  }
  const Extent x = extent(a.layout()), y = extent(b.layout());
  return x.low <= y.high && y.low <= x.high;
}

void check_result_fits(const char* op, DType result, DType self) {
  if (!can_cast(result, self)) {
    fail<DTypeError>(op, "got a result of {} for a tensor of {}, expected one that it can hold",
                     result, self);
  }
}

}  // namespace

Tensor detail::unary(UnaryId id, const Tensor& x, const void* op) {
  const ElementwiseInfo& info = unary_info[static_cast<std::size_t>(id)];
  const TensorImpl& t = x.get(info.name);
  const DType in = compute_in(info, t.dtype);
  Tensor y = output_like(x, info.gives_bool ? DType::Bool : in);
  const bool flat = is_dense(t.sizes, t.strides);
  kernels(x.device()).unary(id, loop_over(y, {y.view(), x.view()}, flat), in, op);
  if (info.differentiable && recording(x)) {
    record(info.name, y, {x},
           [id, op = Parameters(op, info.bytes),
            x = reads(info, Reads::Input) ? saved(x) : SavedTensor(),
            y = reads(info, Reads::Output) ? saved_output(y) : SavedTensor()](Tensor& g,
                                                                              Gradients& in) {
             in.set(0, [&] { return unary_backward(id, op, g, x.get(), y.get()); });
           });
  }
  return y;
}

Tensor& detail::unary_(UnaryId id, Tensor& x, const void* op) {
  const ElementwiseInfo& info = unary_info[static_cast<std::size_t>(id)];
  const DType self = x.get(info.name).dtype, in = compute_in(info, self);
  if (!info.gives_bool) check_result_fits(info.name, in, self);
  const bool recorded = info.differentiable && recording(x);
  check_inplace(info.name, x, recorded);
  const Tensor before = recorded && reads(info, Reads::Input) ? x.clone() : Tensor();
  const bool through_bool = info.gives_bool && self != DType::Bool;  // kernels write no other
  const Tensor y = through_bool ? output_like(x, DType::Bool) : x;
  const Whole whole(x.numel());
  kernels(x.device()).unary(id, make_loop(x.sizes(), {y.view(), x.view()}), in, op);
  if (through_bool) kernels(x.device()).copy(make_loop(x.sizes(), {x.view(), y.view()}));
  bump_version(info.name, x);
  if (recorded) {
    record_inplace(info.name, x, {x},
                   [id, op = Parameters(op, info.bytes), x = saved(before),
                    y = reads(info, Reads::Output) ? saved_output(x) : SavedTensor()](
                       Tensor& g, Gradients& in) {
                     in.set(0, [&] { return unary_backward(id, op, g, x.get(), y.get()); });
                   });
  }
  return x;
}

// Only grad_b reads the output: it is not kept where b needs no gradient.
Tensor detail::binary(BinaryId id, const Tensor& a, const Tensor& b, const void* op) {
  const ElementwiseInfo& info = binary_info[static_cast<std::size_t>(id)];
  const TensorImpl &s = a.get(info.name), &t = b.get(info.name);
  const bool mixed = detail::apart(a, b);
  if (mixed) [[unlikely]] {
    const auto [x, y] = detail::together(info.name, a, b);
    if (!x.is_same(a) || !y.is_same(b)) return binary(id, x, y, op);
  }
  const Device device = mixed && a.device() == kCPU ? b.device() : a.device();
  const DType in = compute_in(info, result_type(a, b)), out = info.gives_bool ? DType::Bool : in;
  const bool flat = alike(a, b) && is_dense(s.sizes, s.strides);
  Tensor y;
  if (flat) {
    y = make_tensor(s.sizes, s.strides, out, device);
  } else {
    const Shape sizes = broadcast_shapes(info.name, s.sizes, t.sizes);
    const Shape strides = sizes == s.sizes   ? dense_strides(sizes, s.strides)
                          : sizes == t.sizes ? dense_strides(sizes, t.strides)
                                             : contiguous_strides(sizes);
    y = make_tensor(sizes, strides, out, device);
  }
  y.impl()->weak = s.weak && t.weak;
  Loop loop = loop_over(y, {y.view(), a.view(), b.view()}, flat);
  if (mixed) detail::note_numbers(loop, {&a, &b});
  kernels(device).binary(id, loop, in, op);
  if (info.differentiable && recording(a, b)) {
    const Kept keep = kept(id, a, b);
    const bool output = reads(info, Reads::Output) && needs_grad(b);
    record(info.name, y, {a, b},
           [id, op = Parameters(op, info.bytes), a = keep.a ? saved(a) : SavedTensor(),
            b = keep.b ? saved(b) : SavedTensor(),
            y = output ? saved_output(y) : SavedTensor()](Tensor& g, Gradients& in) {
             in.set(0, [&] { return binary_backward(id, 0, op, g, a.get(), b.get(), y.get()); });
             in.set(1, [&] { return binary_backward(id, 1, op, g, a.get(), b.get(), y.get()); });
           });
  }
  return y;
}

Tensor& detail::binary_(BinaryId id, Tensor& a, const Tensor& other, const void* op) {
  const ElementwiseInfo& info = binary_info[static_cast<std::size_t>(id)];
  const TensorImpl &s = a.get(info.name), &t = other.get(info.name);
  const bool mixed = detail::apart(a, other);
  if (mixed) [[unlikely]] {
    if (a.device() == kCPU) detail::check_one_device(info.name, a, other);
    if (const Tensor b = detail::together(info.name, a, other).second; !b.is_same(other))
      return binary_(id, a, b, op);
  }
  const DType in = compute_in(info, result_type(a, other));
  if (!info.gives_bool) check_result_fits(info.name, in, s.dtype);
  if (broadcast_shapes(info.name, s.sizes, t.sizes) != s.sizes) {
    fail<ShapeError>(info.name,
                     "got shape [{}] in place with [{}], expected one that broadcasts to the first",
                     fmt::join(s.sizes, ", "), fmt::join(t.sizes, ", "));
  }
  const bool recorded = info.differentiable && recording(a, other);
  check_inplace(info.name, a, recorded);
  const Kept keep = recorded ? kept(id, a, other) : Kept();
  const Tensor before = keep.a ? a.clone() : Tensor();
  const Tensor b = overlaps_partly(a, other) || (keep.b && a.impl()->storage == t.storage)
                       ? other.clone()
                       : other;
  const bool output = reads(info, Reads::Output) && recorded && needs_grad(b);
  const Whole whole(a.numel());
  Loop loop = make_loop(s.sizes, {a.view(), a.view(), b.view()});
  if (mixed) detail::note_numbers(loop, {&a, &b});
  kernels(a.device()).binary(id, loop, in, op);
  bump_version(info.name, a);
  if (recorded) {
    record_inplace(
        info.name, a, {a, b},
        [id, op = Parameters(op, info.bytes), a = saved(before),
         b = keep.b ? saved(b) : SavedTensor(),
         y = output ? saved_output(a) : SavedTensor()](Tensor& g, Gradients& in) {
          in.set(0, [&] { return binary_backward(id, 0, op, g, a.get(), b.get(), y.get()); });
          in.set(1, [&] { return binary_backward(id, 1, op, g, a.get(), b.get(), y.get()); });
        });
  }
  return a;
}

namespace {
const Tensor& operand_of(const Tensor& t) { return t; }
Tensor operand_of(const Scalar& s) { return make_scalar(s, s.dtype()); }
}  // namespace

Tensor detail::binary(BinaryId id, const Tensor& a, const Scalar& b, const void* op) {
  return binary(id, a, operand_of(b), op);
}
Tensor detail::binary(BinaryId id, const Scalar& a, const Tensor& b, const void* op) {
  return binary(id, operand_of(a), b, op);
}
Tensor& detail::binary_(BinaryId id, Tensor& a, const Scalar& b, const void* op) {
  return binary_(id, a, operand_of(b), op);
}

namespace {

DType weak_result(const Tensor& a, const Tensor& b) { return result_type(a, b); }
DType weak_result(const Tensor& a, const Scalar& b) { return result_type(a, b); }
DType weak_result(const Scalar& a, const Tensor& b) { return result_type(b, a); }

// The factor of add and sub, which an integer result must be able to hold.
double factor(const char* op, const Scalar& alpha, DType result) {
  if (alpha.is_floating() && !is_floating(result)) {
    fail<DTypeError>(op, "got alpha {} for a result of {}, expected an integer", alpha.to_double(),
                     result);
  }
  return alpha.to_double();
}

template <class A, class B>
Tensor added(const A& a, const B& b, const Scalar& alpha) {
  op::Add op;
  if (alpha.is_floating() || alpha.to_int() != 1)
    op.alpha = factor("add", alpha, weak_result(a, b));
  return detail::binary(binary_id<op::Add>, a, b, &op);
}
template <class A, class B>
Tensor subtracted(const A& a, const B& b, const Scalar& alpha) {
  op::Sub op;
  if (alpha.is_floating() || alpha.to_int() != 1)
    op.alpha = factor("sub", alpha, weak_result(a, b));
  return detail::binary(binary_id<op::Sub>, a, b, &op);
}

bool has_zero(const Scalar& b) { return !b.is_floating() && b.to_int() == 0; }
bool has_zero(const Tensor& b) {
  // A device is not waited for: there it gives 0 (ops/formula.h).
  return !is_floating(b.get("div").dtype) && b.device() == kCPU && !b.all().item().to_bool();
}

// Integers have no quotient by zero that could be rounded, and no remainder.
template <class A, class B>
void refuse_zero(const char* op, const A& a, const B& b) {
  if (!is_floating(weak_result(a, b)) && has_zero(b))
    fail<ValueError>(op, "got an integer zero as divisor, expected none");
}

// Which division.
template <class A, class B>
BinaryId division(const A& a, const B& b, const char* rounding_mode) {
  if (!rounding_mode) return binary_id<op::Div>;
  const std::string_view mode = rounding_mode;
  if (mode != "trunc" && mode != "floor") {
    fail<ValueError>("div", "got rounding mode \"{}\", expected none, \"trunc\" or \"floor\"",
                     mode);
  }
  refuse_zero("div", a, b);
  return mode == "trunc" ? binary_id<op::TruncDiv> : binary_id<op::FloorDiv>;
}

bool cuts_halves(BinaryId id, DType result) {
  return id == binary_id<op::TruncDiv> && is_floating(result) && size_of(result) == 2;
}

// PyTorch rounds the quotient of halves before it cuts it.
Tensor cut_quotient(const Tensor& a, const Tensor& b) {
  NoGradGuard no_grad;
  return detail::binary(binary_id<op::TruncDiv>, detail::binary(binary_id<op::Div>, a, b, &kNone),
                        Scalar(1), &kNone);
}

template <class A, class B>
Tensor divided(const A& a, const B& b, const char* mode) {
  const BinaryId id = division(a, b, mode);
  if (!cuts_halves(id, weak_result(a, b))) return detail::binary(id, a, b, &kNone);
  const Tensor x = operand_of(a), y = operand_of(b);
  Tensor q = cut_quotient(x, y);
  if (recording(x, y))
    record(op::TruncDiv::name, q, {x, y}, [](Tensor& g, Gradients& in) {
      for (const std::size_t i : {0u, 1u}) in.set(i, [&] { return g * 0; });
    });
  return q;
}

template <class B>
Tensor& divided_(Tensor& a, const B& b, const char* mode) {
  const BinaryId id = division(a, b, mode);
  if (!cuts_halves(id, weak_result(a, b))) return detail::binary_(id, a, b, &kNone);
  const Tensor q = cut_quotient(a, operand_of(b));
  const Whole whole(a.numel());
  detail::binary_(id, a, b, &kNone);  // checks and records
  kernels(a.device()).copy(make_loop(a.sizes(), {a.view(), q.view()}));
  return a;
}

}  // namespace

void detail::check_divisor(const char* op, const Tensor& a, const Tensor& b) {
  refuse_zero(op, a, b);
}
void detail::check_divisor(const char* op, const Tensor& a, const Scalar& b) {
  refuse_zero(op, a, b);
}
void detail::check_divisor(const char* op, const Scalar& a, const Tensor& b) {
  refuse_zero(op, a, b);
}

Tensor add(const Tensor& a, const Tensor& b, const Scalar& alpha) { return added(a, b, alpha); }
Tensor add(const Tensor& a, const Scalar& b, const Scalar& alpha) { return added(a, b, alpha); }
Tensor add(const Scalar& a, const Tensor& b, const Scalar& alpha) { return added(a, b, alpha); }
Tensor sub(const Tensor& a, const Tensor& b, const Scalar& alpha) {
  return subtracted(a, b, alpha);
}
Tensor sub(const Tensor& a, const Scalar& b, const Scalar& alpha) {
  return subtracted(a, b, alpha);
}
Tensor sub(const Scalar& a, const Tensor& b, const Scalar& alpha) {
  return subtracted(a, b, alpha);
}
Tensor mul(const Tensor& a, const Tensor& b) {
  return detail::binary(binary_id<op::Mul>, a, b, &kNone);
}
Tensor mul(const Tensor& a, const Scalar& b) {
  return detail::binary(binary_id<op::Mul>, a, b, &kNone);
}
Tensor mul(const Scalar& a, const Tensor& b) {
  return detail::binary(binary_id<op::Mul>, a, b, &kNone);
}
Tensor div(const Tensor& a, const Tensor& b, const char* mode) { return divided(a, b, mode); }
Tensor div(const Tensor& a, const Scalar& b, const char* mode) { return divided(a, b, mode); }
Tensor div(const Scalar& a, const Tensor& b, const char* mode) { return divided(a, b, mode); }

Tensor& Tensor::add_(const Tensor& other, const Scalar& alpha) {
  const op::Add op{factor("add_", alpha, dtype())};
  return detail::binary_(binary_id<op::Add>, *this, other, &op);
}
Tensor& Tensor::add_(const Scalar& other, const Scalar& alpha) {
  const op::Add op{factor("add_", alpha, dtype())};
  return detail::binary_(binary_id<op::Add>, *this, other, &op);
}
Tensor& Tensor::sub_(const Tensor& other, const Scalar& alpha) {
  const op::Sub op{factor("sub_", alpha, dtype())};
  return detail::binary_(binary_id<op::Sub>, *this, other, &op);
}
Tensor& Tensor::sub_(const Scalar& other, const Scalar& alpha) {
  const op::Sub op{factor("sub_", alpha, dtype())};
  return detail::binary_(binary_id<op::Sub>, *this, other, &op);
}
Tensor& Tensor::mul_(const Tensor& other) {
  return detail::binary_(binary_id<op::Mul>, *this, other, &kNone);
}
Tensor& Tensor::mul_(const Scalar& other) {
  return detail::binary_(binary_id<op::Mul>, *this, other, &kNone);
}
Tensor& Tensor::div_(const Tensor& other, const char* mode) { return divided_(*this, other, mode); }
Tensor& Tensor::div_(const Scalar& other, const char* mode) { return divided_(*this, other, mode); }

Tensor gelu(const Tensor& x, const char* approximate) {
  const std::string_view form = approximate;
  if (form == "tanh") return detail::unary<op::GeluTanh>(x);
  if (form == "none") return detail::unary<op::Gelu>(x);
  fail<ValueError>("gelu", "got approximate \"{}\", expected \"none\" or \"tanh\"", form);
}

namespace {
// Whether x is of bool; throws where it has no bits to turn.
bool turns_bool(const Tensor& x) {
  const DType t = x.get("bitwise_not").dtype;
  if (is_floating(t)) fail<DTypeError>("bitwise_not", "got {}, expected integers or bool", t);
  return t == DType::Bool;
}
}  // namespace

Tensor bitwise_not(const Tensor& x) { return turns_bool(x) ? logical_not(x) : bitwise_xor(x, -1); }
Tensor& bitwise_not_(Tensor& x) { return turns_bool(x) ? logical_not_(x) : bitwise_xor_(x, -1); }

}  // namespace weft
