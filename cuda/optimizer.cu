#include <algorithm>

#include <weft/cuda/grid.h>
#include <weft/cuda/number.h>
#include <weft/cuda/tables.h>

// One launch for up to 512 parameters of a step, however large; the formulas are those
// of torch.optim, term by term as on the CPU (cpu/isa/optimizer.cpp).
namespace weft::cuda {
namespace {

// In C: what is in memory for each element of a parameter.
template <class C>
struct Element {
  C p, g, state[3];
};

template <class C>
struct Sgd {
  static constexpr int kStates = 1;
  C lr, momentum, keep, weight_decay;
  bool first, nesterov, maximize;

  Sgd() = default;
  WEFT_HD explicit Sgd(const OptimizerTerms& t)
      : lr(static_cast<C>(t.lr)),
        momentum(static_cast<C>(t.momentum)),
        keep(static_cast<C>(t.keep)),
        weight_decay(static_cast<C>(t.weight_decay)),
        first(t.first),
        nesterov(t.nesterov),
        maximize(t.maximize) {}

  // has: which states there are, in bits
  WEFT_HD void operator()(Element<C>& e, int has) const {
    C step = maximize ? -e.g : e.g;
    if (weight_decay != C(0)) step += weight_decay * e.p;
    if (has & 1) {
      const C before = first ? C(0) : e.state[0];
      const C moved = (first ? C(0) : momentum) * before + (first ? C(1) : keep) * step;
      e.state[0] = moved;
      step = nesterov ? step + momentum * moved : moved;
    }
    e.p = e.p - lr * step;
  }
};

template <class C>
struct Adam {
  static constexpr int kStates = 3;
  C shrink, decay, take1, beta2, take2, eps, size, correction;
  bool maximize;

  Adam() = default;
  WEFT_HD explicit Adam(const OptimizerTerms& t)
      : shrink(static_cast<C>(t.shrink)),
        decay(static_cast<C>(t.decay)),
        take1(static_cast<C>(t.take1)),
        beta2(static_cast<C>(t.beta2)),
        take2(static_cast<C>(t.take2)),
        eps(static_cast<C>(t.eps)),
        size(static_cast<C>(t.step_size)),
        correction(static_cast<C>(t.root_correction)),
        maximize(t.maximize) {}

  WEFT_HD void operator()(Element<C>& e, int has) const {
    const C from = e.p * shrink;
    const C slope = (maximize ? -e.g : e.g) + decay * from;
    C &mean = e.state[0], &square = e.state[1], &largest = e.state[2];
    // As cpu/isa/optimizer.cpp.
    mean = take1 < C(0.5) ? mean + (slope - mean) * take1 : slope + (slope - mean) * (take1 - C(1));
    square = square * beta2 + take2 * slope * slope;
    if (has & 4) largest = largest < square ? square : largest;
    const C top = has & 4 ? largest : square;
    e.p = from - size * (mean / (formula::sqrt(top) / correction + eps));
  }
};

// Items of one launch. What a kernel gets, 32,764 bytes at most, is copied with each launch: so
// there are smaller sizes, too.
constexpr int kBuffers = 5, kFew = 16, kSome = 96, kMany = 512, kTerms = 4;

// Element k of the buffers is kVector * (k - first) and the following of the item with the largest
// first <= k.
template <class Rule, class C, int Room>
struct Step {
  Index first[Room + 1] = {};
  Index numel[Room];
  char* buffer[Room][kBuffers];
  DType dtype[Room];
  std::uint8_t has[Room];     // which states there are, in bits
  std::uint8_t packed[Room];  // all lie on borders: kVector elements at a time
  std::uint8_t which[Room];   // of terms
  const OptimizerTerms* replayed[kTerms];
  Rule rule[kTerms];
  int count = 0;

  WEFT_HD int find(Index i) const {
    int low = 0, high = count;  // first[low] <= i < first[high]
    while (high - low > 1) {
      const int middle = (low + high) / 2;
      (first[middle] <= i ? low : high) = middle;
    }
    return low;
  }

  // States that are not there cost no memory traffic.
  WEFT_HD bool skips(int item, int k) const {
    return k >= 2 && (k - 2 >= Rule::kStates || !(has[item] >> (k - 2) & 1));
  }
  WEFT_HD C* of(Element<C>& e, int k) const {
    return k == 0 ? &e.p : k == 1 ? &e.g : &e.state[k - 2];
  }

