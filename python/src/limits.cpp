#include <limits>

#include <weft/core/limits.h>
#include <weft/core/print.h>
#include <weft/python/src/operations.h>

// What dtypes can hold, and how numbers are printed.
namespace weft::python {
namespace {

void bind_finfo(py::module_& m) {
  py::class_<FloatInfo> c(
      m, "finfo",
      "What a floating dtype can hold (float32 unless one is given); DTypeError "
      "for others.\n\n"
      ">>> weft.finfo(weft.float16).max\n"
      "65504.0\n"
      ">>> weft.finfo().eps == 2.0**-23\n"
      "True");
  c.def(py::init([](DType t) { return finfo(t); }), "type"_a = DType::F32);
  c.def_readonly("bits", &FloatInfo::bits, "Bits of a number.");
  c.def_readonly("min", &FloatInfo::min, "The smallest number: -max.");
  c.def_readonly("max", &FloatInfo::max, "The largest finite number.");
  c.def_readonly("eps", &FloatInfo::eps, "What the number after 1 is more than 1.");
  c.def_readonly("tiny", &FloatInfo::tiny, "The smallest positive number that is not subnormal.");
  c.def_readonly("smallest_normal", &FloatInfo::tiny, "The same as tiny.");
  c.def_readonly("resolution", &FloatInfo::resolution,
                 "10 to the minus digits that are always right.");
  c.def_property_readonly(
      "dtype", [](const FloatInfo& i) { return std::string(name(i.dtype)); }, "The dtype's name.");
  c.def(
      "__eq__", [](const FloatInfo& a, const FloatInfo& b) { return a.dtype == b.dtype; },
      py::is_operator());
  c.def("__hash__", [](const FloatInfo& i) { return static_cast<int>(i.dtype); });
  c.def("__repr__", [](const FloatInfo& i) {
    return py::str(
               "finfo(resolution={:g}, min={:g}, max={:g}, eps={:g}, smallest_normal={:g}, "
               "tiny={:g}, dtype={})")
        .format(i.resolution, i.min, i.max, i.eps, i.tiny, i.tiny, std::string(name(i.dtype)));
  });
}

void bind_iinfo(py::module_& m) {
  py::class_<IntegerInfo> c(m, "iinfo",
                            "What an integer dtype can hold; DTypeError for others.\n\n"
                            ">>> weft.iinfo(weft.int8).min, weft.iinfo(weft.int8).max\n"
                            "(-128, 127)");
  c.def(py::init([](DType t) { return iinfo(t); }), "type"_a);
  c.def_readonly("bits", &IntegerInfo::bits, "Bits of a number.");
  c.def_readonly("min", &IntegerInfo::min, "The smallest number.");
  c.def_readonly("max", &IntegerInfo::max, "The largest number.");
  c.def_property_readonly(
      "dtype", [](const IntegerInfo& i) { return std::string(name(i.dtype)); },
      "The dtype's name.");
  c.def(
      "__eq__", [](const IntegerInfo& a, const IntegerInfo& b) { return a.dtype == b.dtype; },
      py::is_operator());
  c.def("__hash__", [](const IntegerInfo& i) { return static_cast<int>(i.dtype); });
  c.def("__repr__", [](const IntegerInfo& i) {
    return py::str("iinfo(min={}, max={}, dtype={})")
        .format(i.min, i.max, std::string(name(i.dtype)));
  });
}

void bind_default_dtype(py::module_& m) {
  m.def(
      "get_default_dtype", [] { return DType::F32; },
      "The dtype of floating numbers from Python: float32, always.\n\n"
      ">>> weft.get_default_dtype()\n"
      "weft.float32");
  m.def(
      "set_default_dtype",
      [](DType t) {
        if (t == DType::F32) return;
        const std::string got = "[set_default_dtype] got " + std::string(name(t));
        if (!is_floating(t)) throw DTypeError(got + ", expected float32");
        throw NotImplementedError(got + ", expected float32: the default does not change");
      },
      "For programs that set float32, which it is. DTypeError or NotImplementedError for "
      "others.\n\n"
      ">>> weft.set_default_dtype(weft.float32)",
      "d"_a);
}

// The largest whole number for infinity and what lies near it.
Index count_of(double number) {
  constexpr double most = 9e18;
  return number >= most ? std::numeric_limits<Index>::max() : static_cast<Index>(number);
}

PrintOptions profile_named(const std::string& name) {
  PrintOptions o;
  if (name == "default") return o;
  if (name == "short") {
    o.precision = 2;
    o.edgeitems = 2;
    return o;
  }
  if (name == "full") {
    o.threshold = std::numeric_limits<Index>::max();
    return o;
  }
  throw weft::ValueError("[set_printoptions] got profile '" + name +
                         "', expected 'default', 'short' or 'full'");
}

void bind_print_options(py::module_& m) {
  m.def(
      "set_printoptions",
      [](std::optional<int> precision, std::optional<double> threshold,
         std::optional<Index> edgeitems, std::optional<Index> linewidth,
         const std::optional<std::string>& profile, std::optional<bool> sci_mode) {
        PrintOptions o = profile ? profile_named(*profile) : print_options();
        if (precision) o.precision = *precision;
        if (threshold) o.threshold = count_of(*threshold);
        if (edgeitems) o.edgeitems = *edgeitems;
        if (linewidth) o.linewidth = *linewidth;
        o.sci_mode = sci_mode;
        set_print_options(o);
      },
      "How tensors are printed: digits behind the point (4), the number of elements from which on "
      "only edgeitems (3) at either end of a dimension are shown (1000), characters a line (80), "
      "and whether as 1.0e+00 (None: as suits). What is None stays, but for sci_mode; a profile is "
      "'default', 'short' or 'full'.\n\n"
      ">>> weft.set_printoptions(precision=2)\n"
      ">>> weft.tensor([1 / 3])\n"
      "tensor([0.33])\n"
      ">>> weft.set_printoptions(profile=\"default\")\n"
      ">>> weft.tensor([1 / 3])\n"
      "tensor([0.3333])",
      "precision"_a = py::none(), "threshold"_a = py::none(), "edgeitems"_a = py::none(),
      "linewidth"_a = py::none(), "profile"_a = py::none(), "sci_mode"_a = py::none());
}

}  // namespace

void bind_limits(py::module_& m) {
  bind_finfo(m);
  bind_iinfo(m);
  bind_default_dtype(m);
  bind_print_options(m);
}

}  // namespace weft::python
