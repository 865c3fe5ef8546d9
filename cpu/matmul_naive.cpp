#include <weft/cpu/matmul_naive.h>

#include <algorithm>

namespace weft::cpu {
namespace {

// Integers wrap around, which unsigned arithmetic may.
template <class T>
using Sum = std::conditional_t<std::is_integral_v<T>, std::uint64_t, double>;

template <class T>
const T& at(const View& v, Index i, Index j, Index k) {
  return v.as<T>()[i * v.stride[0] + j * v.stride[1] + k * v.stride[2]];
}

template <class T>
T element(const View& out, const View& a, const View& b, const View& bias, double alpha,
          double beta, bool relu, const Index (&i)[3]) {
  using S = Sum<T>;
  S sum = 0;
  for (Index k = 0; k < a.size[2]; ++k) {
    sum += static_cast<S>(at<T>(a, i[0], i[1], k)) * static_cast<S>(at<T>(b, i[0], k, i[2]));
  }
  if (alpha != 1)
    sum *= static_cast<S>(
        static_cast<std::conditional_t<std::is_integral_v<T>, Index, double>>(alpha));
  if (bias) sum += static_cast<S>(bias.as<T>()[i[2] * bias.stride[0]]);
  if (beta != 0) {
    sum += static_cast<S>(
               static_cast<std::conditional_t<std::is_integral_v<T>, Index, double>>(beta)) *
           static_cast<S>(at<T>(out, i[0], i[1], i[2]));
  }
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(sum);
  } else {
    return T(
        static_cast<std::conditional_t<sizeof(T) == 2, float, T>>(relu && sum < 0 ? 0.0 : sum));
  }
}

}  // namespace

void matmul_naive(const View& out, const View& a, const View& b, const View& bias, double alpha,
                  double beta, bool relu) {
  dispatch(out.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (Index i = 0; i < out.size[0]; ++i) {
      for (Index j = 0; j < out.size[1]; ++j) {
        for (Index k = 0; k < out.size[2]; ++k) {
          const_cast<T&>(at<T>(out, i, j, k)) =
              element<T>(out, a, b, bias, alpha, beta, relu, {i, j, k});
        }
      }
    }
  });
}

}  // namespace weft::cpu
