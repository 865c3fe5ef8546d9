#include <weft/cpu/dnnl/api.h>

#include <algorithm>

#include <weft/core/check.h>
#include <weft/cpu/isa.h>

namespace weft::cpu::dnnl {
namespace {

using Stream = Handle<dnnl_stream_t, dnnl_stream_destroy>;
using PostOps = Handle<dnnl_post_ops_t, dnnl_post_ops_destroy>;

const char* text(dnnl_status_t status) {
  switch (status) {
    case dnnl_invalid_arguments: return "invalid arguments";
    case dnnl_unimplemented: return "no implementation";
    default: return "a failure";
  }
}

// Before its first use the library is held to the instruction set of our own kernels.
dnnl_engine_t make_engine() {
  if (isa_in_use() == Isa::V2) dnnl_set_max_cpu_isa(dnnl_cpu_isa_sse41);
  if (isa_in_use() == Isa::AVX2) dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx2);
  dnnl_engine_t e = nullptr;
  check(dnnl_engine_create(&e, dnnl_cpu, 0), "engine");
  return e;
}

bool has(dnnl_cpu_isa_t wanted) {
  engine();
  return (dnnl_get_effective_cpu_isa() & wanted) == static_cast<int>(wanted);
}

struct Dims {
  dnnl_dims_t at;
  explicit Dims(std::span<const Index> values) { std::copy(values.begin(), values.end(), at); }
};

Desc with_tag(DType t, std::span<const Index> sizes, dnnl_format_tag_t tag) {
  Desc d;
  const Dims dims(sizes);
  const int rank = static_cast<int>(sizes.size());
#if DNNL_VERSION_MAJOR >= 3
  check(dnnl_memory_desc_create_with_tag(d.out(), rank, dims.at, data_type(t), tag), "layout");
#else
  check(dnnl_memory_desc_init_by_tag(&d.value, rank, dims.at, data_type(t), tag), "layout");
#endif
  return d;
}

}  // namespace

void throw_status(dnnl_status_t status, const char* call) {
  if (status == dnnl_out_of_memory)
    throw OutOfMemory(fmt::format("[oneDNN] got no memory for its {}", call), 0, 0, 0, 0);
  fail<Error>("oneDNN", "got {} from {}, expected success", text(status), call);
}

dnnl_engine_t engine() {
  static const dnnl_engine_t the_engine = make_engine();  // lives as long as the process
  return the_engine;
}

dnnl_stream_t stream() {
  thread_local const Stream the_stream = [] {
    Stream s;
    check(dnnl_stream_create(s.out(), engine(), dnnl_stream_default_flags), "stream");
    return s;
  }();
  return the_stream.get();
}

bool has_fast_bf16() {
  static const bool yes = has(dnnl_cpu_isa_avx512_core_bf16);
  return yes;
}

bool has_amx() {
  static const bool yes = has(dnnl_cpu_isa_avx512_core_amx);
  return yes;
}

dnnl_data_type_t data_type(DType t) {
  if (t == DType::BF16) return dnnl_bf16;
  if (t == DType::F32) return dnnl_f32;
  fail<DTypeError>("oneDNN", "got {}, expected float32 or bfloat16", t);
}

Desc strided(DType t, std::span<const Index> sizes, std::span<const Index> strides) {
  Desc d;
  const Dims dims(sizes), steps(strides);
  const int rank = static_cast<int>(sizes.size());
#if DNNL_VERSION_MAJOR >= 3
  check(dnnl_memory_desc_create_with_strides(d.out(), rank, dims.at, data_type(t), steps.at),
        "layout");
#else
  check(dnnl_memory_desc_init_by_strides(&d.value, rank, dims.at, data_type(t), steps.at),
        "layout");
#endif
  return d;
}

Desc channels_last(DType t, std::span<const Index> sizes) { return with_tag(t, sizes, dnnl_nhwc); }
Desc any_layout(DType t, std::span<const Index> sizes) {
  return with_tag(t, sizes, dnnl_format_tag_any);
}

Attributes::Attributes() {
  check(dnnl_primitive_attr_create(attr_.out()), "attributes");
  check(dnnl_primitive_attr_set_scratchpad_mode(attr_.get(), dnnl_scratchpad_mode_user),
        "attributes");
}

void Attributes::after(float sum_scale, bool relu) {
  PostOps ops;
  check(dnnl_post_ops_create(ops.out()), "post-ops");
#if DNNL_VERSION_MAJOR >= 3
  if (sum_scale != 0)
    check(dnnl_post_ops_append_sum(ops.get(), sum_scale, 0, dnnl_data_type_undef), "sum");
  if (relu) check(dnnl_post_ops_append_eltwise(ops.get(), dnnl_eltwise_relu, 0, 0), "relu");
#else
  if (sum_scale != 0) check(dnnl_post_ops_append_sum(ops.get(), sum_scale), "sum");
  if (relu) check(dnnl_post_ops_append_eltwise(ops.get(), 1, dnnl_eltwise_relu, 0, 0), "relu");
#endif
  check(dnnl_primitive_attr_set_post_ops(attr_.get(), ops.get()), "post-ops");
}

