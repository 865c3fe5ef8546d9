#include <weft/python/src/caster.h>
#include <weft/python/src/elementwise.h>
#include <weft/python/src/errors.h>

// weft._weft: everything that is compiled. The package weft gives it its names.
namespace weft::python {
namespace {

void check(bool added) {
  if (!added) throw py::error_already_set();
}

// As PyModule_AddFunctions(), for functions that call themselves members of `weft`.
void add_functions(py::module_& m, PyMethodDef* functions) {
  const py::str name("weft");
  for (PyMethodDef* f = functions; f->ml_name; ++f) {
    m.attr(f->ml_name) =
        py::reinterpret_steal<py::object>(PyCFunction_NewEx(f, m.ptr(), name.ptr()));
  }
}

}  // namespace

PYBIND11_MODULE(_weft, m) {
  m.attr("__module__") = "weft";
  m.doc() = "The compiled part of Weft; use it through the package weft.";
  check(add_errors(m.ptr()));
  py::register_exception_translator([](std::exception_ptr e) {
    if (!e) return;
    try {
      std::rethrow_exception(e);
    } catch (const PythonError&) {
    } catch (const Error&) {
      set_error();
    }
  });
  check(add_dtypes(m.ptr()));
  check(add_types(m.ptr()));
  add_functions(m, elementwise_functions());
  bind_system(m);
  bind_make(m);
  bind_operations(m);
  bind_autograd(m);
  bind_nn(m);
  bind_optim(m);
  bind_data(m);
  bind_cuda(m);
  refuse_unmade_objects();
  show_to_collector();
}

}  // namespace weft::python
