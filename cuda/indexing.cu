#include <weft/cuda/fault.h>
#include <weft/cuda/grid.h>
#include <weft/cuda/places.h>
#include <weft/cuda/scan.h>
#include <weft/cuda/tables.h>

// What an index chooses, whether it is in range, and what is not zero.
namespace weft::cuda {
namespace {

template <class M>
struct Gather {
  Along a;
  WEFT_HD void operator()(Index i) const {
    const Index from = a.target(i);
    if (from >= 0) M::apply(a.dense.at(a.dense.offset(i)), a.v.at(from));
  }
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

void take(const View& out, const View& x, const Chosen& chosen) {
  if (numel(out) == 0) return;
  const Choice choice(chosen);
  const Parts parts(x, out);
  by_width(x.dtype, [&]<class M>(M) { for_each("index", numel(out), Take<M>{choice, parts}); });
}

bool within(const char* op, const View& index, Index low, Index high, const Index* also) {
  for_each(op, numel(index),
           Check{Place(index), low, high, also ? *also : 0, also != nullptr, op, index_fault()});
  return true;
}

void nonzero(const View& x, NonzeroRoom* room, void* context) {
  const Index n = numel(x), chunks = (n + kChunk - 1) / kChunk;
  const Scratch memory(static_cast<std::size_t>(chunks + 1) * sizeof(Index));
  Index* const start = memory.as<Index>();
  Index total = 0;
  for_each("nonzero", chunks + 1, CountSet{{Place(x)}, n, start});  // of the last none
  exclusive_sum("nonzero", start, chunks + 1);
  to_host(&total, start + chunks, sizeof total);
  Index* const out = room(context, total);
  if (total > 0) for_each("nonzero", chunks, WriteSet{{Place(x)}, n, start, out});
}

}  // namespace weft::cuda
