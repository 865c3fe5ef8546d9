#include <weft/python/src/operations_sets.h>
#include <weft/python/src/part.h>

// The operations of ops/, family by family, under PyTorch's names.
namespace weft::python {

void bind_memory_formats(py::module_& m) {
  py::enum_<MemoryFormat> formats(
      m, "memory_format",
      "In which order the elements of a tensor lie in memory.\n\n"
      ">>> x = weft.zeros(1, 3, 4, 4).contiguous(memory_format=weft.channels_last)\n"
      ">>> x.stride()\n"
      "(48, 1, 12, 3)\n"
      ">>> x.is_contiguous(memory_format=weft.channels_last)\n"
      "True");
  formats.value("contiguous_format", MemoryFormat::Contiguous, "Row-major: the last dim is next.")
      .value("channels_last", MemoryFormat::ChannelsLast,
             "[N, C, H, W] in the order N, H, W, C; of four dimensions.")
      .value("preserve_format", MemoryFormat::Preserve, "As the tensor that is copied.")
      .export_values();
  for (const char* name : {"__repr__", "__str__"}) {
    formats.attr(name) = py::cpp_function(
        [](const py::object& self) { return "weft." + self.attr("name").cast<std::string>(); },
        py::name(name), py::is_method(formats));
  }
}

namespace {

void bind_promotion(py::module_& m) {
  m.def("can_cast", &can_cast,
        "Whether a tensor of dtype `to` takes, in place, what is computed in dtype `from_`: bool, "
        "integers and floating dtypes each hold those before them.\n\n"
        ">>> weft.can_cast(weft.int64, weft.float16), weft.can_cast(weft.float32, weft.int64)\n"
        "(True, False)",
        "from_"_a, "to"_a);
  m.def("promote_types", &promote,
        "The dtype that holds both, of the same category: PyTorch's lattice.\n\n"
        ">>> weft.promote_types(weft.int32, weft.float16)\n"
        "weft.float16",
        "type1"_a, "type2"_a);
  m.def(
      "result_type",
      [](const Operand& a, const Operand& b) {
        if (a.tensor() && b.tensor()) return result_type(*a.tensor(), *b.tensor());
        if (a.tensor()) return result_type(*a.tensor(), b.scalar());
        if (b.tensor()) return result_type(*b.tensor(), a.scalar());
        return result_type(make_scalar(a.scalar(), a.scalar().dtype()), b.scalar());
      },
      "The dtype of an operation on both. Numbers and tensors of no dimensions count only by "
      "category: bool, integer, floating.\n\n"
      ">>> weft.result_type(weft.ones(2, dtype=weft.int8), 3)\n"
      "weft.int8",
      "tensor"_a, "other"_a);
}

}  // namespace

// A named tuple of C, which costs no import of `collections`.
py::object named_pair(const char* name, const char* doc) {
  static PyStructSequence_Field fields[] = {{"values", "The elements."},
                                            {"indices", "Their positions along dim, int64."},
                                            {nullptr, nullptr}};
  PyStructSequence_Desc description{name, doc, fields, 2};
  auto type = py::reinterpret_steal<py::object>(
      reinterpret_cast<PyObject*>(PyStructSequence_NewType(&description)));
  if (!type) throw py::error_already_set();
  return type;
}

py::object values_and_indices(const py::handle& type, const std::tuple<Tensor, Tensor>& result) {
  PyObject* pair = PyStructSequence_New(reinterpret_cast<PyTypeObject*>(type.ptr()));
  if (!pair) throw py::error_already_set();
  PyStructSequence_SetItem(pair, 0, wrap(std::get<0>(result)));
  PyStructSequence_SetItem(pair, 1, wrap(std::get<1>(result)));
  return py::reinterpret_steal<py::object>(pair);
}

void bind_operations(py::module_& m) {
  bind_promotion(m);
  bind_arithmetic(m);
  bind_reductions(m);
  bind_order(m);
  bind_comparisons(m);
  bind_limits(m);
  bind_sets(m);
  bind_grids(m);
  bind_shapes(m);
  bind_indexing(m);
  bind_copies(m);
  bind_products(m);
  bind_numpy();
  bind_dlpack(m);
  bind_pickle(m);
  take_other_names(m);
  py::module_ functional =
      add_part(m, "_functional", "weft.nn.functional", "What weft.nn.functional names.");
  bind_functional(functional);
  bind_losses(functional);
}

}  // namespace weft::python
