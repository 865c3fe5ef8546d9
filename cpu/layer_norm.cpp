#include <weft/cpu/norm.h>

#include <algorithm>
#include <cmath>

#include <weft/cpu/norm_common.h>

namespace weft::cpu {
namespace {

constexpr Index kPiece = 4096;
constexpr Index kMaxBlocks = 64;  // partial sums of the weights' gradients

Index grain(Index elements_each) {
  return std::max<Index>(1, kGrain / std::max<Index>(elements_each, 1));
}

template <class S>
Moments row_moments(const S* x, Index n) {
  Moments m;
  for (Index i = 0; i < n; i += kPiece) {
    const Index count = std::min(kPiece, n - i);
    S sum = 0, square = 0;
    norm_loops(S{}).moments_flat(&sum, &square, x + i, x[i], count);
    m.add(static_cast<double>(count), static_cast<double>(x[i]), static_cast<double>(sum),
          static_cast<double>(square));
  }
  return m;
}

template <class S>
void forward_as(const View& y, const View& mean, const View& rstd, const View& x,
                const View& weight, const View& bias, double eps) {
  const Index rows = x.size[0], n = x.size[1];
  const Scratch memory(static_cast<std::size_t>(2 * n) * sizeof(S));
  S *w = memory.as<S>(), *b = w + n;
  read_terms(w, weight, n, S(1));
  read_terms(b, bias, n, S(0));
  const Elements<S> in(x), out(y);
  parallel_for(0, rows, grain(n), [&](Index begin, Index end) {
    const Scratch room(static_cast<std::size_t>(2 * n) * sizeof(S));
    for (Index r = begin; r < end; ++r) {
      const S* from = in.read(r * n, n, room.as<S>());
      const Moments m = row_moments(from, n);
      mean.as<S>()[r] = static_cast<S>(m.mean);
      rstd.as<S>()[r] = static_cast<S>(1 / std::sqrt(m.variance() + eps));
      S* to = out.place(r * n, room.as<S>() + n);
      norm_loops(S{}).layer(to, from, w, b, mean.as<S>()[r], rstd.as<S>()[r], n);
      out.write(r * n, n, to);
    }
  });
}

template <class S>
void backward_as(const View& gx, const View& gw, const View& gb, const View& gy, const View& x,
                 const View& mean, const View& rstd, const View& weight) {
  const Index rows = x.size[0], n = x.size[1];
  const Index each = (rows + kMaxBlocks - 1) / kMaxBlocks, blocks = (rows + each - 1) / each;
  const Scratch memory(static_cast<std::size_t>((1 + 2 * blocks) * n) * sizeof(S));
  S *w = memory.as<S>(), *partial = w + n;
  read_terms(w, weight, n, S(1));
  const Elements<S> g(gy), in(x), out(gx);
  parallel_for(0, blocks, grain(each * n), [&](Index begin, Index end) {
    const Scratch room(static_cast<std::size_t>(3 * n) * sizeof(S));
    std::fill(partial + 2 * begin * n, partial + 2 * end * n, S(0));
    for (Index r = begin * each; r < std::min(rows, end * each); ++r) {
      const S *from = in.read(r * n, n, room.as<S>()), *grad = g.read(r * n, n, room.as<S>() + n);
      const S m = mean.as<S>()[r], s = rstd.as<S>()[r], count = static_cast<S>(n);
      S *pw = partial + 2 * (r / each) * n, sum, dot;
      norm_loops(S{}).layer_dots(&sum, &dot, pw, pw + n, grad, from, w, m, s, n);
      if (!gx) continue;
      S* to = out.place(r * n, room.as<S>() + 2 * n);
      norm_loops(S{}).layer_mix(to, grad, from, w, m, s, sum / count, dot / count, n);
      out.write(r * n, n, to);
    }
  });
  for (Index b = 1; b < blocks; ++b) {
    for (Index i = 0; i < 2 * n; ++i) partial[i] += partial[2 * b * n + i];
  }
  write_terms(gw, partial, n);
  write_terms(gb, partial + n, n);
}

// ---- Local response: y = x / d^beta with d = k + alpha / size * (sum of the neighbours' squares)

// Sums of `size` neighbours of v from `before` places before: out[c] over v[c - before ...], where
// v is 0 outside.
template <class S>
void window_sums(S* out, const S* v, Index n, Index size, Index before) {
  for (Index c = 0; c < n; ++c) {
    S sum = 0;
    for (Index j = std::max<Index>(0, c - before); j < std::min(n, c - before + size); ++j) {
      sum += v[j];
    }
    out[c] = sum;
  }
}

template <class S>
S inverse_power(S d, S beta) {
  if (beta == S(0.75)) {
    const S root = std::sqrt(d);
    return 1 / (root * std::sqrt(root));
  }
  return std::pow(d, -beta);
}

struct Response {
  Index size;
  double alpha, beta, k;
};

// d of each channel of one row.
template <class S>
void denominators(S* d, S* squares, const S* x, Index n, const Response& o) {
  for (Index c = 0; c < n; ++c) squares[c] = x[c] * x[c];
  window_sums(d, squares, n, o.size, o.size / 2);
  const S each = static_cast<S>(o.alpha / static_cast<double>(o.size)), k = static_cast<S>(o.k);
  for (Index c = 0; c < n; ++c) d[c] = k + each * d[c];
}

template <class S>
void response_forward(const View& y, const View& x, const Response& o) {
  const Index n = x.size[1];
  const Elements<S> in(x), out(y);
  parallel_for(0, x.size[0], grain(16 * n), [&](Index begin, Index end) {
    const Scratch room(static_cast<std::size_t>(4 * n) * sizeof(S));
    S *d = room.as<S>() + 2 * n, *squares = d + n;
    for (Index r = begin; r < end; ++r) {
      const S* from = in.read(r * n, n, room.as<S>());
      denominators(d, squares, from, n, o);
      S* to = out.place(r * n, room.as<S>() + n);
      for (Index c = 0; c < n; ++c) to[c] = from[c] * inverse_power(d[c], static_cast<S>(o.beta));
      out.write(r * n, n, to);
    }
  });
}

// gx = gy d^-beta - 2 alpha beta / size * x * (sum over the windows with x in them of gy x
// d^(-beta - 1))
template <class S>
void response_backward(const View& gx, const View& gy, const View& x, const Response& o) {
  const Index n = x.size[1];
  const Elements<S> in(x), g(gy), out(gx);
  const S factor = static_cast<S>(2 * o.alpha * o.beta / static_cast<double>(o.size));
  parallel_for(0, x.size[0], grain(16 * n), [&](Index begin, Index end) {
    const Scratch room(static_cast<std::size_t>(6 * n) * sizeof(S));
    S *d = room.as<S>() + 3 * n, *power = d + n, *spread = power + n;
    for (Index r = begin; r < end; ++r) {
      const S *from = in.read(r * n, n, room.as<S>()), *grad = g.read(r * n, n, room.as<S>() + n);
      denominators(d, power, from, n, o);
      for (Index c = 0; c < n; ++c) {
        power[c] = inverse_power(d[c], static_cast<S>(o.beta));
        d[c] = grad[c] * from[c] * power[c] / d[c];
      }
      window_sums(spread, d, n, o.size, o.size - 1 - o.size / 2);
      S* to = out.place(r * n, room.as<S>() + 2 * n);
      for (Index c = 0; c < n; ++c) to[c] = grad[c] * power[c] - factor * from[c] * spread[c];
      out.write(r * n, n, to);
    }
  });
}

}  // namespace

void layer_forward(const View& y, const View& mean, const View& rstd, const View& x,
                   const View& weight, const View& bias, double eps) {
  by_compute(x.dtype, [&]<class S>(S) { forward_as<S>(y, mean, rstd, x, weight, bias, eps); });
}
void layer_backward(const View& gx, const View& gw, const View& gb, const View& gy, const View& x,
                    const View& mean, const View& rstd, const View& weight) {
  by_compute(x.dtype, [&]<class S>(S) { backward_as<S>(gx, gw, gb, gy, x, mean, rstd, weight); });
}
void local_response_forward(const View& y, const View& x, Index size, double alpha, double beta,
                            double k) {
  by_compute(x.dtype, [&]<class S>(S) { response_forward<S>(y, x, {size, alpha, beta, k}); });
}
void local_response_backward(const View& gx, const View& gy, const View& x, Index size,
                             double alpha, double beta, double k) {
  by_compute(x.dtype, [&]<class S>(S) { response_backward<S>(gx, gy, x, {size, alpha, beta, k}); });
}

}  // namespace weft::cpu
