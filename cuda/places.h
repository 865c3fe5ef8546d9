#pragma once

#include <weft/cuda/loop.h>
#include <weft/cuda/number.h>
#include <weft/ops/kernels.h>

// Where the entries of an index lead; an entry out of range was reported (within) and leads
// nowhere. For .cu files only.
namespace weft::cuda {

template <class U>
struct Set {
  WEFT_HD static void apply(char* to, const char* from) {
    *reinterpret_cast<U*>(to) = *reinterpret_cast<const U*>(from);
  }
};

template <class F>
void by_width(DType t, F&& f) {
  switch (size_of(t)) {
    case 1: return f(Set<std::uint8_t>{});
    case 2: return f(Set<std::uint16_t>{});
    case 4: return f(Set<std::uint32_t>{});
    default: return f(Set<std::uint64_t>{});
  }
}

// Along one dimension: index, dense and all but `dim` of v have one shape.
struct Along {
  Place v, index, dense;
  int dim;

  // Where element i of the index leads, in elements of v; -1: out of range.
  WEFT_HD Index target(Index i) const {
    Index o = 0, chosen = 0;
    const Index place = *reinterpret_cast<const Index*>(index.at(index.offset(i)));
    if (place < 0 || place >= v.size[dim]) return -1;
    for (int d = index.rank - 1; d >= 0; --d) {
      const Index at = i % index.size[d];
      i /= index.size[d];
      if (d == dim) {
        chosen = place * v.stride[d];
      } else {
        o += at * v.stride[d];
      }
    }
    return o + chosen;
  }
};

// Chosen places of a tensor, each with a part.
struct Choice {
  int count, rank;
  Index size[kMaxRank];  // of the index
  Place index[kMaxRank];
  Index limit[kMaxRank], stride[kMaxRank];

  explicit Choice(const Chosen& c) : count(c.count), rank(c.index[0].rank) {
    for (int d = 0; d < rank; ++d) size[d] = c.index[0].size[d];
    for (int k = 0; k < count; ++k) {
      index[k] = Place(c.index[k]);
      limit[k] = c.size[k];
      stride[k] = c.stride[k];
    }
  }
  Index numel() const {
    Index n = 1;
    for (int d = 0; d < rank; ++d) n *= size[d];
    return n;
  }
  // The lowest place that can be: strides may be negative.
  Index lowest() const {
    Index o = 0;
    for (int k = 0; k < count; ++k) o += std::min<Index>(0, (limit[k] - 1) * stride[k]);
    return o;
  }
  // Elements from the tensor's first. Negative indices count from the end.
  WEFT_HD Index place(Index i, bool& good) const {
    Index o = 0;
    good = true;
    for (int k = 0; k < count; ++k) {
      Index at = *reinterpret_cast<const Index*>(index[k].at(index[k].offset(i)));
      if (at < 0) at += limit[k];
      good = good && at >= 0 && at < limit[k];
      o += at * stride[k];
    }
    return o;
  }
};

// The parts [rest...] of a tensor at chosen places, and a dense tensor [chosen..., rest...].
struct Parts {
  Place part, dense;
  Index elements;

  Parts(const View& p, const View& d) : part(p), dense(d), elements(numel(p)) {}
  WEFT_HD char* dense_at(Index place, Index e) const {
    return dense.at(dense.offset(place * elements + e));
  }
  WEFT_HD char* part_at(Index offset, Index e) const { return part.at(offset + part.offset(e)); }
};

}  // namespace weft::cuda
