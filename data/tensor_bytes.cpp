#include <algorithm>

#include <weft/core/check.h>
#include <weft/data/tensor_bytes.h>

namespace weft::data {

Tensor plain(const Tensor& x, const char* op, const std::string& name) {
  if (!x.defined()) fail<ValueError>(op, "got an undefined tensor for \"{}\"", name);
  return x.detach().cpu().contiguous();
}

Tensor unread(const Shape& shape, DType dtype) {
  return make_tensor(shape, contiguous_strides(shape), dtype, kCPU);
}

void check_bools(const Tensor& x, const char* op, const std::string& path) {
  if (x.dtype() != DType::Bool) return;
  const auto* bytes = static_cast<const unsigned char*>(x.data());
  const auto* end = bytes + x.numel();
  const auto* bad = std::find_if(bytes, end, [](unsigned char b) { return b > 1; });
  if (bad != end)
    fail<ParseError>(op, "{}: got byte {} for a bool, expected 0 or 1", path, int{*bad});
}

}  // namespace weft::data
