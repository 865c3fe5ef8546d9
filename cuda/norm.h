#pragma once

#include <weft/cuda/grid.h>
#include <weft/cuda/loop.h>
#include <weft/cuda/number.h>
#include <weft/cuda/row.h>

// Sums over channels, for batch and layer normalisation: gathered in double by fixed trees. For .cu
// files only.
namespace weft::cuda {

// Channels of `outer` pieces of `inner` elements each.
struct Channels {
  Place x;  // for dtype and data
  Index outer, channels, inner, step_outer, step_channel, step_inner;

  explicit Channels(const View& v) : x(v), outer(v.size[0]), channels(v.size[1]), inner(1) {
    for (int d = 2; d < v.rank; ++d) inner *= v.size[d];
    // Contiguous, or channels innermost and the rest as it was (ops/kernels.h).
    const bool last = inner > 1 && v.stride[1] == 1 && channels > 1;
    step_channel = last ? 1 : inner;
    step_inner = last ? channels : 1;
    step_outer = channels * inner;
  }
  Index count() const { return outer * inner; }
  // Whether kVector elements at a multiple of it lie in one piece, or are of neighbouring channels.
  bool packed() const {
    return (step_channel == 1 ? channels : inner) % kVector == 0 && on_border(x.data, 0, x.dtype);
  }
  WEFT_HD Index channel_of(Index element) const {  // in the order of memory
    if (step_channel != 1) divide(element, inner);
    return divide(element, channels);
  }
  WEFT_HD Index at(Index channel, Index i) const {
    if (step_channel == 1) return i * channels + channel;
    const Index within = divide(i, inner);
    return i * step_outer + channel * step_channel + within;
  }
};

struct Dots {
  double sum, dot;
};

// How a channel's elements are shared out. Where channels lie beside each other, neighbouring
// threads take neighbouring channels.
struct Shares {
  Index channels, count, share, shares;
  bool columns, packed;
  int lanes;

  // aligned: other operands lie on borders too.
  Shares(const Channels& x, bool aligned)
      : channels(x.channels),
        count(x.count()),
        columns(x.step_channel == 1 && x.channels > 1),
        packed(!columns && aligned && x.packed()) {
    constexpr Index kMost = 1024, kThreadsWanted = 1 << 17;
    const Index least = columns ? 16 : 4096, wanted = kThreadsWanted / (columns ? 1 : kThreads);
    shares = std::clamp<Index>(count / least, 1, std::min(kMost, wanted / channels + 1));
    share = (count + shares - 1) / shares;
    if (packed) share = (share + kVector - 1) / kVector * kVector;
    shares = (count + share - 1) / share;
    lanes = columns ? 1 : lanes_for(share);
  }
  Index groups() const { return channels * shares; }
  WEFT_HD Index channel(Index group) const { return columns ? group % channels : group / shares; }
  WEFT_HD Index number(Index group) const { return columns ? group / channels : group % shares; }
};

// Sums over shares of channels, by a G that is computed in C:
//   auto channel(Index c) const gives a functor (Dots& sums, Index i, C x, C gy) to add an element.
template <class C, class G>
struct DotShares {
  using Acc = Dots;
  Channels x;
  const char* gy;
  G g;
  Shares cut;
  Dots* found;  // of channel c and share s: at c * shares + s

  WEFT_HD Acc part(Index group, int lane, int lanes) const {
    const Index c = cut.channel(group), begin = cut.number(group) * cut.share,
                end = begin + cut.share < cut.count ? begin + cut.share : cut.count;
    Dots sums{0, 0};
    const auto add = g.channel(c);
    by_pack<C>(x.x.dtype, [&](auto d) {
      using D = decltype(d);
      if (cut.packed) {
        for (Index i = begin + lane * kVector; i < end; i += lanes * kVector) {
          const Index at = x.at(c, i) / kVector;
          const Pack<D> a = pack_at<D>(x.x.data)[at], b = pack_at<D>(gy)[at];
          for (int j = 0; j < kVector; ++j)
            add(sums, i + j, widen<C>(a.value[j]), widen<C>(b.value[j]));
        }
        return;
      }
      WEFT_UNROLL
      for (Index i = begin + lane; i < end; i += lanes) {
        const Index at = x.at(c, i);
        add(sums, i, widen<C>(reinterpret_cast<const D*>(x.x.data)[at]),
            widen<C>(reinterpret_cast<const D*>(gy)[at]));
      }
    });
    return sums;
  }
  WEFT_HD Acc join(const Acc& a, const Acc& b) const { return {a.sum + b.sum, a.dot + b.dot}; }
  WEFT_HD void finish(Index group, const Acc& a) const {
    found[cut.channel(group) * cut.shares + cut.number(group)] = a;
  }
};

// Joins the shares; write(channel, Dots).
template <class W>
struct JoinDots {
  using Acc = Dots;
  Index shares;
  const Dots* found;
  W write;

  WEFT_HD Acc part(Index c, int lane, int lanes) const {
    Dots sums{0, 0};
    for (Index s = lane; s < shares; s += lanes) sums = join(sums, found[c * shares + s]);
    return sums;
  }
  WEFT_HD Acc join(const Acc& a, const Acc& b) const { return {a.sum + b.sum, a.dot + b.dot}; }
  WEFT_HD void finish(Index c, const Acc& a) const { write(c, a); }
};

// write(c, sums that g adds up over channel c).
template <class C, class G, class W>
void sum_channels(const char* op, const Channels& x, const View& gy, const G& g, const W& write) {
  const Shares cut(x, on_border(gy.data, 0, gy.dtype));
  const Scratch shared(static_cast<std::size_t>(cut.groups()) * sizeof(Dots));
  Dots* const found = shared.as<Dots>();
  for_groups(op, cut.groups(), cut.lanes, DotShares<C, G>{x, gy.as<char>(), g, cut, found});
  for_groups(op, x.channels, lanes_for(cut.shares), JoinDots<W>{cut.shares, found, write});
}

}  // namespace weft::cuda
