#pragma once

#include <string>
#include <variant>

#include <weft/ops/conv.h>
#include <weft/ops/loss.h>
#include <weft/python/src/caster.h>

// What the files of operations share: how they read operands, options and dims.
namespace weft::python {

// A tensor or a Python number.
struct Operand {
  std::variant<Tensor, Scalar> value;
  const Tensor* tensor() const { return std::get_if<Tensor>(&value); }
  const Scalar& scalar() const { return std::get<Scalar>(value); }
};

// f(a, b) with each a tensor or a number; TypeError where neither is a tensor.
template <class F>
Tensor with_operands(const char* name, const Operand& a, const Operand& b, F f) {
  if (a.tensor() && b.tensor()) return f(*a.tensor(), *b.tensor());
  if (a.tensor()) return f(*a.tensor(), b.scalar());
  if (b.tensor()) return f(a.scalar(), *b.tensor());
  throw py::type_error(std::string(name) + "(): got two numbers, expected a tensor among them");
}

// The one number of an operand that C++ takes as a number only.
inline Scalar number_of(const Operand& o) { return o.tensor() ? o.tensor()->item() : o.scalar(); }

inline py::arg input() { return py::arg("input").none(false); }
inline py::arg_v keepdim() { return "keepdim"_a = false; }
inline py::arg_v no_dim() { return "dim"_a = py::none(); }
inline py::arg_v no_dtype() { return "dtype"_a = py::none(); }

// Adds `values` and `indices` under the names of a tuple type: weft.return_types.max.
py::object values_and_indices(const py::handle& type, const std::tuple<Tensor, Tensor>& result);
py::object named_pair(const char* name, const char* doc);

void bind_arithmetic(py::module_& m);
void bind_reductions(py::module_& m);
void bind_order(py::module_& m);
void bind_comparisons(py::module_& m);
void bind_limits(py::module_& m);  // what dtypes hold, how numbers are printed
void bind_shapes(py::module_& m);
void bind_indexing(py::module_& m);
void bind_copies(py::module_& m);
void bind_products(py::module_& m);
// Lets all of m take axis for dim, keepdims for keepdim, and sizes as size=...
void take_other_names(py::module_& m);

void bind_memory_formats(py::module_& m);
void bind_random(py::module_& m);
void bind_numpy();
void bind_dlpack(py::module_& m);
void bind_pickle(py::module_& m);
void bind_functional(py::module_& f);  // of weft.nn.functional
void bind_losses(py::module_& f);

}  // namespace weft::python

namespace pybind11::detail {

template <>
struct type_caster<weft::python::Operand> {
  PYBIND11_TYPE_CASTER(weft::python::Operand, const_name("weft.Tensor | bool | int | float"));
  bool load(handle source, bool) {
    if (weft::python::is_tensor(source.ptr())) {
      value.value = weft::python::tensor_of(source.ptr());
      return true;
    }
    try {
      const std::optional<weft::Scalar> s = weft::python::as_scalar(source.ptr());
      if (s) value.value = *s;
      return s.has_value();
    } catch (const weft::python::PythonError&) {
      PyErr_Clear();
      return false;
    }
  }
};

template <>
struct type_caster<weft::Reduction> {
  PYBIND11_TYPE_CASTER(weft::Reduction, const_name("typing.Literal['none', 'mean', 'sum']"));
  bool load(handle source, bool) {
    if (!PyUnicode_Check(source.ptr())) return false;
    constexpr const char* names[] = {"none", "mean", "sum"};
    const int at = weft::python::keyword_position(source.ptr(), names, 3);
    if (at < 0) {
      throw weft::ValueError("[reduction] got '" + source.cast<std::string>() +
                             "', expected 'none', 'mean' or 'sum'");
    }
    value = static_cast<weft::Reduction>(at);
    return true;
  }
};

template <>
struct type_caster<weft::Padding> {
  static constexpr auto name = const_name("int | collections.abc.Sequence[int] | str");
  template <class T>
  using cast_op_type = const weft::Padding&;
  operator const weft::Padding&() const { return value; }
  bool load(handle source, bool convert) {
    if (PyUnicode_Check(source.ptr())) {
      value = weft::Padding(source.cast<std::string>());
      return true;
    }
    make_caster<weft::Shape> shape;
    if (source.is_none() || !shape.load(source, convert)) return false;
    value = weft::Padding(cast_op<weft::Shape&>(shape));
    return true;
  }
  weft::Padding value = 0;
};

}  // namespace pybind11::detail
