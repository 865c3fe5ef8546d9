#include <algorithm>
#include <functional>

#include <weft/core/interrupt.h>
#include <weft/core/order_key.h>
#include <weft/core/threads.h>
#include <weft/cpu/indexing.h>
#include <weft/cpu/scratch.h>

namespace weft::cpu {
namespace {

struct Keyed {
  Index key, position;
  // A total order: any algorithm gives the stable one.
  bool operator<(const Keyed& other) const {
    return key != other.key ? key < other.key : position < other.position;
  }
};

template <class T>
Index key_of(T x) {
  if constexpr (std::is_integral_v<T>) return order_key(static_cast<std::int64_t>(x));
  if constexpr (!std::is_integral_v<T>) return order_key(static_cast<double>(x));
}

// Looks up once in so many comparisons or elements, a millisecond or less.
constexpr Index kBetweenLooks = 1 << 16;

// The first k of `row` come to stand in order.
template <class Less>
void choose(Keyed* row, Index n, Index k, Less less) {
  if (k > n / 8) return std::sort(row, row + n, less);
  std::partial_sort(row, row + k, row + n, less);
}

void choose(Keyed* row, Index n, Index k) {
  if (n < kBetweenLooks) return choose(row, n, k, std::less<>());
  Index left = kBetweenLooks;
  choose(row, n, k, [&left](const Keyed& a, const Keyed& b) {
    if (--left == 0) {
      check_interrupt("sort");
      left = kBetweenLooks;
    }
    return a < b;
  });
}

// About the elements for which a thread is worth its while.
constexpr Index kGrain = 2048;

}  // namespace

void order(const View& out, const View& x, bool descending) {
  const Index rows = x.size[0], n = x.size[1], k = out.size[1];
  if (k == 0) return;
  parallel_for(0, rows, std::max<Index>(kGrain / n, 1), [&](Index begin, Index end) {
    const Scratch memory(static_cast<std::size_t>(n) * sizeof(Keyed));
    Keyed* const row = memory.as<Keyed>();
    for (Index r = begin; r < end; ++r) {
      dispatch(x.dtype, [&](auto tag) {
        const auto* from = x.as<typename decltype(tag)::type>() + r * n;
        for (Index i = 0; i < n; ++i) {
          if (i % kBetweenLooks == kBetweenLooks - 1) check_interrupt("sort");
          const Index key = key_of(from[i]);
          row[i] = {descending ? ~key : key, i};
        }
      });
      choose(row, n, k);
      Index* const to = out.as<Index>() + r * k;
      for (Index j = 0; j < k; ++j) to[j] = row[j].position;
    }
  });
}

}  // namespace weft::cpu
