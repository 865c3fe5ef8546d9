#pragma once

#include <iosfwd>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include <weft/core/error.h>
#include <weft/core/layout.h>
#include <weft/core/scalar.h>
#include <weft/core/storage.h>
#include <weft/core/view.h>

namespace weft {

class Tensor;
struct TensorIndex;
namespace cuda {
class Stream;
}

// How to make a tensor: zeros({2, 3}, f64), or zeros({2, 3}, Options(f64).requires_grad(true)).
class Options {
 public:
  Options() = default;
  Options(DType dtype) : dtype_(dtype) {}      // NOLINT
  Options(Device device) : device_(device) {}  // NOLINT

  Options dtype(DType value) const {
    Options o = *this;
    o.dtype_ = value;
    return o;
  }
  Options device(Device value) const {
    Options o = *this;
    o.device_ = value;
    return o;
  }
  Options requires_grad(bool value) const {
    Options o = *this;
    o.requires_grad_ = value;
    return o;
  }
  Options memory_format(MemoryFormat value) const {
    Options o = *this;
    o.format_ = value;
    return o;
  }

  bool has_dtype() const { return dtype_.has_value(); }
  DType dtype() const { return dtype_.value_or(DType::F32); }
  Device device() const { return device_; }
  bool requires_grad() const { return requires_grad_; }
  MemoryFormat memory_format() const { return format_; }

 private:
  std::optional<DType> dtype_;
  Device device_;
  bool requires_grad_ = false;
  MemoryFormat format_ = MemoryFormat::Contiguous;
};

namespace detail {
// Set by autograd's InferenceModeGuard: tensors made meanwhile are marked.
extern WEFT_API thread_local constinit bool inference_mode [[gnu::tls_model("initial-exec")]];
}  // namespace detail

// One block: where the elements are, and the tape's part, which core only keeps and lets go of.
class TensorImpl final : public RefCounted {
 public:
  TensorImpl(IntrusivePtr<Storage> storage, void* data, DType dtype, const Shape& sizes,
             const Shape& strides)
      : dtype(dtype), storage(std::move(storage)), data(data), sizes(sizes), strides(strides) {}

  DType dtype;
  bool requires_grad = false;               // a leaf that asks for a gradient
  bool weak = false;                        // made from a Scalar: promotes weakly
  bool inference = detail::inference_mode;  // made in inference mode: the tape refuses it
  IntrusivePtr<Storage> storage;
  void* data;
  IntrusivePtr<RefCounted> node;  // autograd/node.h: what made this tensor, or gathers its gradient
  IntrusivePtr<RefCounted> meta;  // autograd/meta.h: base of a view, kept gradient; usually null
  std::uint32_t output = 0;       // which output of node
  std::uint32_t node_version = 0;  // of a view: the storage's version that node speaks of
  void* wrapper = nullptr;         // a language binding's object that stands for this tensor
  Shape sizes, strides;

  void* operator new(std::size_t bytes) { return small_alloc(bytes); }
  void operator delete(void* p, std::size_t bytes) { small_free(p, bytes); }

 private:
  ~TensorImpl() override = default;
  void destroy() noexcept override { delete this; }
};
static_assert(sizeof(TensorImpl) <= 216);

// A handle: copying it shares the tensor. Default-constructed it is undefined, and says so when
// used. Methods without a body here that compute are in ops/, those of the tape in autograd/.
class WEFT_API Tensor {
 public:
  Tensor() = default;
  explicit Tensor(IntrusivePtr<TensorImpl> impl) : impl_(std::move(impl)) {}

  bool defined() const { return static_cast<bool>(impl_); }
  TensorImpl* impl() const { return impl_.get(); }
  // The implementation, or an Error that names the operation.
  TensorImpl& get(const char* op) const {
    if (!impl_) throw_undefined(op);
    return *impl_;
  }
  bool is_same(const Tensor& other) const { return impl_ == other.impl_; }

