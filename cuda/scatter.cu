#include <weft/cuda/grid.h>
#include <weft/cuda/places.h>
#include <weft/cuda/sort.h>
#include <weft/cuda/tables.h>

// What is written or added where an index leads. Places are sorted, with what meets at one kept in
// the row-major order of the index: of what is written the last stays, and what is added is added
// in an order that depends on the index alone. Where any order will do, atomic additions need no
// sorting.
namespace weft::cuda {
namespace {

// ---- Both kinds of target say where position i of the index leads (-1: nowhere), and where the
// elements of a place and of what goes there lie.

struct Lines {
  Along along;
  static constexpr Index elements = 1;

  WEFT_HD Index place(Index i) const { return along.target(i); }
  WEFT_HD char* to(Index place, Index) const { return along.v.at(place); }
  WEFT_HD const char* from(Index i, Index) const { return along.dense.at(along.dense.offset(i)); }
};

struct Rows {
  Choice choice;
  Parts parts;
  Index lowest, elements;

  Rows(const Chosen& chosen, const View& part, const View& dense)
      : choice(chosen), parts(part, dense), lowest(choice.lowest()), elements(parts.elements) {}
  WEFT_HD Index place(Index i) const {
    bool good;
    const Index offset = choice.place(i, good);
    return good ? offset - lowest : -1;
  }
  WEFT_HD char* to(Index place, Index e) const { return parts.part_at(place + lowest, e); }
  WEFT_HD const char* from(Index i, Index e) const { return parts.dense_at(i, e); }
};

template <class Target>
struct Keys {
  Target target;
  Index* key;
  WEFT_HD void operator()(Index i) const { key[i] = target.place(i); }
};

// `order` holds positions in the index, `key` the places they lead to, equal ones side by side.
struct Sorted {
  const Index *key, *order;
  Index count;

  // Whether position j begins, or ends, a run of one place that is in range.
  WEFT_HD bool begins(Index j) const { return key[j] >= 0 && (j == 0 || key[j - 1] != key[j]); }
  WEFT_HD bool ends(Index j) const {
    return key[j] >= 0 && (j + 1 == count || key[j + 1] != key[j]);
  }
  // Whether n positions from j lead to one place.
  WEFT_HD bool same(Index j, Index n) const {
    return key[j] >= 0 && j + n <= count && key[j + n - 1] == key[j];
  }
};

template <class Target>
class Runs {
 public:
  Runs(const char* op, const Target& target, Index n) : keys_(n), n_(n) {
    for_each(op, n, Keys<Target>{target, keys_.unsorted()});
    keys_.sort(op);
  }
  Sorted sorted() const { return {keys_.key(), keys_.order(), n_}; }

 private:
  SortedKeys keys_;
  Index n_;
};

// ---- Writing

template <class M, class Target>
struct WriteLast {
  Sorted sorted;
  Target target;
  WEFT_HD void operator()(Index i) const {
    const Index e = divide(i, target.elements);
    if (sorted.ends(i)) M::apply(target.to(sorted.key[i], e), target.from(sorted.order[i], e));
  }
};

template <class Target>
void write(const char* op, const Target& target, Index n, DType t) {
  const Runs<Target> runs(op, target, n);
  by_width(t, [&]<class M>(M) {
    for_each(op, n * target.elements, WriteLast<M, Target>{runs.sorted(), target});
  });
}

// ---- Adding in a fixed order. A run of up to kPiece positions is added up by one thread for each
// element. Of longer ones, threads add up the whole pieces of kPiece positions (from multiples of
// kPiece on), and a second launch those sums and what lies before and behind them, in kLanes
// shares.
constexpr Index kPiece = 32;
constexpr int kLanes = 32;

template <class C, class Target>
struct Sum {
  Sorted sorted;
  Target target;
  DType dtype;

