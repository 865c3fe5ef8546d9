#include <weft/autograd/record.h>
#include <weft/core/check.h>
#include <weft/core/interrupt.h>
#include <weft/core/transfer.h>
#include <weft/ops/kernels.h>

// Copies: clone, contiguous, to, copy_, item, to_vector.
namespace weft {

using namespace autograd;

namespace {

Shape strides_for(const char* op, const Tensor& x, MemoryFormat format) {
  const TensorImpl& t = *x.impl();
  if (format == MemoryFormat::Preserve) return dense_strides(t.sizes, t.strides);
  if (format == MemoryFormat::Contiguous) return contiguous_strides(t.sizes);
  if (t.sizes.size() != 4)
    fail<ShapeError>(op, "got {} dimensions for the channels-last format, expected 4",
                     t.sizes.size());
  return channels_last_strides(t.sizes);
}

Tensor copied(const char* op, const Tensor& x, const Shape& strides, DType dtype) {
  Tensor y = make_tensor(x.sizes(), strides, dtype, x.device());
  kernels(x.device()).copy(make_loop(x.sizes(), {y.view(), x.view()}));
  if (is_floating(dtype) && recording(x)) {
    record(op, y, {x}, [](Tensor& g, Gradients& in) { in.set(0, [&] { return std::move(g); }); });
  }
  return y;
}

}  // namespace

Tensor Tensor::clone(MemoryFormat format) const {
  get("clone");
  return copied("clone", *this, strides_for("clone", *this, format), dtype());
}

Tensor Tensor::contiguous(MemoryFormat format) const {
  if (is_contiguous(format)) return *this;
  return copied("contiguous", *this, strides_for("contiguous", *this, format), dtype());
}

Tensor Tensor::to(DType wanted, bool copy) const {
  const TensorImpl& t = get("to");
  if (t.dtype == wanted && !copy) return *this;
  return copied("to", *this, dense_strides(t.sizes, t.strides), wanted);
}

Tensor Tensor::to(Device wanted, bool copy) const {
  const TensorImpl& t = get("to");
  const Device here = device();
  if (wanted == here) return copy ? clone() : *this;
  // Bytes travel as they lie; elements with gaps between them are gathered where they are.
  const Shape strides = dense_strides(t.sizes, t.strides);
  const Tensor x = t.strides == strides ? detach() : detach().clone();
  Tensor y = make_tensor(t.sizes, strides, t.dtype, wanted);
  transfer(y.data(), wanted, x.data(), here, x.nbytes());
  if (recording(*this)) {
    record("to", y, {*this},
           [here](Tensor& g, Gradients& in) { in.set(0, [&] { return g.to(here); }); });
  }
  return y;
}

Tensor Tensor::to(const Options& options, bool copy) const {
  return to(options.device()).to(options.has_dtype() ? options.dtype() : dtype(), copy);
}

Tensor& Tensor::copy_(const Tensor& source) {
  TensorImpl& t = get("copy_");
  const TensorImpl& s = source.get("copy_");
  if (source.device() != device()) return copy_(source.to(device()));
  weft::expand("copy_", source.layout(), t.sizes);  // throws where it does not broadcast
  const bool recorded = recording(*this, source);
  check_inplace("copy_", *this, recorded);
  const bool shared = t.storage == s.storage && !(t.data == s.data && t.strides == s.strides);
  const Tensor from = shared ? source.clone() : source;
  const Whole whole(numel());
  kernels(device()).copy(make_loop(t.sizes, {View(view()), from.view()}));
  bump_version("copy_", *this);
  if (recorded) {
    record_inplace("copy_", *this, {*this, from},
                   [](Tensor& g, Gradients& in) { in.set(1, [&] { return g; }); });
  }
  return *this;
}

Scalar Tensor::item() const {
  if (numel() != 1)
    fail<ShapeError>("item", "got a tensor of shape [{}], expected one element",
                     fmt::join(sizes(), ", "));
  return dispatch(dtype(), [&](auto tag) {
    typename decltype(tag)::type value;
    transfer(&value, kCPU, data(), device(), sizeof value);
    return Scalar(value);
  });
}

template <class T>
std::vector<T> Tensor::to_vector() const {
  NoGradGuard no_grad;
  const Tensor x = to(dtype_of<T>).contiguous().cpu();
  const T* first = static_cast<const T*>(x.data());
  return std::vector<T>(first, first + x.numel());
}
template WEFT_API std::vector<bool> Tensor::to_vector() const;
template WEFT_API std::vector<std::uint8_t> Tensor::to_vector() const;
template WEFT_API std::vector<std::int32_t> Tensor::to_vector() const;
template WEFT_API std::vector<std::int64_t> Tensor::to_vector() const;
template WEFT_API std::vector<float> Tensor::to_vector() const;
template WEFT_API std::vector<double> Tensor::to_vector() const;

}  // namespace weft
