#include <array>
#include <optional>

#include <weft/cuda/grid.h>
#include <weft/cuda/libraries.h>
#include <weft/cuda/number.h>
#include <weft/cuda/picture.h>
#include <weft/cuda/tables.h>

// Convolutions by their definition, an output a thread, for what cuDNN does not take; and the
// gradient of the bias.
namespace weft::cuda {
namespace {

struct Shape2d {
  Index inputs, outputs;  // channels of a group
  Index r, s;             // the filter's size
  Conv2dOptions o;

  Shape2d(const View& w, const Conv2dOptions& options)
      : inputs(w.size[1]),
        outputs(w.size[0] / options.groups),
        r(w.size[2]),
        s(w.size[3]),
        o(options) {}
};

template <class C>
struct Forward {
  Place y, x, w, bias;
  Shape2d s;

  WEFT_HD void operator()(Index e) const {
    const Pixel p(y, e);
    const Index group = p.c / s.outputs;
    C sum(0);
    for (Index i = 0; i < s.r; ++i) {
      const Index h = p.h * s.o.stride[0] - s.o.padding_low[0] + i * s.o.dilation[0];
      if (h < 0 || h >= x.size[2]) continue;
      for (Index j = 0; j < s.s; ++j) {
        const Index v = p.w * s.o.stride[1] - s.o.padding_low[1] + j * s.o.dilation[1];
        if (v < 0 || v >= x.size[3]) continue;
        for (Index c = 0; c < s.inputs; ++c) {
          sum += load<C>(pixel_at(x, p.n, group * s.inputs + c, h, v), x.dtype) *
                 load<C>(pixel_at(w, p.c, c, i, j), w.dtype);
        }
      }
    }
    if (bias.there()) sum += load<C>(bias.at(p.c * bias.stride[0]), bias.dtype);
    if (s.o.relu && sum < C(0)) sum = C(0);
    store(pixel_at(y, p.n, p.c, p.h, p.w), y.dtype, sum);
  }
};

template <class C>
struct BackwardInput {
  Place gx, gy, w;
  Shape2d s;

  WEFT_HD void operator()(Index e) const {
    const Pixel p(gx, e);
    const Index group = p.c / s.inputs;
    C sum(0);
    for (Index i = 0; i < s.r; ++i) {
      const Index h =
          reader(p.h, i, s.o.stride[0], s.o.padding_low[0], s.o.dilation[0], gy.size[2]);
      if (h < 0) continue;
      for (Index j = 0; j < s.s; ++j) {
        const Index v =
            reader(p.w, j, s.o.stride[1], s.o.padding_low[1], s.o.dilation[1], gy.size[3]);
        if (v < 0) continue;
        for (Index k = group * s.outputs; k < (group + 1) * s.outputs; ++k) {
          sum += load<C>(pixel_at(gy, p.n, k, h, v), gy.dtype) *
                 load<C>(pixel_at(w, k, p.c - group * s.inputs, i, j), w.dtype);
        }
      }
    }
    store(pixel_at(gx, p.n, p.c, p.h, p.w), gx.dtype, sum);
  }
};

// A group of threads a weight: they share the outputs of all pictures.
template <class C>
struct BackwardWeight {
  using Acc = double;
  Place gw, gy, x;
  Shape2d s;