  WEFT_HD void pack(int item, Index from, const Rule& r) const {
    const DType t = dtype[item];
    const Index at = from * static_cast<Index>(width(t));
    C value[kBuffers][kVector];
    for (int k = 0; k < kBuffers; ++k) {
      if (!skips(item, k)) load_pack<C>(buffer[item][k] + at, t, value[k]);
    }
    for (int j = 0; j < kVector; ++j) {
      Element<C> e{};
      for (int k = 0; k < kBuffers; ++k) {
        if (!skips(item, k)) *of(e, k) = value[k][j];
      }
      r(e, has[item]);
      for (int k = 0; k < kBuffers; ++k) {
        if (!skips(item, k)) value[k][j] = *of(e, k);
      }
    }
    for (int k = 0; k < kBuffers; ++k) {
      if (k != 1 && !skips(item, k)) store_pack(buffer[item][k] + at, t, value[k]);
    }
  }
  WEFT_HD void one(int item, Index j, const Rule& r) const {
    const DType t = dtype[item];
    const Index at = j * static_cast<Index>(width(t));
    Element<C> e{};
    for (int k = 0; k < kBuffers; ++k) {
      if (!skips(item, k)) *of(e, k) = load<C>(buffer[item][k] + at, t);
    }
    r(e, has[item]);
    for (int k = 0; k < kBuffers; ++k) {
      if (k != 1 && !skips(item, k)) store(buffer[item][k] + at, t, *of(e, k));
    }
  }
  WEFT_HD static int width(DType t) { return t == DType::F64 ? 8 : t == DType::F32 ? 4 : 2; }

  WEFT_HD void operator()(Index i) const {
    const int item = find(i), w = which[item];
    const Rule r = replayed[w] ? Rule(*replayed[w]) : rule[w];
    const Index from = (i - first[item]) * kVector;
    if (packed[item] && from + kVector <= numel[item]) return pack(item, from, r);
    for (Index j = from; j < numel[item] && j < from + kVector; ++j) one(item, j, r);
  }
};

// Gathers items for a launch.
template <class Rule, class C, int Room>
struct Launch {
  static_assert(sizeof(Step<Rule, C, Room>) + sizeof(Index) <= 32764);
  Step<Rule, C, Room> step;
  OptimizerTerms terms[kTerms];
  int used = 0;

  int place(const OptimizerItem& item) {
    for (int w = 0; w < used; ++w) {
      if (terms[w] == item.terms && step.replayed[w] == item.replayed) return w;
    }
    if (used == kTerms) return -1;
    terms[used] = item.terms;
    step.rule[used] = Rule(item.terms);
    step.replayed[used] = item.replayed;
    return used++;
  }
  // Whether there was room.
  bool add(const OptimizerItem& item) {
    if (step.count == Room) return false;
    const int w = place(item);
    if (w < 0) return false;
    void* const buffers[kBuffers] = {item.parameter, item.gradient, item.states[0], item.states[1],
                                     item.states[2]};
    const int i = step.count++;
    step.which[i] = static_cast<std::uint8_t>(w);
    step.numel[i] = item.numel;
    step.dtype[i] = item.dtype;
    step.has[i] = 0;
    step.packed[i] = packs<C>(item.dtype);
    for (int k = 0; k < kBuffers; ++k) {
      step.buffer[i][k] = static_cast<char*>(buffers[k]);
      if (buffers[k] && item.numel > 0) check_pointer(buffers[k]);
      if (reinterpret_cast<std::uintptr_t>(buffers[k]) % 16 != 0) step.packed[i] = 0;
      if (k >= 2 && buffers[k]) step.has[i] |= static_cast<std::uint8_t>(1 << (k - 2));
    }
    step.first[step.count] = step.first[i] + (item.numel + kVector - 1) / kVector;
    return true;
  }
  void run(const char* op) {
    for_each(op, step.first[step.count], step);
    step.count = used = 0;
  }
};

template <class Rule, class C, int Room>
void launch(const char* op, std::span<const OptimizerItem> items) {
  Launch<Rule, C, Room> next;
  for (const OptimizerItem& item : items) {
    if ((item.dtype == DType::F64) != std::is_same_v<C, double>) continue;
    if (next.add(item)) continue;
    next.run(op);
    next.add(item);
  }
  if (next.step.count > 0) next.run(op);
}

template <template <class> class Rule, class C>
void steps(const char* op, std::span<const OptimizerItem> items) {
  if (items.size() <= kFew) return launch<Rule<C>, C, kFew>(op, items);
  if (items.size() <= kSome) return launch<Rule<C>, C, kSome>(op, items);
  launch<Rule<C>, C, kMany>(op, items);
}

}  // namespace

void optimizer_step(OptimizerId id, std::span<const OptimizerItem> items) {
  if (id == OptimizerId::SGD) {
    steps<Sgd, float>("SGD", items);
    return steps<Sgd, double>("SGD", items);
  }
  steps<Adam, float>("Adam", items);
  steps<Adam, double>("Adam", items);
}

}  // namespace weft::cuda