  // ---- What it is
  const Shape& sizes() const { return get("sizes").sizes; }
  const Shape& strides() const { return get("strides").strides; }
  Index size(Index dim) const;
  Index stride(Index dim) const;
  int dim() const { return sizes().size(); }
  Index numel() const { return weft::numel(sizes()); }
  DType dtype() const { return get("dtype").dtype; }
  Device device() const { return get("device").storage->device(); }
  Options options() const { return Options(dtype()).device(device()); }
  std::size_t itemsize() const { return size_of(dtype()); }
  std::size_t nbytes() const { return static_cast<std::size_t>(numel()) * itemsize(); }
  Index storage_offset() const;
  Layout layout() const { return {sizes(), strides(), storage_offset()}; }
  View view() const {
    const TensorImpl& t = get("view");
    return {t.data, t.sizes.data(), t.strides.data(), static_cast<std::int16_t>(t.sizes.size()),
            t.dtype};
  }
  bool is_contiguous(MemoryFormat format = MemoryFormat::Contiguous) const;
  bool is_floating_point() const { return is_floating(dtype()); }
  void* data() const { return get("data").data; }
  // The elements in memory order; T must be the dtype's type, or DTypeError.
  template <class T>
  T* data() const {
    check_dtype(dtype_of<T>);
    return static_cast<T*>(data());
  }
  std::uint32_t version() const { return get("version").storage->version(); }
  // The number of a tensor of one element; ShapeError otherwise.
  Scalar item() const;
  template <class T>
  T item() const {
    return item().to<T>();
  }
  // A copy of the elements in row-major order, converted to T.
  template <class T>
  std::vector<T> to_vector() const;
  // As PyTorch prints it.
  std::string str() const;

  // ---- The tape (autograd/)
  bool requires_grad() const;
  Tensor& requires_grad_(bool value = true);
  bool is_leaf() const;
  Tensor grad() const;                // undefined where there is none
  void set_grad(const Tensor& grad);  // undefined clears it
  void retain_grad();
  const char* grad_fn() const;  // the name of the operation that made it, or nullptr
  // Gradients of this tensor (times `gradient`; 1 for a tensor of one element) into the leaves'
  // grad().
  void backward(const Tensor& gradient = {}, bool retain_graph = false,
                bool create_graph = false) const;
  Tensor detach() const;
  Tensor& detach_();

  // ---- Shapes: views where the memory allows it
  Tensor reshape(const Shape& shape) const;
  Tensor view(const Shape& shape) const;
  // The same bytes read as another dtype, a view that the tape does not know. Of another width the
  // last dimension gets longer or shorter; its elements lie side by side.
  template <std::same_as<DType> T>
  Tensor view(T dtype) const {
    return view_as_dtype(dtype);
  }
  Tensor view_as(const Tensor& other) const { return view(other.sizes()); }
  Tensor flatten(Index start_dim = 0, Index end_dim = -1) const;
  Tensor unflatten(Index dim, const Shape& sizes) const;
  Tensor squeeze() const;
  Tensor squeeze(const Shape& dims) const;
  Tensor unsqueeze(Index dim) const;
  Tensor transpose(Index dim0, Index dim1) const;
  Tensor t() const;
  Tensor permute(const Shape& dims) const;
  Tensor movedim(Index source, Index destination) const;
  Tensor expand(const Shape& sizes) const;
  Tensor expand_as(const Tensor& other) const { return expand(other.sizes()); }
  Tensor as_strided(const Shape& sizes, const Shape& strides,
                    std::optional<Index> offset = {}) const;
  Tensor select(Index dim, Index index) const;
  Tensor narrow(Index dim, Index start, Index length) const;
  Tensor slice(Index dim, std::optional<Index> start = {}, std::optional<Index> stop = {},
               Index step = 1) const;
  Tensor operator[](Index index) const { return select(0, index); }
  std::vector<Tensor> split(Index size, Index dim = 0) const;
  std::vector<Tensor> split(const Shape& sizes, Index dim = 0) const;
  std::vector<Tensor> chunk(Index chunks, Index dim = 0) const;
  std::vector<Tensor> unbind(Index dim = 0) const;
  Tensor flip(const Shape& dims) const;

  // ---- Copies
  Tensor contiguous(MemoryFormat format = MemoryFormat::Contiguous) const;
  Tensor clone(MemoryFormat format = MemoryFormat::Preserve) const;
  Tensor to(DType dtype, bool copy = false) const;
  // non_blocking: copies between pinned memory and a CUDA device are queued, not waited for.
  Tensor to(Device device, bool copy = false, bool non_blocking = false) const;
  Tensor to(const Options& options, bool copy = false, bool non_blocking = false) const;
  Tensor& copy_(const Tensor& source, bool non_blocking = false);
  Tensor cpu() const { return to(Device(DeviceType::CPU)); }
  Tensor cuda(int device = -1, bool non_blocking = false) const;  // -1: the current device
  // In memory of the host that CUDA devices read by themselves. Throws DeviceError without one.
  Tensor pin_memory() const;
  bool is_pinned() const;
  // Before letting go of a tensor that work on a stream other than its own still uses: its memory
  // is not given out again until that is done.
  void record_stream(const cuda::Stream& stream) const;

