#include <weft/python/src/elementwise.h>

#include <algorithm>
#include <deque>
#include <string>

#include <weft/ops/blend.h>
#include <weft/ops/elementwise.h>
#include <weft/python/src/call.h>

// Functions and methods of the elementwise ops, made from their lists: weft.exp(x), x.exp(),
// x.exp_(), weft.maximum(a, b)...
namespace weft::python {
namespace {

// Texts that must live as long as the type.
const char* keep(std::string text) {
  static std::deque<std::string> texts;
  return texts.emplace_back(std::move(text)).c_str();
}

template <class F>
PyCFunction as_function(F* f) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(f));
}

template <class Op>
PyObject* apply(PyObject* self) {
  return guarded([&] {
    Tensor y;
    {
      const Tensor& x = tensor_of(self);
      const Unlocked unlocked(long_work(x));
      y = detail::unary<Op>(x);
    }
    return wrap(std::move(y));
  });
}

PyObject* one_tensor(const char* name, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
  PyObject* x = n == 1 && !keywords ? args[0] : nullptr;
  if (!x && n == 0 && keywords && PyTuple_GET_SIZE(keywords) == 1 &&
      PyUnicode_CompareWithASCIIString(own_name(PyTuple_GET_ITEM(keywords, 0)), "input") == 0) {
    x = args[0];
  }
  if (x && is_tensor(x)) return x;
  PyErr_Format(PyExc_TypeError, "%s(): got %s, expected %s(input: Tensor)", name,
               x ? Py_TYPE(x)->tp_name : "other arguments", name);
  return nullptr;
}

template <class Op>
PyObject* unary_function(PyObject*, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
  PyObject* x = one_tensor(Op::name, args, n, keywords);
  return x ? apply<Op>(x) : nullptr;
}
template <class Op>
PyObject* unary_method(PyObject* self, PyObject*) {
  return apply<Op>(self);
}
template <class Op>
PyObject* unary_inplace(PyObject* self, PyObject*) {
  return guarded([&] {
    Tensor& x = tensor_of(self);
    {
      const Unlocked unlocked(long_work(x));
      detail::unary_<Op>(x);
    }
    Py_INCREF(self);
    return self;
  });
}

// round() with decimals, by their name only.
constexpr const char* kRound = "round(input, *, decimals=0)";

template <class Plain, class Digits>
PyObject* rounding(PyObject* const* args, Py_ssize_t n, PyObject* keywords, PyObject* self,
                   Plain plain, Digits digits) {
  return guarded([&] {
    static constexpr const char* names[] = {"input", "decimals"};
    if (n > (self ? 0 : 1)) throw_signature(kRound, "too many arguments");
    const Arguments<2> a(kRound, names, args, n, keywords);
    PyObject* x = self ? self : a[0];
    if (!x || !is_tensor(x) || (self && a[0])) throw_signature(kRound, "other arguments");
    return a[1] ? digits(x, static_cast<int>(std::clamp<Index>(to_index(a[1]), -1000, 1000)))
                : plain(x);
  });
}

PyObject* apply_decimals(PyObject* self, int decimals) {
  Tensor y;
  {
    const Tensor& x = tensor_of(self);
    const Unlocked unlocked(long_work(x));
    y = round(x, decimals);
  }
  return wrap(std::move(y));
}

PyObject* round_function(PyObject*, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
  if (n == 1 && !keywords && is_tensor(args[0])) return apply<op::Round>(args[0]);
  return rounding(args, n, keywords, nullptr, apply<op::Round>, apply_decimals);
}
PyObject* round_method(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
  return rounding(args, n, keywords, self, apply<op::Round>, apply_decimals);
}
PyObject* round_inplace(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
  return rounding(
      args, n, keywords, self, [](PyObject* x) { return unary_inplace<op::Round>(x, nullptr); },
      [](PyObject* x, int decimals) {
        const Unlocked unlocked(long_work(tensor_of(x)));
        round_(tensor_of(x), decimals);
        return Py_NewRef(x);
      });
}

template <class Op>
PyObject* apply(PyObject* a, PyObject* b) {
  return guarded([&] {
    const auto run = [&](const auto& x, const auto& y) {
      Tensor z;
      {
        const Unlocked unlocked((is_tensor(a) && long_work(tensor_of(a))) ||
                                (is_tensor(b) && long_work(tensor_of(b))));
        z = detail::binary<Op>(x, y);
      }
      return wrap(std::move(z));
    };
    if (is_tensor(a) && is_tensor(b)) return run(tensor_of(a), tensor_of(b));
    const std::optional<Scalar> s = is_tensor(a)   ? as_scalar(b)
                                    : is_tensor(b) ? as_scalar(a)
                                                   : std::nullopt;
    if (!s) {
      PyErr_Format(PyExc_TypeError,
                   "%s(): got %s and %s, expected tensors, or a tensor and a number", Op::name,
                   Py_TYPE(a)->tp_name, Py_TYPE(b)->tp_name);
      throw PythonError();
    }
    return is_tensor(a) ? run(tensor_of(a), *s) : run(*s, tensor_of(b));
  });
}

template <class Op>
constexpr const char* second_name = std::is_same_v<Op, op::Pow> ? "exponent" : "other";

template <class Op>
PyObject* binary_function(PyObject*, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
  static constexpr const char* names[] = {"input", second_name<Op>};
  static const char* signature = keep(std::string(Op::name) + "(input, " + second_name<Op> + ")");
  return guarded([&] {
    const Arguments<2> a(signature, names, args, n, keywords, 2);
    return apply<Op>(a[0] ? a[0] : Py_None, a[1] ? a[1] : Py_None);
  });
}
// The one argument of a method, by position or by its name.
template <class Op>
PyObject* second(PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
  if (n == 1 && !keywords) [[likely]]
    return args[0];
  static constexpr const char* names[] = {second_name<Op>};
  static const char* signature = keep(std::string(Op::name) + "(" + second_name<Op> + ")");
  const Arguments<1> a(signature, names, args, n, keywords, 1);
  return a[0] ? a[0] : Py_None;
}

