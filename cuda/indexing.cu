#include <vector>

#include <weft/cuda/fault.h>
#include <weft/cuda/grid.h>
#include <weft/cuda/loop.h>
#include <weft/cuda/number.h>
#include <weft/cuda/sort.h>
#include <weft/cuda/tables.h>

// Indexing. What is written twice is written in row-major order of the index: places are sorted,
// and one thread does all that meet at one place, in order. An index out of range was reported
// (within) and is left out.
namespace weft::cuda {
namespace {

template <class U>
struct Set {
  WEFT_HD static void apply(char* to, const char* from) {
    *reinterpret_cast<U*>(to) = *reinterpret_cast<const U*>(from);
  }
};
// to += from; D: as the element lies in memory.
template <class D>
struct Add {
  WEFT_HD static void apply(char* to, const char* from) {
    D& a = *reinterpret_cast<D*>(to);
    const D b = *reinterpret_cast<const D*>(from);
    if constexpr (is_half_type<D>) {
      a = narrow<D>(to_float(a) + to_float(b));
    } else if constexpr (std::is_integral_v<D>) {
      a = narrow<D>(widen<Int>(a) + widen<Int>(b));
    } else {
      a = a + b;
    }
  }
};
struct Or {
  WEFT_HD static void apply(char* to, const char* from) { *to = *to | *from; }
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
template <class F>
void by_motion(DType t, bool accumulate, F&& f) {
  if (!accumulate) return by_width(t, f);
  if (t == DType::Bool) return f(Or{});
  by_dtype(t, [&](auto d) { f(Add<decltype(d)>{}); });
}

// ---- Along one dimension: index, dense and all but `dim` of v have one shape.
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

template <class M>
struct Gather {
  Along a;
  WEFT_HD void operator()(Index i) const {
    const Index from = a.target(i);
    if (from >= 0) M::apply(a.dense.at(a.dense.offset(i)), a.v.at(from));
  }
};

struct AlongKeys {
  Along a;
  Index* key;
  WEFT_HD void operator()(Index i) const { key[i] = a.target(i); }
};

// ---- Sorted places: `order` holds positions in the index, `key` the places they lead to, equal
// ones beside each other and in order.
struct Sorted {
  const Index *key, *order;
  Index count;
  // Whether position j begins a place, and one that is in range.
  WEFT_HD bool begins(Index j) const { return key[j] >= 0 && (j == 0 || key[j - 1] != key[j]); }
};

template <class M>
struct Scatter {
  Sorted sorted;
  Place out, source;
  WEFT_HD void operator()(Index j) const {
    if (!sorted.begins(j)) return;
    char* const to = out.at(sorted.key[j]);
    for (Index k = j; k < sorted.count && sorted.key[k] == sorted.key[j]; ++k)
      M::apply(to, source.at(source.offset(sorted.order[k])));
  }
};

// ---- Chosen places of a tensor, each with a part
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
  // Elements from the tensor's first; -1: out of range. Negative indices count from the end.
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
  int chosen;  // leading dimensions of dense
  Index elements;

