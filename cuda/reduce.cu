#include <cmath>

#include <weft/cuda/grid.h>
#include <weft/cuda/loop.h>
#include <weft/cuda/number.h>
#include <weft/cuda/row.h>
#include <weft/cuda/tables.h>

// Reductions: each output is gathered by the lanes of a group, in double or in 64-bit integers, and
// long ones with few outputs by several groups whose findings a second launch joins. How it is cut
// depends on the shape, the strides and whether rows start on borders, and on no device: so the
// bits are the same on all of them.
namespace weft::cuda {
namespace {

constexpr Index kShare = 4096;  // elements of a group at least, where outputs are few
// Groups that keep a device busy, and what more shares are cut for: that the last ones to end are
// a small part. Of groups of one lane each: 64 times as many.
constexpr Index kEnough = 2048, kWanted = 8192;

// A loop's dimensions, apart: those of outputs and those that are reduced.
struct Plan {
  struct Dims {
    int rank = 0;
    Index size[kMaxRank], stride[3][kMaxRank], numel = 1;
    WEFT_HD Index offset(int operand, Index i) const {
      Index o = 0;
      for (int d = 0; d < rank - 1; ++d) o += divide(i, size[d]) * stride[operand][d];
      return rank > 0 ? o + i * stride[operand][rank - 1] : o;
    }
  } kept, reduced;
  char *out, *second;
  const char* x;
  DType out_dtype, x_dtype, second_dtype;
  Index shares, share;  // groups an output, elements of each
  int lanes;
  bool line, packed;  // reduced elements, floating, have one stride; and lie packed (row.h)

  explicit Plan(const Loop& loop) {
    const bool two = loop.operands > 2;
    out = loop.data[0];
    x = loop.data[1];
    second = two ? loop.data[2] : nullptr;
    out_dtype = loop.dtype[0];
    x_dtype = loop.dtype[1];
    second_dtype = two ? loop.dtype[2] : DType::F32;
    for (int d = 0; d < loop.rank; ++d) {
      Dims& to = loop.stride[0][d] != 0 ? kept : reduced;
      to.size[to.rank] = loop.size[d];
      for (int k = 0; k < loop.operands; ++k) to.stride[k][to.rank] = loop.stride[k][d];
      to.numel *= loop.size[d];
      ++to.rank;
    }
    // Where outputs lie beside each other in x, neighbouring threads take neighbouring outputs.
    const bool columns = loop.stride[0][0] != 0;
    const Index least = columns ? kShare / kThreads : kShare;
    const Index times = columns ? 64 : 1;
    shares = 1;
    if (kept.numel < times * kEnough)
      shares = std::clamp<Index>(reduced.numel / least, 1, times * kWanted / kept.numel + 1);
    share = (reduced.numel + shares - 1) / shares;
    if (shares > 1) share = (share + kVector - 1) / kVector * kVector;
    shares = (reduced.numel + share - 1) / share;
    lanes = columns ? 1 : lanes_for(share);
    line = reduced.rank == 1 && is_floating(x_dtype);
    packed = line && !columns && reduced.stride[1][0] == static_cast<Index>(size_of(x_dtype));
    for (int d = 0; d < kept.rank; ++d) packed = packed && on_border(x, kept.stride[1][d], x_dtype);
    packed = packed && on_border(x, 0, x_dtype);
  }
};

// A lane's part of the share of a group, the elements from `begin` to `end`.
struct Part {
  const Plan& plan;
  const char* x;
  Index begin, end;
  int lane, lanes;

