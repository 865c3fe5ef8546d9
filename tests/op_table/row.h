#pragma once

#include <string>
#include <tuple>
#include <vector>

#include <weft/tests/op_table/array.h>
#include <weft/weft.h>

// The op table: a row for each op, over which generic tests loop (*_test.cpp) and which the oracle
// compares with PyTorch (tests/oracle).
namespace weft::op_table {

using Tensors = std::vector<Tensor>;

// ---- Sets of dtypes
using DTypes = unsigned;
constexpr DTypes only(DType t) { return 1u << static_cast<int>(t); }
constexpr bool holds(DTypes set, DType t) { return (set & only(t)) != 0; }
inline constexpr DTypes kBool = only(boolean),
                        kInt = only(u8) | only(i8) | only(i16) | only(i32) | only(i64),
                        kFloat = only(f16) | only(bf16) | only(f32) | only(f64),
                        kNumber = kInt | kFloat, kAll = kNumber | kBool;

// ---- The dtype of results, from that of the inputs whose dtype varies
using ResultType = DType (*)(DType);
inline DType same_dtype(DType t) { return t; }
inline DType gives_bool(DType) { return boolean; }
inline DType gives_i64(DType) { return i64; }
inline DType floating_of(DType t) { return is_floating(t) ? t : f32; }
inline DType integer_wide(DType t) { return is_floating(t) ? t : i64; }  // of sums

// How one argument's numbers are made: all different, in a mixed order, between low and high and on
// no round number; or given ones. An integer dtype gets integers within the bounds.
struct Input {
  Shape sizes;
  double low = -2, high = 2;
  std::vector<double> given;
  std::optional<DType> dtype;  // its own, whatever the rest are
  bool differentiable = true;
  bool optional = false;  // an undefined tensor is a proper argument
};
inline Input real(const Shape& sizes, double low = -2, double high = 2) {
  return {sizes, low, high, {}, {}, true, false};
}
inline Input given(const Shape& sizes, const std::vector<double>& values) {
  return {sizes, 0, 0, values, {}, true, false};
}
// i64 in [low, high).
inline Input integers(const Shape& sizes, double low, double high) {
  return {sizes, low, high - 1, {}, i64, false, false};
}
inline Input indices(const Shape& sizes, const std::vector<double>& values) {
  return {sizes, 0, 0, values, i64, false, false};
}
inline Input mask(const Shape& sizes) { return {sizes, 0, 1, {}, boolean, false, false}; }
inline Input constant(Input x) {
  x.differentiable = false;
  return x;
}
inline Input or_none(Input x) {
  x.optional = true;
  return x;
}

namespace convert {
inline Tensors listed(const Tensor& t) { return {t}; }
inline Tensors listed(const Tensors& t) { return t; }
template <class... T>
Tensors listed(const std::tuple<T...>& t) {
  return std::apply([](const auto&... e) { return Tensors{e...}; }, t);
}
inline Arrays listed(const Array& a) { return {a}; }
inline Arrays listed(const Arrays& a) { return a; }
}  // namespace convert

// A lambda without captures from a list to one, several or a tuple.
template <class T>
class Function {
  using List = std::vector<T>;

 public:
  Function() = default;
  template <class F>
  requires(std::is_empty_v<F>&& std::is_invocable_v<F, const List&>) Function(F)  // NOLINT
      : run_([](const List& x) { return convert::listed(F{}(x)); }) {}
  List operator()(const List& x) const { return run_(x); }
  explicit operator bool() const { return run_ != nullptr; }

 private:
  List (*run_)(const List&) = nullptr;
};

struct Case {
  std::string torch;  // the same call in PyTorch, of x[0], x[1]...; empty: nothing to compare with
  std::vector<Input> inputs = {};
  Function<Tensor> call = {};
  Function<Array> reference = {};
  void (*inplace)(Tensors& x) = nullptr;  // the in-place form, on x[0]
  DTypes dtypes = kAll;                   // and those of the row
  bool smooth = true;        // differences tell the gradient; not so at kinks, ties and infinities
  bool exact_order = false;  // not of every layout: strides are part of what it does
  std::vector<Input> big = {};  // inputs for which work is shared among threads
  bool winograd = false;        // whether some instruction sets sum in an order of Winograd's
  std::string python = {};      // the same call in Weft's Python, where it is not `torch`
};

struct Bad {
  Tensors (*call)();
  std::string message;     // part of what the error says
  std::string torch = {};  // the same call in PyTorch and in Weft's Python
};

struct Row {
  std::string name;
  std::vector<Case> cases;
  DTypes dtypes = kAll;  // of the inputs whose dtype varies; all others are refused
  ResultType result = same_dtype;
  bool differentiable = true;
  std::vector<Bad> bad = {};
  double loose = 1;             // times the tolerance
  double scale = 1e-4;          // a difference is taken relative to |expected| + scale
  bool mixes = false;           // its inputs' dtypes promote
  ResultType second = nullptr;  // of the second output, where it differs
};

// ---- Families, each in rows_*.cpp
std::vector<Row> unary_rows();
std::vector<Row> binary_rows();
std::vector<Row> matrix_rows();
std::vector<Row> shape_rows();
std::vector<Row> make_rows();
std::vector<Row> network_rows();
std::vector<Row> norm_rows();
std::vector<Row> reduce_rows();
std::vector<Row> index_rows();
std::vector<Row> order_rows();
std::vector<Row> sets_rows();
std::vector<Row> pad_rows();
std::vector<Row> loss_rows();

// All rows; with WEFT_OPS=a,b in the environment only those.
const std::vector<Row>& all_rows();

// ---- Values and tensors
// The numbers of argument `position`, as the dtype holds them.
Array array_of(const Input& input, DType dtype, int position);
Tensor tensor_of(const Array& x, DType dtype);
Tensors tensors_of(const std::vector<Input>& inputs, DType dtype, bool requires_grad = false);
DType dtype_of(const Input& input, DType dtype);
// The dtypes that the case is tried with.
std::vector<DType> dtypes_of(const Row& row, const Case& c);

enum class Arrangement { Contiguous, Transposed, Strided, Reversed, Expanded, ChannelsLast };
// A tensor of x's values that lies otherwise in memory. Expanded repeats x's first row instead.
Tensor arranged(const Tensor& x, Arrangement how, bool requires_grad);

struct Results {
  Tensors outputs, grads;  // grads: undefined where an input has none
};
// The call, and the gradients of the inputs that ask for them at fixed gradients of the outputs.
Results run(const Case& c, const Tensors& inputs, bool backward);
Tensors grad_outputs_of(const Tensors& outputs);

double tolerance(DType dtype);
// What differs first, or nothing.
std::string difference(const Tensor& got, const Array& expected, double tolerance, double scale);
std::string difference(const Tensors& got, const Tensors& expected, double tolerance, double scale);
// Of bits; NaN equals itself.
std::string bits_difference(const Tensors& got, const Tensors& expected);
Array array_of(const Tensor& t);

// What f threw, or nothing.
template <class F>
std::string message_of(F f) {
  try {
    f();
    return {};
  } catch (const std::exception& e) {
    return e.what();
  }
}

// describe(row, case, dtype): the head of a failure's message.
std::string describe(const Row& row, const Case& c, DType dtype);

}  // namespace weft::op_table