  WEFT_HD double part(Index weight, int lane, int lanes) const {
    const Index j = weight % s.s, i = weight / s.s % s.r, c = weight / s.s / s.r % s.inputs,
                k = weight / s.s / s.r / s.inputs;
    const Index pixels = gy.size[2] * gy.size[3], from = k / s.outputs * s.inputs + c;
    double sum = 0;
    for (Index at = lane; at < gy.size[0] * pixels; at += lanes) {
      const Index n = at / pixels, p = at / gy.size[3] % gy.size[2], q = at % gy.size[3];
      const Index h = p * s.o.stride[0] - s.o.padding_low[0] + i * s.o.dilation[0],
                  v = q * s.o.stride[1] - s.o.padding_low[1] + j * s.o.dilation[1];
      if (h < 0 || h >= x.size[2] || v < 0 || v >= x.size[3]) continue;
      sum += static_cast<double>(load<C>(pixel_at(gy, n, k, p, q), gy.dtype) *
                                 load<C>(pixel_at(x, n, from, h, v), x.dtype));
    }
    return sum;
  }
  WEFT_HD double join(double a, double b) const { return a + b; }
  WEFT_HD void finish(Index weight, double sum) const {
    const Index j = weight % s.s, i = weight / s.s % s.r, c = weight / s.s / s.r % s.inputs,
                k = weight / s.s / s.r / s.inputs;
    store(pixel_at(gw, k, c, i, j), gw.dtype, sum);
  }
};

// Whether elements lie dense with the dimensions in that order.
bool lies(const View& v, const std::array<int, 4>& order) {
  Index step = 1;
  for (int i = 3; i >= 0; step *= v.size[order[static_cast<std::size_t>(i--)]]) {
    const int d = order[static_cast<std::size_t>(i)];
    if (v.size[d] != 1 && v.stride[d] != step) return false;
  }
  return true;
}

// A picture or filter as cuDNN has plans for: on 16 bytes, dense, channels first or last. Of
// another, such as the gradient of a sum, which is one number everywhere, a copy in like's order.
class Readable {
 public:
  Readable(const View& v, const View& like) : view_(v) {
    constexpr std::array first = {0, 1, 2, 3}, last = {0, 2, 3, 1};
    const bool bordered = reinterpret_cast<std::uintptr_t>(v.data) % 16 == 0;
    if (numel(v) == 0 || (bordered && (lies(v, first) || lies(v, last)))) return;
    Index step = 1;
    const auto& order = like.stride[1] == 1 ? last : first;
    for (auto d = order.rbegin(); d != order.rend(); step *= v.size[*d++])
      stride_[static_cast<std::size_t>(*d)] = step;
    memory_.emplace(static_cast<std::size_t>(step) * size_of(v.dtype));
    view_ = {memory_->as<void>(), v.size, stride_.data(), 4, v.dtype};
    copy(make_loop(v.sizes(), {view_, v}));
  }
  Readable(const Readable&) = delete;
  Readable& operator=(const Readable&) = delete;
  const View& view() const { return view_; }

 private:
  View view_;
  std::optional<Scratch> memory_;
  std::array<Index, 4> stride_{};
};

bool dnn_reads_forward(const View& y, const View& x, const View& w, const View& bias,
                       const Conv2dOptions& o) {
  const Readable from(x, y), filter(w, x);
  return dnn_forward(y, from.view(), filter.view(), bias, o);
}
bool dnn_reads_backward_input(const View& gx, const View& gy, const View& w,
                              const Conv2dOptions& o) {
  const Readable from(gy, gx), filter(w, gx);
  return dnn_backward_input(gx, from.view(), filter.view(), o);
}
bool dnn_reads_backward_weight(const View& gw, const View& gy, const View& x,
                               const Conv2dOptions& o) {
  const Readable from(gy, x), with(x, x);
  return dnn_backward_weight(gw, from.view(), with.view(), o);
}

}  // namespace

void conv2d_forward(const View& y, const View& x, const View& w, const View& bias,
                    const Conv2dOptions& o) {
  if (numel(y) == 0 || dnn_reads_forward(y, x, w, bias, o)) return;
  by_compute(y.dtype, [&]<class C>(C) {
    for_each("conv2d", numel(y),
             Forward<C>{Place(y), Place(x), Place(w), Place(bias), Shape2d(w, o)});
  });
}

void conv2d_backward_input(const View& gx, const View& gy, const View& w, const Conv2dOptions& o) {
  if (numel(gx) == 0 || dnn_reads_backward_input(gx, gy, w, o)) return;
  by_compute(gx.dtype, [&]<class C>(C) {
    for_each("conv2d backward", numel(gx),
             BackwardInput<C>{Place(gx), Place(gy), Place(w), Shape2d(w, o)});
  });
}

void conv2d_backward_weight(const View& gw, const View& gb, const View& gy, const View& x,
                            const Conv2dOptions& o) {
  const Index outputs = gy.size[0] * gy.size[2] * gy.size[3];
  if (gb) {
    const Index size[4] = {1, gb.size[0], 1, 1}, stride[4] = {0, gb.stride[0], 0, 0};
    reduce(ReduceId::Sum, make_loop(gy.sizes(), {View{gb.data, size, stride, 4, gb.dtype}, gy}),
           {});
  }
  if (numel(gw) == 0 || dnn_reads_backward_weight(gw, gy, x, o)) return;
  by_compute(gw.dtype, [&]<class C>(C) {
    for_groups("conv2d backward", numel(gw), lanes_for(outputs),
               BackwardWeight<C>{Place(gw), Place(gy), Place(x), Shape2d(gw, o)});
  });
}

}  // namespace weft::cuda
