#include <weft/core/tensor.h>
#include <weft/core/transfer.h>

#include <cmath>
#include <limits>

#include <weft/core/check.h>

namespace weft {

thread_local constinit bool detail::inference_mode = false;

std::int64_t Scalar::to_int() const {
  if (!is_floating()) return value_.integer;
  const double v = value_.floating;
  if (std::isnan(v)) return 0;
  if (v >= 0x1p63) return std::numeric_limits<std::int64_t>::max();
  if (v < -0x1p63) return std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(v);
}

void Tensor::throw_undefined(const char* op) {
  fail<Error>(op, "got an undefined tensor, expected one with data (Tensor() holds nothing)");
}

void Tensor::check_dtype(DType asked) const {
  if (dtype() != asked) fail<DTypeError>("data", "got a tensor of {}, expected {}", dtype(), asked);
}

Index Tensor::size(Index d) const {
  if (dim() == 0)
    fail<IndexError>("size", "got dim {} of a 0-d tensor, expected a tensor with dimensions", d);
  return sizes()[wrap_dim("size", d, dim())];
}

Index Tensor::stride(Index d) const {
  if (dim() == 0)
    fail<IndexError>("stride", "got dim {} of a 0-d tensor, expected a tensor with dimensions", d);
  return strides()[wrap_dim("stride", d, dim())];
}

Index Tensor::storage_offset() const {
  const TensorImpl& t = get("storage_offset");
  if (!t.data) return 0;
  return (static_cast<char*>(t.data) - static_cast<char*>(t.storage->data())) /
         static_cast<Index>(size_of(t.dtype));
}

bool Tensor::is_contiguous(MemoryFormat format) const {
  const TensorImpl& t = get("is_contiguous");
  switch (format) {
    case MemoryFormat::Contiguous: return weft::is_contiguous(t.sizes, t.strides);
    case MemoryFormat::ChannelsLast: return weft::is_channels_last(t.sizes, t.strides);
    case MemoryFormat::Preserve: return weft::is_dense(t.sizes, t.strides);
  }
  return false;
}

Tensor make_tensor(const Shape& sizes, const Shape& strides, DType dtype, Device device) {
  Index bytes = 0;
  if (__builtin_mul_overflow(checked_numel("empty", sizes), static_cast<Index>(size_of(dtype)),
                             &bytes)) {
    fail<ShapeError>("empty", "got sizes [{}] of {}, expected fewer than 2^63 bytes",
                     fmt::join(sizes, ", "), dtype);
  }
  auto storage = Storage::allocate(device, static_cast<std::size_t>(bytes));
  void* data = storage->data();
  return Tensor(
      IntrusivePtr<TensorImpl>(new TensorImpl(std::move(storage), data, dtype, sizes, strides)));
}

Tensor make_alias(const Tensor& x, const Layout& layout) {
  const TensorImpl& t = x.get("view");
  char* base = static_cast<char*>(t.storage->data());
  void* data = base ? base + layout.offset * static_cast<Index>(size_of(t.dtype)) : nullptr;
  Tensor y(IntrusivePtr<TensorImpl>(
      new TensorImpl(t.storage, data, t.dtype, layout.sizes, layout.strides)));
  y.impl()->inference = t.inference || detail::inference_mode;
  return y;
}

Tensor make_scalar(const Scalar& value, DType dtype, Device device) {
  Tensor t = make_tensor({}, {}, dtype, device);
  dispatch(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (device == kCPU) [[likely]] {
      *static_cast<T*>(t.impl()->data) = value.to<T>();
    } else {
      const T v = value.to<T>();
      transfer(t.impl()->data, device, &v, kCPU, sizeof v);
    }
  });
  t.impl()->weak = true;
  return t;
}

namespace {

int category(DType t) { return t == DType::Bool ? 0 : is_integral(t) ? 1 : 2; }

// The dtype that `strong` keeps when joined by an operand that counts only by category.
DType join_weak(DType strong, DType weak, bool is_number) {
  if (category(weak) <= category(strong)) return strong;
  if (is_number && category(weak) == 2) return DType::F32;  // a Scalar gives the default dtype
  return weak;
}

int priority(const Tensor& t) { return t.get("result_type").weak ? 0 : t.dim() == 0 ? 1 : 2; }

}  // namespace

DType result_type(const Tensor& a, const Tensor& b) {
  const DType ta = a.dtype(), tb = b.dtype();
  if (ta == tb) return ta;
  const int pa = priority(a), pb = priority(b);
  if (pa == pb) return promote(ta, tb);
  return pa > pb ? join_weak(ta, tb, pb == 0) : join_weak(tb, ta, pa == 0);
}

DType result_type(const Tensor& a, const Scalar& b) {
  return join_weak(a.dtype(), b.dtype(), true);
}

}  // namespace weft