  // f(i, value), of what is reduced.
  template <class C, class F>
  WEFT_HD void each(F&& f) const {
    if constexpr (!std::is_same_v<C, Int>) {
      if (plan.line) return each_in_line<C>(f);
    }
    for (Index i = begin + lane; i < end; i += lanes)
      f(i, load<C>(x + plan.reduced.offset(1, i), plan.x_dtype));
  }
  template <class C, class F>
  WEFT_HD void each_in_line(F&& f) const {
    const Index stride = plan.reduced.stride[1][0];
    const char* const first = x + begin * stride;
    by_floating(plan.x_dtype, [&](auto d) {
      using D = decltype(d);
      const auto wide = [&](Index i, D value) { f(begin + i, widen<C>(value)); };
      if (plan.packed) return each_packed<D>(first, end - begin, lane, lanes, wide);
      each_strided<D>(first, stride, end - begin, lane, lanes, wide);
    });
  }
};

// Finds Acc in the share of a group; a Fold has
//   Acc over(const Part&) const
//   Acc join(Acc, Acc) const, void write(const Plan&, Index output, Acc) const.
template <class Fold>
struct Gather {
  using Acc = typename Fold::Acc;
  Plan plan;
  Fold fold;
  Acc* partial;

  WEFT_HD Acc part(Index group, int lane, int lanes) const {
    const Index output = group / plan.shares, begin = group % plan.shares * plan.share;
    const Index end =
        begin + plan.share < plan.reduced.numel ? begin + plan.share : plan.reduced.numel;
    return fold.over(Part{plan, plan.x + plan.kept.offset(1, output), begin, end, lane, lanes});
  }
  WEFT_HD Acc join(const Acc& a, const Acc& b) const { return fold.join(a, b); }
  WEFT_HD void finish(Index group, const Acc& a) const {
    if (partial) {
      partial[group] = a;
    } else {
      fold.write(plan, group, a);
    }
  }
};

template <class Fold>
struct JoinShares {
  using Acc = typename Fold::Acc;
  Plan plan;
  Fold fold;
  const Acc* partial;

  WEFT_HD Acc part(Index output, int lane, int lanes) const {
    Acc a = fold.none();
    for (Index i = lane; i < plan.shares; i += lanes)
      a = fold.join(a, partial[output * plan.shares + i]);
    return a;
  }
  WEFT_HD Acc join(const Acc& a, const Acc& b) const { return fold.join(a, b); }
  WEFT_HD void finish(Index output, const Acc& a) const { fold.write(plan, output, a); }
};

template <class Fold>
void gather(const char* op, const Plan& plan, const Fold& fold) {
  using Acc = typename Fold::Acc;
  if (plan.shares == 1) {
    return for_groups(op, plan.kept.numel, plan.lanes, Gather<Fold>{plan, fold, nullptr});
  }
  const Index groups = plan.kept.numel * plan.shares;
  const Scratch partial(static_cast<std::size_t>(groups) * sizeof(Acc));
  for_groups(op, groups, plan.lanes, Gather<Fold>{plan, fold, partial.as<Acc>()});
  for_groups(op, plan.kept.numel, lanes_for(plan.shares),
             JoinShares<Fold>{plan, fold, partial.as<Acc>()});
}

// ---- One number an output

enum class Kind { Sum, Product, Max, Min, SumAbs, MaxAbs, MinAbs, SumSquare, SumPower, Count };
enum class Last { Nothing, Divide, All, Any, Root, Power };  // what is made of the number

WEFT_HD inline double infinity() { return __builtin_huge_val(); }
WEFT_HD inline Int highest() { return Int(INT64_MAX); }
WEFT_HD inline Int lowest() { return Int(INT64_MIN); }

template <Kind kind, class C>
struct Simple {
  using Acc = C;
  double p;
  Last last;

