#include <weft/python/src/nn_module.h>
#include <weft/python/src/part.h>

// weft._weft.nn, bases before what derives from them.
namespace weft::python {

void bind_nn(py::module_& m) {
  py::module_ nn = add_part(m, "nn", "weft.nn", "Modules and losses.");
  bind_nn_state(nn);
  bind_nn_module(nn);
  bind_module_pickles(m);
  bind_nn_activations(nn);
  bind_nn_layers(nn);
  bind_nn_norms(nn);
  bind_nn_losses(nn);
  bind_nn_containers(nn);
  bind_nn_init(nn);
}

}  // namespace weft::python
