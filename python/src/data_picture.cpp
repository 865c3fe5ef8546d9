#include <weft/ops/elementwise.h>
#include <weft/ops/make.h>
#include <weft/python/src/data.h>

namespace weft::python {

Tensor to_tensor(const data::Picture& p) {
  return tensor(p.values).reshape({p.height, p.width, p.channels}).permute({2, 0, 1});
}

int to_picture(const py::handle& image, data::Picture& picture) {
  if (!is_tensor(image.ptr()) && !is_array(image.ptr())) {
    throw py::type_error("got a picture of type " + std::string(Py_TYPE(image.ptr())->tp_name) +
                         ", expected a tensor or an array");
  }
  const Tensor given = as_tensor(image.ptr()).detach();
  const int rank = given.dim();
  if (rank < 1 || rank > 3 || !(given.is_floating_point() || given.dtype() == DType::U8)) {
    throw py::type_error("got a picture of " + std::to_string(rank) + " dimensions of " +
                         std::string(name(given.dtype())) +
                         ", expected [C, H, W], [H, W] or [n] of floats or unsigned bytes");
  }
  Tensor t = given.dtype() == DType::U8 ? given.to(DType::F32) / 255 : given.to(DType::F32);
  if (rank == 1) t = t.reshape({t.size(0), 1, 1});
  if (rank == 2) t = t.reshape({1, t.size(0), t.size(1)});
  t = t.permute({1, 2, 0}).contiguous();
  picture.height = t.size(0);
  picture.width = t.size(1);
  picture.channels = t.size(2);
  picture.values.assign(t.data<float>(), t.data<float>() + t.numel());
  return rank;
}

Tensor to_tensor(const data::Image& image) {
  return tensor(image.pixels)
      .reshape({image.height, image.width, image.channels})
      .permute({2, 0, 1});
}

data::Image to_image(const Tensor& t) {
  if (t.dtype() != DType::U8 || t.dim() < 2 || t.dim() > 3) {
    throw py::type_error("got a picture of " + std::to_string(t.dim()) + " dimensions of " +
                         std::string(name(t.dtype())) + ", expected uint8 of [C, H, W] or [H, W]");
  }
  const Tensor x = (t.dim() == 2 ? t.unsqueeze(0) : t).permute({1, 2, 0}).contiguous();
  const auto* pixels = x.data<std::uint8_t>();
  return {x.size(0), x.size(1), x.size(2), {pixels, pixels + x.numel()}};
}

}  // namespace weft::python
