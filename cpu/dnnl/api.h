#pragma once

#include <oneapi/dnnl/dnnl.h>

#include <span>
#include <utility>

#include <weft/core/view.h>

// oneDNN's C interface behind owners, and all that differs between its versions 2 and 3.
namespace weft::cpu::dnnl {

[[noreturn]] void throw_status(dnnl_status_t status, const char* call);
inline void check(dnnl_status_t status, const char* call) {
  if (status != dnnl_success) [[unlikely]]
    throw_status(status, call);
}

template <class T, dnnl_status_t (*Destroy)(T)>
class Handle {
 public:
  Handle() = default;
  Handle(Handle&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Handle() {
    if (handle_) Destroy(handle_);
  }
  explicit operator bool() const { return handle_ != nullptr; }
  T get() const { return handle_; }
  T* out() { return &handle_; }

 private:
  T handle_ = nullptr;
};

using PrimitiveDesc = Handle<dnnl_primitive_desc_t, dnnl_primitive_desc_destroy>;
using Primitive = Handle<dnnl_primitive_t, dnnl_primitive_destroy>;
using Memory = Handle<dnnl_memory_t, dnnl_memory_destroy>;

// The layout of a tensor. A DescRef is what functions take; it lives as long as what it came from.
#if DNNL_VERSION_MAJOR >= 3
using Desc = Handle<dnnl_memory_desc_t, dnnl_memory_desc_destroy>;
using DescRef = const_dnnl_memory_desc_t;
inline DescRef ref(const Desc& d) { return d.get(); }
#else
struct Desc {
  dnnl_memory_desc_t value{};
};
using DescRef = const dnnl_memory_desc_t*;
inline DescRef ref(const Desc& d) { return &d.value; }
#endif

dnnl_data_type_t data_type(DType t);
Desc strided(DType t, std::span<const Index> sizes, std::span<const Index> strides);
Desc channels_last(DType t, std::span<const Index> sizes);
Desc any_layout(DType t, std::span<const Index> sizes);
inline std::size_t byte_size(DescRef d) { return dnnl_memory_desc_get_size(d); }
inline bool same(DescRef a, DescRef b) { return dnnl_memory_desc_equal(a, b) != 0; }

// What follows the product. Never shared: copies of an attribute alias.
class Attributes {
 public:
  Attributes();                            // the scratchpad is given by the user
  void after(float sum_scale, bool relu);  // dst = relu(result + sum_scale * dst)
  const_dnnl_primitive_attr_t get() const { return attr_.get(); }

 private:
  Handle<dnnl_primitive_attr_t, dnnl_primitive_attr_destroy> attr_;
};

struct Convolution {
  dnnl_dims_t stride, dilation, padding_low, padding_high;  // dilation: 0 is dense
};

// src, weights, bias (may be null), dst; a gradient's layout takes the place of its value's.
PrimitiveDesc convolution_forward(const Convolution&, DescRef src, DescRef weights, DescRef bias,
                                  DescRef dst, const Attributes&);
// forward_src, forward_weights: what they are where the convolution itself is computed.
PrimitiveDesc convolution_backward_data(const Convolution&, DescRef src, DescRef forward_src,
                                        DescRef weights, DescRef dst);
PrimitiveDesc convolution_backward_weights(const Convolution&, DescRef src, DescRef weights,
                                           DescRef forward_weights, DescRef dst);
PrimitiveDesc matmul(DescRef src, DescRef weights, DescRef bias, DescRef dst, const Attributes&);
PrimitiveDesc reorder(DescRef from, DescRef to);

DescRef query(const PrimitiveDesc& pd, dnnl_query_t what);

dnnl_engine_t engine();
dnnl_stream_t stream();  // the calling thread's

// What the processor and WEFT_CPU leave: whether products of bf16 are faster than of f32, and AMX.
bool has_fast_bf16();
bool has_amx();

}  // namespace weft::cpu::dnnl
