#include <weft/autograd/record.h>
#include <weft/core/caching_allocator.h>
#include <weft/core/check.h>
#include <weft/core/cuda.h>
#include <weft/core/cuda_stream.h>
#include <weft/core/interrupt.h>
#include <weft/core/pinned.h>
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

// Between devices, elements that lie alike and without gaps.
void move_bytes(const Tensor& to, const Tensor& from, bool non_blocking) {
  if (non_blocking)
    return transfer_async(to.data(), *to.impl()->storage, from.data(), *from.impl()->storage,
                          from.nbytes());
  transfer(to.data(), to.device(), from.data(), from.device(), from.nbytes());
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

Tensor Tensor::to(Device wanted, bool copy, bool non_blocking) const {
  const TensorImpl& t = get("to");
  const Device here = device();
  if (wanted == here) return copy ? clone() : *this;
  // Bytes travel as they lie; elements with gaps between them are gathered where they are.
  const Shape strides = dense_strides(t.sizes, t.strides);
  const Tensor x = t.strides == strides ? detach() : detach().clone();
  Tensor y = make_tensor(t.sizes, strides, t.dtype, wanted);
  move_bytes(y, x, non_blocking);
  if (recording(*this)) {
    record("to", y, {*this},
           [here](Tensor& g, Gradients& in) { in.set(0, [&] { return g.to(here); }); });
  }
  return y;
}

Tensor Tensor::to(const Options& options, bool copy, bool non_blocking) const {
  const DType dtype = options.has_dtype() ? options.dtype() : this->dtype();
  return to(options.device(), false, non_blocking).to(dtype, copy);
}

Tensor Tensor::cuda(int device, bool non_blocking) const {
  get("cuda");
  return to(Device(DeviceType::CUDA, device == -1 ? cuda::current_device() : device), false,
            non_blocking);
}

Tensor Tensor::pin_memory() const {
  const TensorImpl& t = get("pin_memory");
  if (device() != kCPU)
    fail<DeviceError>("pin_memory", "got a tensor on {}, expected cpu", device());
  if (is_pinned()) return *this;
  const Shape strides = dense_strides(t.sizes, t.strides);
  const Tensor x = t.strides == strides ? detach() : detach().clone();
  const Tensor y = make_pinned_tensor(t.sizes, strides, t.dtype);
  transfer(y.data(), kCPU, x.data(), kCPU, x.nbytes());
  if (recording(*this)) {
    record("pin_memory", y, {*this},
           [](Tensor& g, Gradients& in) { in.set(0, [&] { return std::move(g); }); });
  }
  return y;
}

bool Tensor::is_pinned() const { return weft::is_pinned(*get("is_pinned").storage); }

void Tensor::record_stream(const cuda::Stream& stream) const {
  const Storage& storage = *get("record_stream").storage;
  if (storage.device() == kCPU && weft::is_pinned(storage))
    return used_on(storage, stream.device(), stream.handle());
  if (storage.device() != Device(DeviceType::CUDA, stream.device())) {
    fail<DeviceError>("record_stream", "got a tensor on {} and a stream of cuda:{}",
                      storage.device(), stream.device());
  }
  if (void* block = storage.allocation().handle) {
    caching_allocator(storage.device())
        .record_stream(static_cast<CachingAllocator::Block*>(block), stream.handle());
  }
}

Tensor& Tensor::copy_(const Tensor& source, bool non_blocking) {
  TensorImpl& t = get("copy_");
  const TensorImpl& s = source.get("copy_");
  weft::expand("copy_", source.layout(), t.sizes);  // throws where it does not broadcast
  const bool recorded = recording(*this, source);
  check_inplace("copy_", *this, recorded);
  if (source.device() != device()) {
    const bool alike = s.dtype == t.dtype && s.sizes == t.sizes && s.strides == t.strides &&
                       is_dense(t.sizes, t.strides);
    if (recorded || !alike) return copy_(source.to(device(), false, non_blocking));
    move_bytes(*this, source, non_blocking);
    bump_version("copy_", *this);
    return *this;
  }
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