  WEFT_HD C none() const {
    if constexpr (kind == Kind::Product) return C(1);
    if constexpr (std::is_same_v<C, Int>) {
      if constexpr (kind == Kind::Max || kind == Kind::MaxAbs) return lowest();
      if constexpr (kind == Kind::Min || kind == Kind::MinAbs) return highest();
    } else {
      if constexpr (kind == Kind::Max || kind == Kind::MaxAbs) return -infinity();
      if constexpr (kind == Kind::Min || kind == Kind::MinAbs) return infinity();
    }
    return C(0);
  }
  WEFT_HD C value(C x) const {
    using formula::abs;
    using formula::pow;
    if constexpr (kind == Kind::SumAbs || kind == Kind::MaxAbs || kind == Kind::MinAbs)
      return abs(x);
    if constexpr (kind == Kind::SumSquare) return x * x;
    if constexpr (kind == Kind::SumPower) return pow(abs(x), C(p));
    if constexpr (kind == Kind::Count) return x != C(0) ? C(1) : C(0);
    return x;
  }
  WEFT_HD C join(C a, C b) const {
    if constexpr (kind == Kind::Product) return a * b;
    if constexpr (kind == Kind::Max || kind == Kind::MaxAbs) return b > a || b != b ? b : a;
    if constexpr (kind == Kind::Min || kind == Kind::MinAbs) return b < a || b != b ? b : a;
    return a + b;
  }
  WEFT_HD C over(const Part& part) const {
    C a = none();
    part.each<C>([&](Index, C x) { a = join(a, value(x)); });
    return a;
  }
  WEFT_HD void write(const Plan& plan, Index output, C a) const {
    const auto n = static_cast<std::int64_t>(plan.reduced.numel);
    char* const at = plan.out + plan.kept.offset(0, output);
    if (last == Last::All) return store(at, plan.out_dtype, a == widen<C>(n));
    if (last == Last::Any) return store(at, plan.out_dtype, a != C(0));
    if constexpr (!std::is_same_v<C, Int>) {
      if (last == Last::Divide) a = a / static_cast<double>(n);
      if (last == Last::Root) a = formula::sqrt(a);
      if (last == Last::Power) a = formula::pow(a, 1 / p);
    }
    store(at, plan.out_dtype, a);
  }
};

// ---- Positions

template <bool Larger, class C>
struct Arg {
  struct Acc {
    C value;
    Index at;
  };
  WEFT_HD Acc none() const { return {C(0), -1}; }
  // A NaN beats all numbers; of equals the first is taken.
  WEFT_HD bool beats(const Acc& b, const Acc& a) const {
    if (a.at < 0 || b.at < 0) return a.at < 0;
    const bool a_nan = a.value != a.value, b_nan = b.value != b.value;
    if (a_nan || b_nan) return a_nan == b_nan ? b.at < a.at : b_nan;
    if (a.value == b.value) return b.at < a.at;
    return Larger ? b.value > a.value : b.value < a.value;
  }
  WEFT_HD Acc join(const Acc& a, const Acc& b) const { return beats(b, a) ? b : a; }
  WEFT_HD Acc over(const Part& part) const {
    Acc a = none();
    part.each<C>([&](Index i, C x) { a = join(a, {x, i}); });
    return a;
  }
  WEFT_HD void write(const Plan& plan, Index output, const Acc& a) const {
    store(plan.out + plan.kept.offset(0, output), plan.out_dtype, Int(a.at));
    if (plan.second) store(plan.second + plan.kept.offset(2, output), plan.second_dtype, a.value);
  }
};

// ---- Two numbers an output

// Chan, Golub and LeVeque: counts, means and squared differences of parts.
struct Moments {
  struct Acc {
    double n, mean, squares;
  };
  WEFT_HD Acc none() const { return {0, 0, 0}; }
  WEFT_HD Acc join(const Acc& a, const Acc& b) const {
    if (a.n == 0 || b.n == 0) return a.n == 0 ? b : a;
    const double n = a.n + b.n, part = b.n / n, delta = b.mean - a.mean;
    return {n, a.mean + delta * part, a.squares + b.squares + delta * delta * a.n * part};
  }
  // Differences from the first element keep the sums small.
  WEFT_HD Acc over(const Part& part) const {
    double n = 0, shift = 0, sum = 0, squares = 0;
    part.each<double>([&](Index, double x) {
      if (n == 0) shift = x;
      const double d = x - shift;
      n += 1;
      sum += d;
      squares += d * d;
    });
    if (n == 0) return none();
    return {n, shift + sum / n, squares - sum * (sum / n)};
  }
  WEFT_HD void write(const Plan& plan, Index output, const Acc& a) const {
    store(plan.out + plan.kept.offset(0, output), plan.out_dtype, a.mean);
    if (plan.second) store(plan.second + plan.kept.offset(2, output), plan.second_dtype, a.squares);
  }
};

struct LogSumExp {
  struct Acc {
    double top, sum;
  };
  WEFT_HD static bool plain(double x) { return x - x == 0; }  // neither infinite nor NaN
  WEFT_HD static double scaled(double sum, double from, double to) {
    return sum == 0 || from == to ? sum : sum * formula::exp(from - to);
  }
  WEFT_HD Acc none() const { return {-infinity(), 0}; }
  WEFT_HD Acc join(const Acc& a, const Acc& b) const {
    const double top = b.top > a.top || b.top != b.top ? b.top : a.top;
    if (!plain(top)) return {top, a.sum + b.sum};
    return {top, scaled(a.sum, a.top, top) + scaled(b.sum, b.top, top)};
  }
  WEFT_HD Acc over(const Part& part) const {
    double top = -infinity(), sum = 0;
    part.each<double>([&](Index, double x) { top = x > top || x != x ? x : top; });
    const double shift = plain(top) ? top : 0;
    part.each<double>([&](Index, double x) { sum += formula::exp(x - shift); });
    return {top, sum};
  }
  WEFT_HD void write(const Plan& plan, Index output, const Acc& a) const {
    store(plan.out + plan.kept.offset(0, output), plan.out_dtype,
          plain(a.top) ? a.top + formula::log(a.sum) : a.top);
  }
};

// ---- Which

template <Kind kind>
void simple(const char* op, const Plan& plan, bool integers, double p = 0,
            Last last = Last::Nothing) {
  if (integers) return gather(op, plan, Simple<kind, Int>{p, last});
  gather(op, plan, Simple<kind, double>{p, last});
}

void norm(const Plan& plan, double p) {
  if (std::isinf(p))
    return p > 0 ? simple<Kind::MaxAbs>("norm", plan, false)
                 : simple<Kind::MinAbs>("norm", plan, false);
  if (p == 0) return simple<Kind::Count>("norm", plan, false);
  if (p == 1) return simple<Kind::SumAbs>("norm", plan, false);
  if (p == 2) return simple<Kind::SumSquare>("norm", plan, false, p, Last::Root);
  simple<Kind::SumPower>("norm", plan, false, p, Last::Power);
}

template <bool Larger>
void arg(const char* op, const Plan& plan, bool integers) {
  if (integers) return gather(op, plan, Arg<Larger, Int>{});
  gather(op, plan, Arg<Larger, double>{});
}

}  // namespace

void reduce(ReduceId id, const Loop& loop, const ReduceOptions& options) {
  if (loop.numel == 0) return;
  check_pointers(loop);
  const Plan plan(loop);
  const bool integers = !is_floating(plan.x_dtype),
             sums_integers = integers && !is_floating(plan.out_dtype);
  switch (id) {
    case ReduceId::Sum: return simple<Kind::Sum>("sum", plan, sums_integers);
    case ReduceId::Mean: return simple<Kind::Sum>("mean", plan, false, 0, Last::Divide);
    case ReduceId::Prod: return simple<Kind::Product>("prod", plan, sums_integers);
    case ReduceId::Amax: return simple<Kind::Max>("amax", plan, integers);
    case ReduceId::Amin: return simple<Kind::Min>("amin", plan, integers);
    case ReduceId::All: return simple<Kind::Count>("all", plan, integers, 0, Last::All);
    case ReduceId::Any: return simple<Kind::Count>("any", plan, integers, 0, Last::Any);
    case ReduceId::Norm: return norm(plan, options.p);
    case ReduceId::Argmax: return arg<true>("argmax", plan, integers);
    case ReduceId::Argmin: return arg<false>("argmin", plan, integers);
    case ReduceId::Moments: return gather("var", plan, Moments{});
    case ReduceId::LogSumExp: return gather("logsumexp", plan, LogSumExp{});
  }
}

}  // namespace weft::cuda
