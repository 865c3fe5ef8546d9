#include <weft/cpu/conv_naive.h>

#include <type_traits>

#include <weft/core/threads.h>

namespace weft::cpu {
namespace {

template <class F>
void by_dtype(DType t, F&& f) {
  switch (t) {
    case DType::F16: return f(Tag<Half>{});
    case DType::BF16: return f(Tag<BFloat16>{});
    case DType::F64: return f(Tag<double>{});
    default: return f(Tag<float>{});
  }
}

template <class T>
struct Images {
  const View* v;
  T& operator()(Index a, Index b, Index c, Index d) const {
    return v->as<T>()[a * v->stride[0] + b * v->stride[1] + c * v->stride[2] + d * v->stride[3]];
  }
};

template <class T>
T narrowed(double v) {
  if constexpr (std::is_class_v<T>) return T(static_cast<float>(v));
  if constexpr (!std::is_class_v<T>) return static_cast<T>(v);
}

// The input position that output i and tap r meet at, or -1 in the padding.
Index meet(const Conv2dOptions& o, int d, Index i, Index r, Index size) {
  const Index at = i * o.stride[d] - o.padding_low[d] + r * o.dilation[d];
  return at < size ? at : -1;
}
// The output position that input p reaches through tap r, or -1.
Index reached(const Conv2dOptions& o, int d, Index p, Index r, Index size) {
  const Index at = p + o.padding_low[d] - r * o.dilation[d];
  return at < 0 || at % o.stride[d] || at / o.stride[d] >= size ? -1 : at / o.stride[d];
}

// f(tap row, tap column, row, column) for the taps that find(d, r) gives a position for.
template <class Find, class F>
void taps(const View& w, Find find, F&& f) {
  for (Index r = 0; r < w.size[2]; ++r) {
    const Index h = find(0, r);
    for (Index s = 0; h >= 0 && s < w.size[3]; ++s) {
      const Index v = find(1, s);
      if (v >= 0) f(r, s, h, v);
    }
  }
}

}  // namespace

void naive_conv_forward(const View& y, const View& x, const View& w, const View& bias,
                        const Conv2dOptions& o) {
  by_dtype(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Images<T> in{&x}, weight{&w}, out{&y};
    const Index per = w.size[1], group = y.size[1] / o.groups;
    parallel_for(0, y.size[0] * y.size[1], 1, [&](Index begin, Index end) {
      for (Index nk = begin; nk < end; ++nk) {
        const Index n = nk / y.size[1], k = nk % y.size[1], first = k / group * per;
        for (Index p = 0; p < y.size[2] * y.size[3]; ++p) {
          const Index i = p / y.size[3], j = p % y.size[3];
          double sum = bias ? static_cast<double>(bias.as<T>()[k * bias.stride[0]]) : 0;
          const auto find = [&](int d, Index r) { return meet(o, d, d ? j : i, r, x.size[2 + d]); };
          taps(w, find, [&](Index r, Index s, Index h, Index v) {
            for (Index c = 0; c < per; ++c) {
              sum += static_cast<double>(in(n, first + c, h, v)) *
                     static_cast<double>(weight(k, c, r, s));
            }
          });
          out(n, k, i, j) = narrowed<T>(o.relu && sum < 0 ? 0 : sum);
        }
      }
    });
  });
}

void naive_conv_backward_input(const View& gx, const View& gy, const View& w,
                               const Conv2dOptions& o) {
  by_dtype(gx.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Images<T> out{&gx}, weight{&w}, g{&gy};
    const Index per = w.size[1], group = gy.size[1] / o.groups;
    parallel_for(0, gx.size[0] * gx.size[1], 1, [&](Index begin, Index end) {
      for (Index nc = begin; nc < end; ++nc) {
        const Index n = nc / gx.size[1], c = nc % gx.size[1], first = c / per * group;
        for (Index p = 0; p < gx.size[2] * gx.size[3]; ++p) {
          const Index i = p / gx.size[3], j = p % gx.size[3];
          double sum = 0;
          const auto find = [&](int d, Index r) {
            return reached(o, d, d ? j : i, r, gy.size[2 + d]);
          };
          taps(w, find, [&](Index r, Index s, Index h, Index v) {
            for (Index k = first; k < first + group; ++k) {
              sum += static_cast<double>(g(n, k, h, v)) *
                     static_cast<double>(weight(k, c % per, r, s));
            }
          });
          out(n, c, i, j) = narrowed<T>(sum);
        }
      }
    });
  });
}

void naive_conv_backward_weight(const View& gw, const View& gb, const View& gy, const View& x,
                                const Conv2dOptions& o) {
  by_dtype(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Images<T> in{&x}, out{&gw}, g{&gy};
    const Index per = gw.size[1], group = gw.size[0] / o.groups, area = gy.size[2] * gy.size[3];
    parallel_for(0, gw.size[0], 1, [&](Index begin, Index end) {
      for (Index k = begin; k < end; ++k) {
        double total = 0;
        for (Index p = 0; gb && p < gy.size[0] * area; ++p) {
          total += static_cast<double>(g(p / area, k, p % area / gy.size[3], p % gy.size[3]));
        }
        if (gb) gb.as<T>()[k * gb.stride[0]] = narrowed<T>(total);
        for (Index q = 0; q < per * gw.size[2] * gw.size[3]; ++q) {
          const Index c = q / (gw.size[2] * gw.size[3]), r = q / gw.size[3] % gw.size[2],
                      s = q % gw.size[3];
          double sum = 0;
          for (Index p = 0; p < gy.size[0] * area; ++p) {
            const Index n = p / area, i = p % area / gy.size[3], j = p % gy.size[3];
            const Index h = meet(o, 0, i, r, x.size[2]), v = meet(o, 1, j, s, x.size[3]);
            if (h < 0 || v < 0) continue;
            sum += static_cast<double>(in(n, k / group * per + c, h, v)) *
                   static_cast<double>(g(n, k, i, j));
          }
          out(k, c, r, s) = narrowed<T>(sum);
        }
      }
    });
  });
}

}  // namespace weft::cpu