  Parts(const View& p, const View& d, int chosen)
      : part(p), dense(d), chosen(chosen), elements(numel(p)) {}
  WEFT_HD char* dense_at(Index place, Index e) const {
    return dense.at(dense.offset(place * elements + e));
  }
  WEFT_HD char* part_at(Index offset, Index e) const { return part.at(offset + part.offset(e)); }
};

template <class M>
struct Take {
  Choice choice;
  Parts parts;
  WEFT_HD void operator()(Index i) const {
    const Index place = i / parts.elements, e = i % parts.elements;
    bool good;
    const Index offset = choice.place(place, good);
    if (good) M::apply(parts.dense_at(place, e), parts.part_at(offset, e));
  }
};

struct ChoiceKeys {
  Choice choice;
  Index* key;
  Index lowest;  // strides may be negative: keys count from here
  WEFT_HD void operator()(Index i) const {
    bool good;
    const Index offset = choice.place(i, good);
    key[i] = good ? offset - lowest : -1;
  }
};

template <class M>
struct Put {
  Sorted sorted;
  Parts parts;
  Index lowest;
  WEFT_HD void operator()(Index i) const {
    const Index j = i / parts.elements, e = i % parts.elements;
    if (!sorted.begins(j)) return;
    char* const to = parts.part_at(sorted.key[j] + lowest, e);
    for (Index k = j; k < sorted.count && sorted.key[k] == sorted.key[j]; ++k)
      M::apply(to, parts.dense_at(sorted.order[k], e));
  }
};

struct Check {
  Place index;
  Index low, high, also;
  bool has_also;
  const char* op;
  IndexFault* fault;
  WEFT_HD void operator()(Index i) const {
    const Index at = *reinterpret_cast<const Index*>(index.at(index.offset(i)));
    if ((at >= low && at < high) || (has_also && at == also)) return;
    note(fault, op, at, low, high);
  }
};

// ---- Nonzero, a chunk a thread: count, then write from where the chunks before end.
constexpr Index kChunk = 256;

struct Elements {
  Place x;
  WEFT_HD bool set(Index i) const {
    const char* at = x.at(x.offset(i));
    return by_dtype(x.dtype, [at](auto d) {
      using D = decltype(d);
      const D v = *reinterpret_cast<const D*>(at);
      if constexpr (is_half_type<D>) {
        return to_float(v) != 0;
      } else {
        return v != D(0);
      }
    });
  }
};
struct CountSet {
  Elements x;
  Index n;
  Index* count;
  WEFT_HD void operator()(Index c) const {
    Index found = 0;
    for (Index i = c * kChunk; i < n && i < (c + 1) * kChunk; ++i) found += x.set(i);
    count[c] = found;
  }
};
struct WriteSet {
  Elements x;
  Index n;
  const Index* start;
  Index* out;
  WEFT_HD void operator()(Index c) const {
    Index* to = out + start[c] * x.x.rank;
    for (Index i = c * kChunk; i < n && i < (c + 1) * kChunk; ++i) {
      if (!x.set(i)) continue;
      for (Index d = x.x.rank - 1, rest = i; d >= 0; rest /= x.x.size[d--])
        to[d] = rest % x.x.size[d];
      to += x.x.rank;
    }
  }
};

}  // namespace

void gather(const View& out, const View& x, int dim, const View& index) {
  const Along along{Place(x), Place(index), Place(out), dim};
  by_width(x.dtype, [&]<class M>(M) { for_each("gather", numel(out), Gather<M>{along}); });
}

void scatter(const View& out, int dim, const View& index, const View& source, bool accumulate) {
  const Index n = numel(index);
  if (n == 0) return;
  const SortedKeys keys(n);
  for_each("scatter", n,
           AlongKeys{{Place(out), Place(index), Place(source), dim}, keys.unsorted()});
  keys.sort("scatter");
  by_motion(out.dtype, accumulate, [&]<class M>(M) {
    for_each("scatter", n, Scatter<M>{{keys.key(), keys.order(), n}, Place(out), Place(source)});
  });
}

void take(const View& out, const View& x, const Chosen& chosen) {
  if (numel(out) == 0) return;
  const Choice choice(chosen);
  const Parts parts(x, out, choice.rank);
  by_width(x.dtype, [&]<class M>(M) { for_each("index", numel(out), Take<M>{choice, parts}); });
}

void put(const View& out, const Chosen& chosen, const View& source, bool accumulate) {
  if (numel(source) == 0) return;
  const Choice choice(chosen);
  const Index n = choice.numel();
  Index lowest = 0;
  for (int k = 0; k < choice.count; ++k)
    lowest += std::min<Index>(0, (choice.limit[k] - 1) * choice.stride[k]);
  const SortedKeys keys(n);
  for_each("index_put_", n, ChoiceKeys{choice, keys.unsorted(), lowest});
  keys.sort("index_put_");
  const Parts parts(out, source, choice.rank);
  by_motion(out.dtype, accumulate, [&]<class M>(M) {
    for_each("index_put_", n * parts.elements,
             Put<M>{{keys.key(), keys.order(), n}, parts, lowest});
  });
}

bool within(const char* op, const View& index, Index low, Index high, const Index* also) {
  for_each(op, numel(index),
           Check{Place(index), low, high, also ? *also : 0, also != nullptr, op, index_fault()});
  return true;
}

Index nonzero(const View& out, const View& x) {
  const Index n = numel(x), chunks = (n + kChunk - 1) / kChunk;
  if (n == 0) return 0;
  const std::size_t bytes = static_cast<std::size_t>(chunks) * sizeof(Index);
  const Scratch memory(bytes);
  for_each("nonzero", chunks, CountSet{{Place(x)}, n, memory.as<Index>()});
  std::vector<Index> start(static_cast<std::size_t>(chunks));
  to_host(start.data(), memory.as<Index>(), bytes);
  Index total = 0;
  for (Index& s : start) {
    const Index found = s;
    s = total;
    total += found;
  }
  if (!out || total == 0) return total;
  to_device(memory.as<Index>(), start.data(), bytes);
  for_each("nonzero", chunks, WriteSet{{Place(x)}, n, memory.as<const Index>(), out.as<Index>()});
  return total;
}

}  // namespace weft::cuda
