#include <weft/nn/grad_scaler.h>

#include <memory>

#include <weft/python/src/optim.h>
#include <weft/python/src/part.h>

// weft.amp.
namespace weft::python {

using amp::GradScaler;

void bind_amp(py::module_& m) {
  py::module_ part = add_part(m, "amp", "weft.amp", "Mixed precision: autocast and loss scaling.");
  py::classh<GradScaler, nn::Stateful>(
      part, "GradScaler",
      "Loss scaling, which keeps small float16 gradients from becoming zero (Micikevicius et al. "
      "2018).\n\n"
      "The scale grows by growth_factor after growth_interval steps in a row without inf and NaN, "
      "and a step with one is left out and shrinks it by backoff_factor. device tells nothing: the "
      "scaler works where the gradients are.\n\n"
      ">>> p = weft.nn.Parameter(weft.ones(2))\n"
      ">>> sgd = weft.optim.SGD([p], lr=0.5)\n"
      ">>> scaler = weft.amp.GradScaler(init_scale=8.0)\n"
      ">>> scaler.scale(p.sum()).backward()\n"
      ">>> p.grad\n"
      "tensor([8., 8.])\n"
      ">>> scaler.step(sgd)\n"
      "True\n"
      ">>> scaler.update()\n"
      ">>> p.detach()\n"
      "tensor([0.5000, 0.5000])")
      .def(py::init([](const py::object&, double init_scale, double growth_factor,
                       double backoff_factor, Index growth_interval, bool enabled) {
             return std::make_unique<GradScaler>(amp::GradScalerOptions{
                 init_scale, growth_factor, backoff_factor, growth_interval, enabled});
           }),
           "device"_a = "cuda", "init_scale"_a = 65536.0, "growth_factor"_a = 2.0,
           "backoff_factor"_a = 0.5, "growth_interval"_a = 2000, "enabled"_a = true)
      .def("scale", &GradScaler::scale, "The tensor times the scale, on the tape.", "outputs"_a,
           Released())
      .def("unscale_", &GradScaler::unscale_,
           "Divides the gradients of the optimizer's parameters by the scale, for work on them "
           "before step().",
           "optimizer"_a, Released())
      .def("step", &GradScaler::step,
           "unscale_() unless that was done, and optimizer.step() unless a gradient had an inf or "
           "a NaN; whether it stepped.",
           "optimizer"_a, Released())
      .def("update", &GradScaler::update, "Sets the scale for the next steps.")
      .def("get_scale", &GradScaler::get_scale, "The scale now; 1 where it is off.")
      .def("is_enabled", &GradScaler::is_enabled, "Whether it scales.");
}

}  // namespace weft::python
