#include <weft/python/src/call.h>

#include <weft/ops/elementwise.h>
#include <weft/ops/matmul.h>

// Operators: tensors, numbers and arrays on either side.
namespace weft::python {
namespace {

bool long_work(PyObject* a, PyObject* b) {
  return (is_tensor(a) && python::long_work(tensor_of(a))) ||
         (is_tensor(b) && python::long_work(tensor_of(b)));
}

// f(a, b) for tensors and numbers; NotImplemented for what is neither.
template <class F>
PyObject* combine(PyObject* a, PyObject* b, F f) {
  return guarded([&]() -> PyObject* {
    const bool ta = is_tensor(a), tb = is_tensor(b);
    const auto run = [&](const auto& x, const auto& y) {
      Tensor result;
      {
        const Unlocked unlocked(long_work(a, b));
        result = f(x, y);
      }
      return wrap(std::move(result));
    };
    if (ta && tb) return run(tensor_of(a), tensor_of(b));
    PyObject* other = ta ? b : a;
    if (const std::optional<Scalar> s = as_scalar(other)) {
      return ta ? run(tensor_of(a), *s) : run(*s, tensor_of(b));
    }
    if (!is_array(other)) Py_RETURN_NOTIMPLEMENTED;
    const Tensor t = as_tensor(other);
    return ta ? run(tensor_of(a), t) : run(t, tensor_of(b));
  });
}

template <class F>
PyObject* change(PyObject* a, PyObject* b, F f) {
  return guarded([&]() -> PyObject* {
    const auto run = [&](const auto& y) {
      {
        const Unlocked unlocked(long_work(a, b));
        f(tensor_of(a), y);
      }
      Py_INCREF(a);
      return a;
    };
    if (is_tensor(b)) return run(tensor_of(b));
    if (const std::optional<Scalar> s = as_scalar(b)) return run(*s);
    if (!is_array(b)) Py_RETURN_NOTIMPLEMENTED;
    return run(as_tensor(b));
  });
}

template <class F>
PyObject* alter(PyObject* a, F f) {
  return guarded([&] {
    Tensor result;
    {
      const Unlocked unlocked(python::long_work(tensor_of(a)));
      result = f(tensor_of(a));
    }
    return wrap(std::move(result));
  });
}

PyObject* add(PyObject* a, PyObject* b) {
  return combine(a, b, [](const auto& x, const auto& y) { return weft::add(x, y); });
}
PyObject* subtract(PyObject* a, PyObject* b) {
  return combine(a, b, [](const auto& x, const auto& y) { return weft::sub(x, y); });
}
PyObject* multiply(PyObject* a, PyObject* b) {
  return combine(a, b, [](const auto& x, const auto& y) { return weft::mul(x, y); });
}
PyObject* divide(PyObject* a, PyObject* b) {
  return combine(a, b, [](const auto& x, const auto& y) { return weft::div(x, y); });
}
PyObject* floor_divide(PyObject* a, PyObject* b) {
  return combine(a, b, [](const auto& x, const auto& y) { return weft::div(x, y, "floor"); });
}
PyObject* modulo(PyObject* a, PyObject* b) {
  return combine(a, b, [](const auto& x, const auto& y) { return weft::remainder(x, y); });
}
PyObject* power(PyObject* a, PyObject* b, PyObject* modulus) {
  if (modulus != Py_None) Py_RETURN_NOTIMPLEMENTED;
  return combine(a, b, [](const auto& x, const auto& y) { return weft::pow(x, y); });
}
PyObject* matrix_multiply(PyObject* a, PyObject* b) {
  if (!(is_tensor(a) || is_array(a)) || !(is_tensor(b) || is_array(b))) Py_RETURN_NOTIMPLEMENTED;
  return guarded([&] {
    const Tensor x = as_tensor(a), y = as_tensor(b);
    Tensor result;
    {
      const Unlocked unlocked(long_work(a, b));
      result = weft::matmul(x, y);
    }
    return wrap(std::move(result));
  });
}
PyObject* negative(PyObject* a) {
  return alter(a, [](const Tensor& x) { return weft::neg(x); });
}
PyObject* positive(PyObject* a) {
  Py_INCREF(a);
  return a;
}
PyObject* absolute(PyObject* a) {
  return alter(a, [](const Tensor& x) { return weft::abs(x); });
}

PyObject* both(PyObject* a, PyObject* b) {
  return combine(a, b, [](const auto& x, const auto& y) { return weft::bitwise_and(x, y); });
}
PyObject* either(PyObject* a, PyObject* b) {
  return combine(a, b, [](const auto& x, const auto& y) { return weft::bitwise_or(x, y); });
}
PyObject* one_of(PyObject* a, PyObject* b) {
  return combine(a, b, [](const auto& x, const auto& y) { return weft::bitwise_xor(x, y); });
}
PyObject* shift_left(PyObject* a, PyObject* b) {
  return combine(a, b, [](const auto& x, const auto& y) { return weft::bitwise_left_shift(x, y); });
}
PyObject* shift_right(PyObject* a, PyObject* b) {
  return combine(a, b,
                 [](const auto& x, const auto& y) { return weft::bitwise_right_shift(x, y); });
}
PyObject* invert(PyObject* a) {
  return alter(a, [](const Tensor& x) { return weft::bitwise_not(x); });
}

PyObject* add_in(PyObject* a, PyObject* b) {
  return change(a, b, [](Tensor& x, const auto& y) { x.add_(y); });
}
PyObject* subtract_in(PyObject* a, PyObject* b) {
  return change(a, b, [](Tensor& x, const auto& y) { x.sub_(y); });
}
PyObject* multiply_in(PyObject* a, PyObject* b) {
  return change(a, b, [](Tensor& x, const auto& y) { x.mul_(y); });
}
PyObject* divide_in(PyObject* a, PyObject* b) {
  return change(a, b, [](Tensor& x, const auto& y) { x.div_(y); });
}
PyObject* floor_divide_in(PyObject* a, PyObject* b) {
  return change(a, b, [](Tensor& x, const auto& y) { x.div_(y, "floor"); });
}

PyObject* modulo_in(PyObject* a, PyObject* b) {
  return change(a, b, [](Tensor& x, const auto& y) { weft::remainder_(x, y); });
}
PyObject* power_in(PyObject* a, PyObject* b, PyObject* modulus) {
  if (modulus != Py_None) Py_RETURN_NOTIMPLEMENTED;
  return change(a, b, [](Tensor& x, const auto& y) { weft::pow_(x, y); });
}
PyObject* both_in(PyObject* a, PyObject* b) {
  return change(a, b, [](Tensor& x, const auto& y) { weft::bitwise_and_(x, y); });
}
PyObject* either_in(PyObject* a, PyObject* b) {
  return change(a, b, [](Tensor& x, const auto& y) { weft::bitwise_or_(x, y); });
}
PyObject* one_of_in(PyObject* a, PyObject* b) {
  return change(a, b, [](Tensor& x, const auto& y) { weft::bitwise_xor_(x, y); });
}
PyObject* shift_left_in(PyObject* a, PyObject* b) {
  return change(a, b, [](Tensor& x, const auto& y) { weft::bitwise_left_shift_(x, y); });
}
PyObject* shift_right_in(PyObject* a, PyObject* b) {
  return change(a, b, [](Tensor& x, const auto& y) { weft::bitwise_right_shift_(x, y); });
}

PyObject* compare(PyObject* a, PyObject* b, int how) {
  switch (how) {
    case Py_EQ: return combine(a, b, [](const auto& x, const auto& y) { return weft::eq(x, y); });
    case Py_NE: return combine(a, b, [](const auto& x, const auto& y) { return weft::ne(x, y); });
    case Py_LT: return combine(a, b, [](const auto& x, const auto& y) { return weft::lt(x, y); });
    case Py_LE: return combine(a, b, [](const auto& x, const auto& y) { return weft::le(x, y); });
    case Py_GT: return combine(a, b, [](const auto& x, const auto& y) { return weft::gt(x, y); });
    default: return combine(a, b, [](const auto& x, const auto& y) { return weft::ge(x, y); });
  }
}

int truth(PyObject* a) {
  int result = -1;
  PyObject* done = guarded([&] {
    result = tensor_of(a).item().to_bool();
    return Py_None;
  });
  return done ? result : -1;
}
PyObject* as_int(PyObject* a) {
  return guarded([&] {
    const Scalar s = tensor_of(a).item();
    return s.is_floating() ? PyLong_FromDouble(s.to_double()) : PyLong_FromLongLong(s.to_int());
  });
}
PyObject* as_float(PyObject* a) {
  return guarded([&] { return PyFloat_FromDouble(tensor_of(a).item().to_double()); });
}
PyObject* as_index(PyObject* a) {
  return guarded([&] {
    const Tensor& t = tensor_of(a);
    if (t.is_floating_point() || t.numel() != 1) {
      throw DTypeError("[index] got " + std::string(name(t.dtype())) + " of " +
                       std::to_string(t.numel()) + " elements, expected an integer tensor of one");
    }
    return PyLong_FromLongLong(t.item().to_int());
  });
}

template <class F>
PyType_Slot slot(int id, F* f) {
  return {id, reinterpret_cast<void*>(f)};
}

}  // namespace

PyType_Slot number_slots[] = {slot(Py_nb_add, add),
                              slot(Py_nb_subtract, subtract),
                              slot(Py_nb_multiply, multiply),
                              slot(Py_nb_true_divide, divide),
                              slot(Py_nb_floor_divide, floor_divide),
                              slot(Py_nb_remainder, modulo),
                              slot(Py_nb_power, power),
                              slot(Py_nb_matrix_multiply, matrix_multiply),
                              slot(Py_nb_negative, negative),
                              slot(Py_nb_positive, positive),
                              slot(Py_nb_absolute, absolute),
                              slot(Py_nb_and, both),
                              slot(Py_nb_or, either),
                              slot(Py_nb_xor, one_of),
                              slot(Py_nb_lshift, shift_left),
                              slot(Py_nb_rshift, shift_right),
                              slot(Py_nb_invert, invert),
                              slot(Py_nb_inplace_add, add_in),
                              slot(Py_nb_inplace_subtract, subtract_in),
                              slot(Py_nb_inplace_multiply, multiply_in),
                              slot(Py_nb_inplace_true_divide, divide_in),
                              slot(Py_nb_inplace_floor_divide, floor_divide_in),
                              slot(Py_nb_inplace_remainder, modulo_in),
                              slot(Py_nb_inplace_power, power_in),
                              slot(Py_nb_inplace_and, both_in),
                              slot(Py_nb_inplace_or, either_in),
                              slot(Py_nb_inplace_xor, one_of_in),
                              slot(Py_nb_inplace_lshift, shift_left_in),
                              slot(Py_nb_inplace_rshift, shift_right_in),
                              slot(Py_nb_bool, truth),
                              slot(Py_nb_int, as_int),
                              slot(Py_nb_float, as_float),
                              slot(Py_nb_index, as_index),
                              slot(Py_tp_richcompare, compare),
                              slot(Py_tp_hash, PyBaseObject_Type.tp_hash),
                              {0, nullptr}};

}  // namespace weft::python
