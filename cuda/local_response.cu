#include <weft/cuda/grid.h>
#include <weft/cuda/loop.h>
#include <weft/cuda/number.h>
#include <weft/cuda/tables.h>

// Local response normalisation: y = x / d^beta with d = k + alpha / size * (sum of the neighbours'
// squares)
namespace weft::cuda {
namespace {

template <class C>
struct Response {
  Place x;
  Index size;
  C each, beta, k;

  WEFT_HD C in(Index e) const { return load<C>(x.at(e), x.dtype); }
  WEFT_HD C denominator(Index e) const {
    const Index n = x.size[1], c = e % n, first = c - size / 2;
    C sum(0);
    for (Index j = first > 0 ? first : 0; j < first + size && j < n; ++j) {
      const C v = in(e - c + j);
      sum += v * v;
    }
    return k + each * sum;
  }
};

template <class C>
struct ResponseForward {
  Response<C> r;
  char* y;
  WEFT_HD void operator()(Index e) const {
    store(y + e * r.x.width, r.x.dtype, r.in(e)*formula::pow(r.denominator(e), -r.beta));
  }
};

template <class C>
struct ResponseBackward {
  Response<C> r;
  const char* gy;
  char* gx;
  C factor;  // 2 alpha beta / size

  WEFT_HD C g(Index e) const { return load<C>(gy + e * r.x.width, r.x.dtype); }
  WEFT_HD void operator()(Index e) const {
    const Index n = r.x.size[1], c = e % n, first = c - (r.size - 1 - r.size / 2);
    C spread(0);
    for (Index j = first > 0 ? first : 0; j < first + r.size && j < n; ++j) {
      const Index at = e - c + j;
      const C d = r.denominator(at);
      spread += g(at) * r.in(at)*formula::pow(d, -r.beta) / d;
    }
    const C own = g(e) * formula::pow(r.denominator(e), -r.beta);
    store(gx + e * r.x.width, r.x.dtype, own - factor * r.in(e)*spread);
  }
};

template <class C>
Response<C> response(const View& x, Index size, double alpha, double beta, double k) {
  return {Place(x), size, static_cast<C>(alpha / static_cast<double>(size)), static_cast<C>(beta),
          static_cast<C>(k)};
}

}  // namespace

void local_response_forward(const View& y, const View& x, Index size, double alpha, double beta,
                            double k) {
  by_compute(x.dtype, [&]<class C>(C) {
    for_each("local_response_norm", numel(x),
             ResponseForward<C>{response<C>(x, size, alpha, beta, k), y.as<char>()});
  });
}

void local_response_backward(const View& gx, const View& gy, const View& x, Index size,
                             double alpha, double beta, double k) {
  by_compute(x.dtype, [&]<class C>(C) {
    for_each("local_response_norm backward", numel(x),
             ResponseBackward<C>{response<C>(x, size, alpha, beta, k), gy.as<char>(), gx.as<char>(),
                                 static_cast<C>(2 * alpha * beta / static_cast<double>(size))});
  });
}

}  // namespace weft::cuda