  // ---- Indexing
  Tensor index(std::initializer_list<TensorIndex> indices) const;
  Tensor index(std::span<const TensorIndex> indices) const;
  Tensor& index_put_(std::initializer_list<TensorIndex> indices, const Tensor& values,
                     bool accumulate = false);
  Tensor& index_put_(std::span<const TensorIndex> indices, const Tensor& values,
                     bool accumulate = false);
  Tensor index_select(Index dim, const Tensor& index) const;
  Tensor index_add(Index dim, const Tensor& index, const Tensor& source,
                   const Scalar& alpha = 1) const;
  Tensor& index_add_(Index dim, const Tensor& index, const Tensor& source, const Scalar& alpha = 1);
  Tensor index_copy(Index dim, const Tensor& index, const Tensor& source) const;
  Tensor& index_copy_(Index dim, const Tensor& index, const Tensor& source);
  Tensor index_fill(Index dim, const Tensor& index, const Scalar& value) const;
  Tensor& index_fill_(Index dim, const Tensor& index, const Scalar& value);
  Tensor gather(Index dim, const Tensor& index) const;
  Tensor scatter(Index dim, const Tensor& index, const Tensor& source) const;
  Tensor scatter(Index dim, const Tensor& index, const Scalar& value) const;
  Tensor& scatter_(Index dim, const Tensor& index, const Tensor& source);
  Tensor& scatter_(Index dim, const Tensor& index, const Scalar& value);
  Tensor scatter_add(Index dim, const Tensor& index, const Tensor& source) const;
  Tensor& scatter_add_(Index dim, const Tensor& index, const Tensor& source);
  Tensor nonzero() const;
  Tensor masked_select(const Tensor& mask) const;
  Tensor masked_fill(const Tensor& mask, const Scalar& value) const;
  Tensor& masked_fill_(const Tensor& mask, const Scalar& value);

  // ---- Elementwise
  Tensor abs() const;
  Tensor neg() const;
  Tensor sign() const;
  Tensor exp() const;
  Tensor log() const;
  Tensor log1p() const;
  Tensor sqrt() const;
  Tensor rsqrt() const;
  Tensor square() const;
  Tensor reciprocal() const;
  Tensor sin() const;
  Tensor cos() const;
  Tensor tanh() const;
  Tensor erf() const;
  Tensor sigmoid() const;
  Tensor relu() const;
  Tensor floor() const;
  Tensor ceil() const;
  Tensor round() const;
  Tensor isnan() const;
  Tensor isfinite() const;
  Tensor logical_not() const;
  Tensor clamp(const std::optional<Scalar>& min = {}, const std::optional<Scalar>& max = {}) const;
  Tensor clamp(const Tensor& min, const Tensor& max = {}) const;
  Tensor& abs_();
  Tensor& neg_();
  Tensor& exp_();
  Tensor& log_();
  Tensor& sqrt_();
  Tensor& tanh_();
  Tensor& sigmoid_();
  Tensor& relu_();
  Tensor& clamp_(const std::optional<Scalar>& min = {}, const std::optional<Scalar>& max = {});
  Tensor& clamp_(const Tensor& min, const Tensor& max = {});

