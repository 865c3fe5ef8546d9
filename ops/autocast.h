#pragma once

#include <weft/core/tensor.h>

// Mixed precision, as PyTorch's autocast on the CPU: inside a guard's scope conv2d, linear and the
// products of matrices (matmul, mm, bmm, addmm) convert f32 operands to the low precision and give
// it; losses, prod and pad by reflection or replication convert halves to f32; index_copy takes
// mixed dtypes and gives the widest, as cat and stack always do; all else, softmax and norms too,
// computes in what it gets. The conversions are recorded, so a parameter's gradient has the
// parameter's dtype. That of a leaf that requires a gradient is made once in a
// scope, as long as the leaf does not change.
//
//   {
//     AutocastGuard autocast(bf16);
//     loss = cross_entropy(model(x), target);
//   }
//   loss.backward();
namespace weft {

namespace detail {
struct AutocastMode {
  bool on = false;
  DType dtype = DType::BF16;
  int depth = 0;  // guards alive
};
extern WEFT_API thread_local constinit AutocastMode autocast_mode
    [[gnu::tls_model("initial-exec")]];
}  // namespace detail

// For a scope, on this thread. dtype is bf16 or f16. Guards nest; an inner one with enabled = false
// computes in full precision. Leaving the outermost one lets go of the converted parameters.
class WEFT_API AutocastGuard {
 public:
  explicit AutocastGuard(DType dtype = DType::BF16, bool enabled = true);
  ~AutocastGuard();
  AutocastGuard(const AutocastGuard&) = delete;
  AutocastGuard& operator=(const AutocastGuard&) = delete;

 private:
  detail::AutocastMode before_;
};

inline bool autocast_enabled() { return detail::autocast_mode.on; }
inline DType autocast_dtype() { return detail::autocast_mode.dtype; }

// For ops. One of the list begins with
//   if (autocasting()) {
//     const AutocastPause pause;
//     return linear(lowered(x), lowered(weight), lowered(bias));
//   }
inline bool autocasting() { return detail::autocast_mode.on; }
class AutocastPause {
 public:
  AutocastPause() { detail::autocast_mode.on = false; }
  ~AutocastPause() { detail::autocast_mode.on = true; }
  AutocastPause(const AutocastPause&) = delete;
  AutocastPause& operator=(const AutocastPause&) = delete;
};
// x in the low precision if it is f32 or the other half; else as it is. Undefined stays undefined.
WEFT_API Tensor lowered(const Tensor& x);
// x in f32 if it is f16 or bf16; else as it is.
WEFT_API Tensor widened(const Tensor& x);

}  // namespace weft