DescRef query(const PrimitiveDesc& pd, dnnl_query_t what) {
  return dnnl_primitive_desc_query_md(pd.get(), what, 0);
}

PrimitiveDesc reorder(DescRef from, DescRef to) {
  PrimitiveDesc pd;
  const Attributes attributes;
  check(
      dnnl_reorder_primitive_desc_create(pd.out(), from, engine(), to, engine(), attributes.get()),
      "reorder");
  return pd;
}

#if DNNL_VERSION_MAJOR >= 3

PrimitiveDesc convolution_forward(const Convolution& c, DescRef src, DescRef weights, DescRef bias,
                                  DescRef dst, const Attributes& attributes) {
  PrimitiveDesc pd;
  check(dnnl_convolution_forward_primitive_desc_create(
            pd.out(), engine(), dnnl_forward_training, dnnl_convolution_direct, src, weights, bias,
            dst, c.stride, c.dilation, c.padding_low, c.padding_high, attributes.get()),
        "convolution");
  return pd;
}

PrimitiveDesc convolution_backward_data(const Convolution& c, DescRef src, DescRef forward_src,
                                        DescRef weights, DescRef dst) {
  const Attributes attributes;
  const PrimitiveDesc hint = convolution_forward(c, forward_src, weights, nullptr, dst, attributes);
  PrimitiveDesc pd;
  check(dnnl_convolution_backward_data_primitive_desc_create(
            pd.out(), engine(), dnnl_convolution_direct, src, weights, dst, c.stride, c.dilation,
            c.padding_low, c.padding_high, hint.get(), attributes.get()),
        "convolution's input gradient");
  return pd;
}

PrimitiveDesc convolution_backward_weights(const Convolution& c, DescRef src, DescRef weights,
                                           DescRef forward_weights, DescRef dst) {
  const Attributes attributes;
  const PrimitiveDesc hint = convolution_forward(c, src, forward_weights, nullptr, dst, attributes);
  PrimitiveDesc pd;
  check(dnnl_convolution_backward_weights_primitive_desc_create(
            pd.out(), engine(), dnnl_convolution_direct, src, weights, nullptr, dst, c.stride,
            c.dilation, c.padding_low, c.padding_high, hint.get(), attributes.get()),
        "convolution's weight gradient");
  return pd;
}

PrimitiveDesc matmul(DescRef src, DescRef weights, DescRef bias, DescRef dst,
                     const Attributes& attributes) {
  PrimitiveDesc pd;
  check(dnnl_matmul_primitive_desc_create(pd.out(), engine(), src, weights, bias, dst,
                                          attributes.get()),
        "matmul");
  return pd;
}

#else

namespace {

PrimitiveDesc create(const void* desc, const Attributes& attributes, dnnl_primitive_desc_t hint,
                     const char* what) {
  PrimitiveDesc pd;
  check(dnnl_primitive_desc_create(pd.out(), desc, attributes.get(), engine(), hint), what);
  return pd;
}

}  // namespace

PrimitiveDesc convolution_forward(const Convolution& c, DescRef src, DescRef weights, DescRef bias,
                                  DescRef dst, const Attributes& attributes) {
  dnnl_convolution_desc_t d;
  check(dnnl_dilated_convolution_forward_desc_init(
            &d, dnnl_forward_training, dnnl_convolution_direct, src, weights, bias, dst, c.stride,
            c.dilation, c.padding_low, c.padding_high),
        "convolution");
  return create(&d, attributes, nullptr, "convolution");
}

PrimitiveDesc convolution_backward_data(const Convolution& c, DescRef src, DescRef forward_src,
                                        DescRef weights, DescRef dst) {
  const Attributes attributes;
  const PrimitiveDesc hint = convolution_forward(c, forward_src, weights, nullptr, dst, attributes);
  dnnl_convolution_desc_t d;
  check(dnnl_dilated_convolution_backward_data_desc_init(&d, dnnl_convolution_direct, src, weights,
                                                         dst, c.stride, c.dilation, c.padding_low,
                                                         c.padding_high),
        "convolution's input gradient");
  return create(&d, attributes, hint.get(), "convolution's input gradient");
}

PrimitiveDesc convolution_backward_weights(const Convolution& c, DescRef src, DescRef weights,
                                           DescRef forward_weights, DescRef dst) {
  const Attributes attributes;
  const PrimitiveDesc hint = convolution_forward(c, src, forward_weights, nullptr, dst, attributes);
  dnnl_convolution_desc_t d;
  check(dnnl_dilated_convolution_backward_weights_desc_init(
            &d, dnnl_convolution_direct, src, weights, nullptr, dst, c.stride, c.dilation,
            c.padding_low, c.padding_high),
        "convolution's weight gradient");
  return create(&d, attributes, hint.get(), "convolution's weight gradient");
}

PrimitiveDesc matmul(DescRef src, DescRef weights, DescRef bias, DescRef dst,
                     const Attributes& attributes) {
  dnnl_matmul_desc_t d;
  check(dnnl_matmul_desc_init(&d, src, weights, bias, dst), "matmul");
  return create(&d, attributes, nullptr, "matmul");
}

#endif

}  // namespace weft::cpu::dnnl