  Tensor add(const Tensor& other, const Scalar& alpha = 1) const;
  Tensor sub(const Tensor& other, const Scalar& alpha = 1) const;
  Tensor mul(const Tensor& other) const;
  Tensor div(const Tensor& other, const char* rounding_mode = nullptr) const;
  Tensor pow(const Tensor& exponent) const;
  Tensor maximum(const Tensor& other) const;
  Tensor minimum(const Tensor& other) const;
  Tensor eq(const Tensor& other) const;
  Tensor ne(const Tensor& other) const;
  Tensor lt(const Tensor& other) const;
  Tensor le(const Tensor& other) const;
  Tensor gt(const Tensor& other) const;
  Tensor ge(const Tensor& other) const;
  Tensor logical_and(const Tensor& other) const;
  Tensor logical_or(const Tensor& other) const;
  Tensor logical_xor(const Tensor& other) const;
  Tensor add(const Scalar& other, const Scalar& alpha = 1) const;
  Tensor sub(const Scalar& other, const Scalar& alpha = 1) const;
  Tensor mul(const Scalar& other) const;
  Tensor div(const Scalar& other, const char* rounding_mode = nullptr) const;
  Tensor pow(const Scalar& exponent) const;
  Tensor& add_(const Tensor& other, const Scalar& alpha = 1);
  Tensor& sub_(const Tensor& other, const Scalar& alpha = 1);
  Tensor& mul_(const Tensor& other);
  Tensor& div_(const Tensor& other, const char* rounding_mode = nullptr);
  Tensor& add_(const Scalar& other, const Scalar& alpha = 1);
  Tensor& sub_(const Scalar& other, const Scalar& alpha = 1);
  Tensor& mul_(const Scalar& other);
  Tensor& div_(const Scalar& other, const char* rounding_mode = nullptr);
  Tensor& pow_(const Tensor& exponent);
  Tensor& pow_(const Scalar& exponent);
  Tensor& operator+=(const Tensor& other) { return add_(other); }
  Tensor& operator-=(const Tensor& other) { return sub_(other); }
  Tensor& operator*=(const Tensor& other) { return mul_(other); }
  Tensor& operator/=(const Tensor& other) { return div_(other); }
  Tensor& operator+=(const Scalar& other) { return add_(other); }
  Tensor& operator-=(const Scalar& other) { return sub_(other); }
  Tensor& operator*=(const Scalar& other) { return mul_(other); }
  Tensor& operator/=(const Scalar& other) { return div_(other); }

  Tensor& fill_(const Scalar& value);
  Tensor& zero_();

  // ---- Reductions: no dims means all of them
  Tensor sum(const Shape& dims = {}, bool keepdim = false, std::optional<DType> dtype = {}) const;
  Tensor mean(const Shape& dims = {}, bool keepdim = false, std::optional<DType> dtype = {}) const;
  Tensor prod(const Shape& dims = {}, bool keepdim = false, std::optional<DType> dtype = {}) const;
  Tensor var(const Shape& dims = {}, Index correction = 1, bool keepdim = false) const;
  Tensor std(const Shape& dims = {}, Index correction = 1, bool keepdim = false) const;
  Tensor norm(double p = 2, const Shape& dims = {}, bool keepdim = false) const;
  Tensor amax(const Shape& dims = {}, bool keepdim = false) const;
  Tensor amin(const Shape& dims = {}, bool keepdim = false) const;
  Tensor max() const;
  Tensor min() const;
  std::tuple<Tensor, Tensor> max(Index dim, bool keepdim = false) const;  // values, indices
  std::tuple<Tensor, Tensor> min(Index dim, bool keepdim = false) const;
  Tensor argmax(std::optional<Index> dim = {}, bool keepdim = false) const;
  Tensor argmin(std::optional<Index> dim = {}, bool keepdim = false) const;
  // These alone reduce nothing where dims are given and there are none.
  Tensor all(std::nullopt_t = std::nullopt, bool keepdim = false) const;
  Tensor any(std::nullopt_t = std::nullopt, bool keepdim = false) const;
  Tensor all(const Shape& dims, bool keepdim = false) const;
  Tensor any(const Shape& dims, bool keepdim = false) const;
  Tensor logsumexp(const Shape& dims, bool keepdim = false) const;
  Tensor softmax(Index dim) const;
  Tensor log_softmax(Index dim) const;

  // ---- Products
  Tensor matmul(const Tensor& other) const;
  Tensor bmm(const Tensor& other) const;
  Tensor dot(const Tensor& other) const;

 private:
  [[noreturn]] static void throw_undefined(const char* op);
  Tensor view_as_dtype(DType dtype) const;
  void check_dtype(DType asked) const;

  IntrusivePtr<TensorImpl> impl_;
};

// An uninitialised tensor; the ops' way to make their outputs. Throws OutOfMemory.
WEFT_API Tensor make_tensor(const Shape& sizes, const Shape& strides, DType dtype, Device device);
// Another tensor over the same storage, unknown to the tape.
WEFT_API Tensor make_alias(const Tensor& x, const Layout& layout);
// A 0-d tensor that promotes weakly.
WEFT_API Tensor make_scalar(const Scalar& value, DType dtype, Device device = {});

// x.str(): the elements as PyTorch prints them.
WEFT_API std::ostream& operator<<(std::ostream& out, const Tensor& x);

// The dtype of an operation on both, PyTorch's: a 0-d tensor or a Scalar counts only by category.
WEFT_API DType result_type(const Tensor& a, const Tensor& b);
WEFT_API DType result_type(const Tensor& a, const Scalar& b);

}  // namespace weft