template <class Op>
PyObject* binary_method(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
  return guarded([&] { return apply<Op>(self, second<Op>(args, n, keywords)); });
}

template <class Op>
PyObject* binary_inplace(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
  return guarded([&] {
    PyObject* other = second<Op>(args, n, keywords);
    Tensor& x = tensor_of(self);
    if (is_tensor(other)) {
      const Unlocked unlocked(long_work(x));
      detail::binary_<Op>(x, tensor_of(other));
    } else if (const std::optional<Scalar> s = as_scalar(other)) {
      detail::binary_<Op>(x, *s);
    } else {
      PyErr_Format(PyExc_TypeError, "%s_(): got %s, expected a tensor or a number", Op::name,
                   Py_TYPE(other)->tp_name);
      throw PythonError();
    }
    return Py_NewRef(self);
  });
}

// add, sub, mul and div have more arguments (tensor_methods.cpp); what div names by its mode is no
// function.
template <class Op>
constexpr bool plain_binary =
    !std::is_same_v<Op, op::Add> && !std::is_same_v<Op, op::Sub> && !std::is_same_v<Op, op::Mul> &&
    !std::is_same_v<Op, op::Div> && !std::is_same_v<Op, op::TruncDiv> &&
    !std::is_same_v<Op, op::FloorDiv>;
template <class Op>
constexpr bool has_inplace =
    std::is_same_v<Op, op::Pow> || detail::is_remainder<Op> || !takes_floating(Op::domain);
// Ops with parameters are bound by hand, as are the two forms of gelu.
template <class Op>
constexpr bool plain_unary = std::is_empty_v<Op> && !std::is_same_v<Op, op::Round> &&
                             !std::is_same_v<Op, op::Gelu> && !std::is_same_v<Op, op::GeluTanh>;

template <class... Ops>
void add_unary(std::vector<PyMethodDef>& functions, std::vector<PyMethodDef>& methods,
               OpList<Ops...>) {
  const auto one = [&]<class Op>(const Op*) {
    if constexpr (plain_unary<Op>) {
      const std::string name = Op::name;
      const std::string doc =
          "\n--\n\n" + formula_text(Op::doc) + " x is each element of the tensor.";
      functions.push_back(
          {Op::name, as_function(unary_function<Op>), METH_FASTCALL | METH_KEYWORDS,
           keep(name + "(input)\n--\n\n" + unary_doc(Op::name, Op::doc, Op::domain))});
      methods.push_back({Op::name, unary_method<Op>, METH_NOARGS, keep(name + "($self)" + doc)});
      if constexpr (!requires { Op::result; } || std::is_same_v<Op, op::LogicalNot>) {
        methods.push_back({keep(name + "_"), unary_inplace<Op>, METH_NOARGS,
                           keep(name + "_($self)" + doc + " In place.")});
      }
    }
  };
  (one(static_cast<const Ops*>(nullptr)), ...);
}

template <class... Ops>
void add_binary(std::vector<PyMethodDef>& functions, std::vector<PyMethodDef>& methods,
                OpList<Ops...>) {
  const auto one = [&]<class Op>(const Op*) {
    if constexpr (plain_binary<Op>) {
      const std::string name = Op::name;
      const std::string doc = "\n--\n\n" + formula_text(Op::doc) + " a is the tensor, b is " +
                              second_name<Op> + "; they broadcast.";
      functions.push_back({Op::name, as_function(binary_function<Op>),
                           METH_FASTCALL | METH_KEYWORDS,
                           keep(name + "(input, " + second_name<Op> + ")\n--\n\n" +
                                binary_doc(Op::name, Op::doc, Op::domain))});
      const std::string text = "($self, " + std::string(second_name<Op>) + ")" + doc;
      methods.push_back({Op::name, as_function(binary_method<Op>), METH_FASTCALL | METH_KEYWORDS,
                         keep(name + text)});
      if constexpr (has_inplace<Op>) {
        methods.push_back({keep(name + "_"), as_function(binary_inplace<Op>),
                           METH_FASTCALL | METH_KEYWORDS, keep(name + "_" + text + " In place.")});
      }
    }
  };
  (one(static_cast<const Ops*>(nullptr)), ...);
}

struct Tables {
  std::vector<PyMethodDef> functions, methods;
  Tables() {
    add_unary(functions, methods, UnaryOps{});
    add_round();
    add_binary(functions, methods, BinaryOps{});
    functions.push_back({});
  }

 private:
  void add_round() {
    const int flags = METH_FASTCALL | METH_KEYWORDS;
    const std::string doc = ")\n--\n\n" + unary_doc("round", op::Round::doc, op::Round::domain);
    functions.push_back(
        {"round", as_function(round_function), flags, keep("round(input, *, decimals=0" + doc)});
    const std::string method = "($self, *, decimals=0)\n--\n\n" + formula_text(op::Round::doc) +
                               " x is each element of the tensor.";
    methods.push_back({"round", as_function(round_method), flags, keep("round" + method)});
    methods.push_back(
        {"round_", as_function(round_inplace), flags, keep("round_" + method + " In place.")});
  }
};
Tables& tables() {
  static Tables t;
  return t;
}

}  // namespace

PyMethodDef* elementwise_functions() { return tables().functions.data(); }
const std::vector<PyMethodDef>& elementwise_methods() { return tables().methods; }

}  // namespace weft::python