  WEFT_HD C over(C sum, Index e, Index begin, Index end, Index step = 1) const {
    for (Index j = begin; j < end; j += step)
      sum = sum + load<C>(target.from(sorted.order[j], e), dtype);
    return sum;
  }
};

template <class C, class Target>
struct AddRuns {
  Sum<C, Target> sum;
  C* piece;  // null: no run can be long
  WEFT_HD void operator()(Index i) const {
    const Sorted& sorted = sum.sorted;
    const Target& target = sum.target;
    const Index e = divide(i, target.elements);
    if (piece && i % kPiece == 0 && sorted.same(i, kPiece))
      piece[i / kPiece * target.elements + e] = sum.over(C(0), e, i, i + kPiece);
    if (!sorted.begins(i) || sorted.same(i, kPiece + 1)) return;
    Index end = i + 1;
    while (end < sorted.count && sorted.key[end] == sorted.key[i]) ++end;
    char* const to = target.to(sorted.key[i], e);
    store<C>(to, sum.dtype, sum.over(load<C>(to, sum.dtype), e, i, end));
  }
};

struct LongRun {
  Index begin, end;  // begin -1: none
};
// At most one can begin within a piece.
struct FindLongRuns {
  Sorted sorted;
  LongRun* run;
  WEFT_HD void operator()(Index p) const {
    LongRun found{-1, -1};
    for (Index j = p * kPiece; j < sorted.count && j < (p + 1) * kPiece; ++j) {
      if (sorted.begins(j) && sorted.same(j, kPiece + 1)) found = {j, end_of(j)};
    }
    run[p] = found;
  }
  WEFT_HD Index end_of(Index j) const {
    Index low = j + kPiece + 1, high = sorted.count;
    while (low < high) {
      const Index middle = low + (high - low) / 2;
      if (sorted.key[middle] == sorted.key[j]) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
};

template <class C, class Target>
struct AddLongRuns {
  using Acc = C;
  Sum<C, Target> sum;
  const LongRun* run;
  const C* piece;

  WEFT_HD C part(Index group, int lane, int lanes) const {
    const Index elements = sum.target.elements, e = divide(group, elements);
    const LongRun r = run[group];
    if (r.begin < 0) return C(0);
    const Index first = (r.begin + kPiece - 1) / kPiece, last = r.end / kPiece;  // whole pieces
    C s = sum.over(C(0), e, r.begin + lane, first * kPiece, lanes);
    for (Index p = first + lane; p < last; p += lanes) s = s + piece[p * elements + e];
    return sum.over(s, e, last * kPiece + lane, r.end, lanes);
  }
  WEFT_HD C join(C a, C b) const { return a + b; }
  WEFT_HD void finish(Index group, C s) const {
    const Index e = divide(group, sum.target.elements);
    if (run[group].begin < 0) return;
    char* const to = sum.target.to(sum.sorted.key[run[group].begin], e);
    store<C>(to, sum.dtype, load<C>(to, sum.dtype) + s);
  }
};

// Halves are added up in float, integers in 64 bits; bool becomes whether any is set.
template <class F>
void by_sum(DType t, F&& f) {
  if (is_floating(t)) return by_compute(t, f);
  f(Int{});
}

template <class Target>
void add(const char* op, const Target& target, Index n, DType t) {
  const Runs<Target> runs(op, target, n);
  by_sum(t, [&]<class C>(C) {
    const Sum<C, Target> sum{runs.sorted(), target, t};
    const Index pieces = n > kPiece ? (n + kPiece - 1) / kPiece : 0;
    const Scratch memory(static_cast<std::size_t>(pieces * target.elements) * sizeof(C)),
        found(static_cast<std::size_t>(pieces) * sizeof(LongRun));
    for_each(op, n * target.elements, AddRuns<C, Target>{sum, memory.as<C>()});
    for_each(op, pieces, FindLongRuns{runs.sorted(), found.as<LongRun>()});
    for_groups(op, pieces * target.elements, kLanes,
               AddLongRuns<C, Target>{sum, found.as<LongRun>(), memory.as<C>()});
  });
}

// ---- Adding in any order

template <class D>
WEFT_HD void add_atomically(char* to, const char* from) {
  const D value = *reinterpret_cast<const D*>(from);
#if defined(__CUDA_ARCH__)
  if constexpr (std::is_same_v<D, std::int64_t>) {
    using Wraps = unsigned long long;  // NOLINT: what atomicAdd takes
    atomicAdd(reinterpret_cast<Wraps*>(to), static_cast<Wraps>(value));
  } else {
    atomicAdd(reinterpret_cast<D*>(to), value);
  }
#else
  using C = std::conditional_t<is_half_type<D>, float,
                               std::conditional_t<std::is_integral_v<D>, Int, D> >;
  D& sum = *reinterpret_cast<D*>(to);
  sum = narrow<D>(widen<C>(sum) + widen<C>(value));
#endif
}

template <class D, class Target>
struct AddAtomically {
  Target target;
  WEFT_HD void operator()(Index i) const {
    const Index e = divide(i, target.elements), place = target.place(i);
    if (place >= 0) add_atomically<D>(target.to(place, e), target.from(i, e));
  }
};

// Whether the device adds elements of this dtype atomically: then f was called.
template <class F>
bool by_atomic(DType t, F&& f) {
  switch (t) {
    case DType::I32: return f(std::int32_t{}), true;
    case DType::I64: return f(std::int64_t{}), true;
    case DType::F16: return f(Half{}), true;
    case DType::BF16: return f(BFloat{}), true;
    case DType::F32: return f(float{}), true;
    case DType::F64: return f(double{}), true;
    default: return false;
  }
}

template <class Target>
void send(const char* op, const Target& target, Index n, DType t, bool accumulate) {
  if (!accumulate) return write(op, target, n, t);
  const auto atomically = [&]<class D>(D) {
    for_each(op, n * target.elements, AddAtomically<D, Target>{target});
  };
  if (!(any_order() && by_atomic(t, atomically))) add(op, target, n, t);
}

}  // namespace

void scatter(const View& out, int dim, const View& index, const View& source, bool accumulate) {
  if (numel(index) == 0) return;
  send("scatter", Lines{{Place(out), Place(index), Place(source), dim}}, numel(index), out.dtype,
       accumulate);
}

void put(const View& out, const Chosen& chosen, const View& source, bool accumulate) {
  if (numel(source) == 0) return;
  const Rows rows(chosen, out, source);
  send("index_put_", rows, rows.choice.numel(), out.dtype, accumulate);
}

}  // namespace weft::cuda
