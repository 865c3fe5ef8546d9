#include <weft/cpu/reduce.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include <weft/core/allocator.h>
#include <weft/core/interrupt.h>
#include <weft/core/threads.h>
#include <weft/cpu/isa.h>
#include <weft/cpu/loop_walk.h>

// A reduction is cut into tiles of outputs, and what each tile gathers into chunks. Both depend on
// the shape alone, and chunks are joined in order: the number of threads does not change the bits.
// Everything gathers in doubles or 64-bit integers.
namespace weft::cpu {

const ReduceLoops& reduce_loops() {
  switch (isa_in_use()) {
    case Isa::V2: return v2::reduce_loops;
    case Isa::AVX2: return avx2::reduce_loops;
    case Isa::AVX512: return avx512::reduce_loops;
  }
  return v2::reduce_loops;
}

const SoftmaxLoops& softmax_loops() {
  switch (isa_in_use()) {
    case Isa::V2: return v2::softmax_loops;
    case Isa::AVX2: return avx2::softmax_loops;
    case Isa::AVX512: return avx512::softmax_loops;
  }
  return v2::softmax_loops;
}

namespace {

constexpr Index kTile = 512;          // outputs, at most
constexpr Index kBlock = 512;         // elements converted at a time
constexpr Index kChunk = 65536;       // elements of a tile's chunk
constexpr Index kPartials = 1 << 15;  // chunks times outputs of a tile, at most

union Word {
  double f;
  std::int64_t i;
};

struct Plan {
  Loop loop;
  ReduceId id;
  double p;
  Compute compute;
  Fold fold;    // the first pass
  bool direct;  // the loops read x where it lies
  bool columns;
  int kept[kMaxRank], reduced[kMaxRank];
  int kepts = 0, reduceds = 0;
  Index length = 1, outputs = 1;  // elements that make one output; outputs
  Index tile, tiles_per_row, tiles, chunk, chunks;
};

// ---- What a reduction gathers

Fold fold_of(ReduceId id, double p) {
  switch (id) {
    case ReduceId::Prod: return Fold::Product;
    case ReduceId::Amax:
    case ReduceId::Argmax:
    case ReduceId::LogSumExp: return Fold::Max;
    case ReduceId::Amin:
    case ReduceId::Argmin: return Fold::Min;
    case ReduceId::All:
    case ReduceId::Any: return Fold::Count;
    case ReduceId::Norm: break;
    default: return Fold::Sum;
  }
  if (std::isinf(p)) return p > 0 ? Fold::MaxAbs : Fold::MinAbs;
  return p == 0 ? Fold::Count : p == 1 ? Fold::SumAbs : p == 2 ? Fold::SumSquare : Fold::SumPower;
}

bool is_arg(ReduceId id) { return id == ReduceId::Argmax || id == ReduceId::Argmin; }
bool has_second_pass(ReduceId id) { return id == ReduceId::Moments || id == ReduceId::LogSumExp; }

Compute compute_for(ReduceId id, const Loop& loop) {
  const DType x = loop.dtype[1];
  const bool into_float = is_floating(loop.dtype[0]) && !is_floating(x);
  const bool sums = id == ReduceId::Sum || id == ReduceId::Mean || id == ReduceId::Prod;
  return sums && into_float ? Compute::F64 : compute_type(x);
}

double identity_of(Fold fold) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  switch (fold) {
    case Fold::Product: return 1;
    case Fold::Max:
    case Fold::MaxAbs: return -infinity;
    case Fold::Min:
    case Fold::MinAbs: return infinity;
    default: return 0;
  }
}

Word start_of(Fold fold, Compute compute) {
  const double v = identity_of(fold);
  if (compute != Compute::Int) return {.f = v};
  if (std::isinf(v)) {
    return {.i = v > 0 ? std::numeric_limits<std::int64_t>::max()
                       : std::numeric_limits<std::int64_t>::min()};
  }
  return {.i = static_cast<std::int64_t>(v)};
}

// ---- The plan

// Short runs along the reduced dimension lose to long ones along a kept one.
void prefer_long_rows(Plan& p) {
  Loop& loop = p.loop;
  if (loop.stride[0][0] != 0 || loop.size[0] >= 16) return;
  for (int d = 1; d < loop.rank; ++d) {
    if (loop.stride[0][d] == 0 || loop.size[d] < 16) continue;
    std::swap(loop.size[0], loop.size[d]);
    for (int k = 0; k < loop.operands; ++k) std::swap(loop.stride[k][0], loop.stride[k][d]);
    return;
  }
}

void cut(Plan& p) {
  const Loop& loop = p.loop;
  const Index row = p.kepts ? loop.size[p.kept[0]] : 1;
  p.tile = std::min(row, kTile);
  if (!p.columns) p.tile = std::clamp<Index>(kChunk / p.length, 1, p.tile);
  p.tiles_per_row = (row + p.tile - 1) / p.tile;
  p.tiles = p.tiles_per_row * (p.outputs / row);
  const Index least = p.length / (kPartials / p.tile) + 1;
  p.chunk = std::max(std::max<Index>(kChunk / p.tile, 1), least);
  p.chunks = (p.length + p.chunk - 1) / p.chunk;
}

Plan plan_for(ReduceId id, const Loop& loop, double norm) {
  Plan p;  // NOLINT
  p.loop = loop;
  p.id = id;
  p.compute = compute_for(id, loop);
  p.fold = fold_of(id, norm);
  p.p = id == ReduceId::Norm && norm != 2 ? norm : 0;
  prefer_long_rows(p);
  for (int d = 0; d < p.loop.rank; ++d) {
    const bool kept = p.loop.stride[0][d] != 0;
    (kept ? p.kept[p.kepts++] : p.reduced[p.reduceds++]) = d;
    (kept ? p.outputs : p.length) *= p.loop.size[d];
  }
  p.columns = p.loop.stride[0][0] != 0;
  const DType wanted = compute_dtype(p.compute);
  p.direct = p.loop.dtype[1] == wanted && id != ReduceId::LogSumExp &&
             p.loop.stride[1][0] == static_cast<Index>(size_of(wanted));
  cut(p);
  return p;
}

// ---- One chunk of a tile

// The outputs of a tile: what was gathered of each, and what the second pass (or the position) is.
struct Gathered {
  Word first[kTile];
  Word second[kTile];
};

struct Tile {
  const char* x;
  char *out, *out2;
  Index count;
};

Tile tile_at(const Plan& p, Index t) {
  const Loop& loop = p.loop;
  Index offset[kMaxOperands] = {}, row = t / p.tiles_per_row;
  const Index first = t % p.tiles_per_row * p.tile;
  for (int k = 0; k < loop.operands; ++k)
    offset[k] = p.kepts ? first * loop.stride[k][p.kept[0]] : 0;
  for (int i = 1; i < p.kepts; ++i) {
    const int d = p.kept[i];
    for (int k = 0; k < loop.operands; ++k) offset[k] += row % loop.size[d] * loop.stride[k][d];
    row /= loop.size[d];
  }
  const Index width = p.kepts ? loop.size[p.kept[0]] : 1;
  return {loop.data[1] + offset[1], loop.data[0] + offset[0],
          loop.operands > 2 ? loop.data[2] + offset[2] : nullptr, std::min(p.tile, width - first)};
}

// Calls piece(x, elements, position) for runs along the innermost reduced dimension.
template <class Piece>
void walk_reduced(const Plan& p, const char* x, Index begin, Index end, Piece&& piece) {
  if (p.reduceds == 0) return piece(x, 1, 0);
  const Loop& loop = p.loop;
  const Index inner = loop.size[p.reduced[0]], stride = loop.stride[1][p.reduced[0]];
  Index column = begin % inner, row = begin / inner;
  while (begin < end) {
    const Index n = std::min(inner - column, end - begin);
    const char* at = x + column * stride;
    Index rest = row;
    for (int i = 1; i < p.reduceds; ++i) {
      const int d = p.reduced[i];
      at += rest % loop.size[d] * loop.stride[1][d];
      rest /= loop.size[d];
    }
    piece(at, n, begin);
    begin += n;
    column = 0;
    ++row;
  }
}

// Hands x to run(first element, rows, row stride, elements of a row, first output, position), where
// it lies or converted.
template <class Prepare, class Run>
void rows_of(const Plan& p, const Tile& tile, Index begin, Index end, Prepare&& prepare,
             Run&& run) {
  const Loop& loop = p.loop;
  const Index along = p.reduceds ? loop.stride[1][p.reduced[0]] : 0;
  const Index across = p.kepts ? loop.stride[1][p.kept[0]] : 0;
  const auto load = isa().load[static_cast<int>(p.compute)][static_cast<int>(p.loop.dtype[1])];
  const auto width = static_cast<Index>(compute_size(p.compute));
  alignas(64) char block[kBlock * 8];
  walk_reduced(p, tile.x, begin, end, [&](const char* x, Index n, Index at) {
    if (p.direct && p.columns) return run(x, n, along, tile.count, 0, at);
    if (p.direct) return run(x, tile.count, across, n, 0, at);
    if (p.columns) {
      const Index most = kBlock / tile.count;
      for (Index r = 0; r < n; r += most) {
        const Index m = std::min(most, n - r);
        for (Index i = 0; i < m; ++i) {
          load(block + i * tile.count * width, x + (r + i) * along, across, tile.count);
        }
        prepare(block, m, tile.count, Index{0});
        run(block, m, tile.count * width, tile.count, 0, at + r);
      }
      return;
    }
    for (Index o = 0; o < tile.count; ++o) {
      for (Index i = 0; i < n; i += kBlock) {
        const Index m = std::min(kBlock, n - i);
        load(block, x + o * across + i * along, along, m);
        prepare(block, Index{1}, m, o);
        run(block, 1, 0, m, o, at + i);
      }
    }
  });
}

void fold_tile(const Plan& p, const Tile& tile, Index begin, Index end, Fold fold,
               const Word* shift, bool exp_minus, Word* acc) {
  const int c = static_cast<int>(p.compute);
  const auto run = p.columns ? reduce_loops().columns[static_cast<int>(fold)][c]
                             : reduce_loops().rows[static_cast<int>(fold)][c];
  const auto* s = reinterpret_cast<const double*>(shift);
  const auto prepare = [&](char* block, Index rows, Index n, Index o) {
    if (exp_minus) softmax_loops().exp_minus[c](block, rows, n, s + o, p.columns);
  };
  rows_of(p, tile, begin, end, prepare,
          [&](const char* x, Index rows, Index stride, Index n, Index o, Index) {
            run({x, rows, stride, n, s && !exp_minus ? s + o : nullptr, p.p, acc + o});
          });
}

void arg_tile(const Plan& p, const Tile& tile, Index begin, Index end, Gathered& g) {
  const int c = static_cast<int>(p.compute), which = p.id == ReduceId::Argmax ? 0 : 1;
  const auto run =
      p.columns ? reduce_loops().arg_columns[which][c] : reduce_loops().arg_rows[which][c];
  rows_of(
      p, tile, begin, end, [](char*, Index, Index, Index) {},
      [&](const char* x, Index rows, Index stride, Index n, Index o, Index at) {
        run({x, rows, stride, n, at, g.first + o, &g.second[o].i});
      });
}

void gather_chunk(const Plan& p, const Tile& tile, Index chunk, Gathered& g) {
  const Index begin = chunk * p.chunk, end = std::min(p.length, begin + p.chunk);
  const auto count = static_cast<std::size_t>(tile.count);
  std::fill_n(g.first, count, start_of(p.fold, p.compute));
  if (is_arg(p.id)) {
    std::fill_n(g.second, count, Word{.i = begin});
    return arg_tile(p, tile, begin, end, g);
  }
  fold_tile(p, tile, begin, end, p.fold, nullptr, false, g.first);
  if (!has_second_pass(p.id)) return;
  std::fill_n(g.second, count, Word{.f = 0});
  if (p.id == ReduceId::Moments) {
    for (std::size_t i = 0; i < count; ++i) g.first[i].f /= static_cast<double>(end - begin);
    return fold_tile(p, tile, begin, end, Fold::SumSquare, g.first, false, g.second);
  }
  // An infinite maximum is not subtracted: the rest counts for nothing beside it.
  Word shift[kTile];
  for (std::size_t i = 0; i < count; ++i) shift[i].f = std::isinf(g.first[i].f) ? 0 : g.first[i].f;
  fold_tile(p, tile, begin, end, Fold::Sum, shift, true, g.second);
}

// ---- Joining chunks, in order

double join(Fold fold, double a, double b) {
  switch (fold) {
    case Fold::Product: return a * b;
    case Fold::Max:
    case Fold::MaxAbs: return b > a || b != b ? b : a;
    case Fold::Min:
    case Fold::MinAbs: return b < a || b != b ? b : a;
    default: return a + b;
  }
}
std::int64_t join(Fold fold, std::int64_t a, std::int64_t b) {
  const auto x = static_cast<std::uint64_t>(a), y = static_cast<std::uint64_t>(b);
  switch (fold) {
    case Fold::Product: return static_cast<std::int64_t>(x * y);
    case Fold::Max:
    case Fold::MaxAbs: return std::max(a, b);
    case Fold::Min:
    case Fold::MinAbs: return std::min(a, b);
    default: return static_cast<std::int64_t>(x + y);
  }
}

bool beats(const Plan& p, Word b, Word a) {
  const bool larger = p.id == ReduceId::Argmax;
  if (p.compute == Compute::Int) return larger ? b.i > a.i : b.i < a.i;
  return (larger ? b.f > a.f : b.f < a.f) || (std::isnan(b.f) && !std::isnan(a.f));
}

// Chan, Golub and LeVeque: means and squared differences of two parts.
void join_moments(Word& mean, Word& squares, Index n, Word mean2, Word squares2, Index n2) {
  const double all = static_cast<double>(n + n2), part = static_cast<double>(n2) / all;
  const double delta = mean2.f - mean.f;
  mean.f += delta * part;
  squares.f += squares2.f + delta * delta * static_cast<double>(n) * part;
}

double scaled_sum(double sum, double from, double to) {
  return sum == 0 || from == to ? sum : sum * std::exp(from - to);
}
void join_logsumexp(Word& top, Word& sum, Word top2, Word sum2) {
  const double highest = join(Fold::Max, top.f, top2.f);
  if (std::isinf(highest) || std::isnan(highest)) {
    sum.f += sum2.f;
  } else {
    sum.f = scaled_sum(sum.f, top.f, highest) + scaled_sum(sum2.f, top2.f, highest);
  }
  top.f = highest;
}

// g joined with the chunk that follows it; g holds the chunks before `chunk`.
void join_chunk(const Plan& p, Index count, Index chunk, Gathered& g, const Word* first,
                const Word* second) {
  const Index before = chunk * p.chunk, added = std::min(p.chunk, p.length - before);
  for (Index i = 0; i < count; ++i) {
    if (is_arg(p.id)) {
      if (!beats(p, first[i], g.first[i])) continue;
      g.first[i] = first[i];
      g.second[i] = second[i];
    } else if (p.id == ReduceId::Moments) {
      join_moments(g.first[i], g.second[i], before, first[i], second[i], added);
    } else if (p.id == ReduceId::LogSumExp) {
      join_logsumexp(g.first[i], g.second[i], first[i], second[i]);
    } else if (p.compute == Compute::Int) {
      g.first[i].i = join(p.fold, g.first[i].i, first[i].i);
    } else {
      g.first[i].f = join(p.fold, g.first[i].f, first[i].f);
    }
  }
}

// ---- Results

void finish(const Plan& p, Word& a, Word b) {
  const auto n = static_cast<double>(p.length);
  const bool integers = p.compute == Compute::Int;
  switch (p.id) {
    case ReduceId::Mean: a.f /= n; break;
    case ReduceId::All: a.i = integers ? a.i == p.length : a.f == n; break;
    case ReduceId::Any: a.i = integers ? a.i != 0 : a.f != 0; break;
    case ReduceId::LogSumExp:
      a.f = std::isinf(a.f) || std::isnan(a.f) ? a.f : a.f + std::log(b.f);
      break;
    case ReduceId::Norm:
      if (p.fold == Fold::SumSquare) a.f = std::sqrt(a.f);
      if (p.fold == Fold::SumPower) a.f = std::pow(a.f, 1 / p.p);
      break;
    default: break;
  }
}

void store(DType to, char* out, Index stride, const Word* from, Index count, Compute as) {
  isa().store[static_cast<int>(as)][static_cast<int>(to)](out, stride, from, count);
}

void write_tile(const Plan& p, const Tile& tile, Gathered& g) {
  const Loop& loop = p.loop;
  const Compute gathered = p.compute == Compute::Int ? Compute::Int : Compute::F64;
  const int d = p.kepts ? p.kept[0] : 0;
  const Index stride = loop.stride[0][d], stride2 = tile.out2 ? loop.stride[2][d] : 0;
  for (Index i = 0; i < tile.count; ++i) finish(p, g.first[i], g.second[i]);
  if (is_arg(p.id)) {
    store(loop.dtype[0], tile.out, stride, g.second, tile.count, Compute::Int);
    if (tile.out2) store(loop.dtype[2], tile.out2, stride2, g.first, tile.count, gathered);
    return;
  }
  const bool truth = p.id == ReduceId::All || p.id == ReduceId::Any;
  store(loop.dtype[0], tile.out, stride, g.first, tile.count, truth ? Compute::Int : gathered);
  if (tile.out2) store(loop.dtype[2], tile.out2, stride2, g.second, tile.count, gathered);
}

// ---- Over tiles and chunks

void run_tile(const Plan& p, Index t) {
  const Tile tile = tile_at(p, t);
  Gathered g, next;
  gather_chunk(p, tile, 0, g);
  for (Index chunk = 1; chunk < p.chunks; ++chunk) {
    check_interrupt("reduction");
    gather_chunk(p, tile, chunk, next);
    join_chunk(p, tile.count, chunk, g, next.first, next.second);
  }
  write_tile(p, tile, g);
}

struct Scratch {
  explicit Scratch(Index words)
      : memory(allocate(kCPU, static_cast<std::size_t>(words) * sizeof(Word))) {}
  ~Scratch() { deallocate(kCPU, memory); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  Word* words() const { return static_cast<Word*>(memory.data); }
  Allocation memory;
};

// Few outputs of many elements: the chunks are shared among the threads.
void run_chunks(const Plan& p) {
  const Scratch scratch(2 * p.tiles * p.chunks * p.tile);
  Word *const first = scratch.words(), *const second = first + p.tiles * p.chunks * p.tile;
  parallel_for(0, p.tiles * p.chunks, 1, [&](Index begin, Index end) {
    Gathered g;
    for (Index i = begin; i < end; ++i) {
      const Tile tile = tile_at(p, i / p.chunks);
      gather_chunk(p, tile, i % p.chunks, g);
      std::copy_n(g.first, tile.count, first + i * p.tile);
      if (is_arg(p.id) || has_second_pass(p.id))
        std::copy_n(g.second, tile.count, second + i * p.tile);
    }
  });
  for (Index t = 0; t < p.tiles; ++t) {
    const Tile tile = tile_at(p, t);
    Gathered g;
    const Index at = t * p.chunks * p.tile;
    std::copy_n(first + at, tile.count, g.first);
    std::copy_n(second + at, tile.count, g.second);
    for (Index c = 1; c < p.chunks; ++c) {
      join_chunk(p, tile.count, c, g, first + at + c * p.tile, second + at + c * p.tile);
    }
    write_tile(p, tile, g);
  }
}

// One run of contiguous elements to one output.
bool reduce_run(ReduceId id, const Loop& loop, const ReduceOptions& options) {
  const Compute c = compute_for(id, loop);
  const bool simple = id == ReduceId::Sum || id == ReduceId::Mean || id == ReduceId::Amax ||
                      id == ReduceId::Amin || id == ReduceId::Prod;
  if (!simple || loop.rank != 1 || loop.stride[0][0] != 0 || loop.numel > kChunk ||
      loop.dtype[1] != compute_dtype(c) ||
      loop.stride[1][0] != static_cast<Index>(size_of(loop.dtype[1])) || loop.operands > 2) {
    return false;
  }
  const Fold fold = fold_of(id, options.p);
  Word acc = start_of(fold, c);
  reduce_loops().rows[static_cast<int>(fold)][static_cast<int>(c)](
      {loop.data[1], 1, 0, loop.numel, nullptr, 0, &acc});
  if (id == ReduceId::Mean) acc.f /= static_cast<double>(loop.numel);
  if (c != Compute::Int && loop.dtype[0] == DType::F32) {
    *reinterpret_cast<float*>(loop.data[0]) = static_cast<float>(acc.f);
  } else {
    store(loop.dtype[0], loop.data[0], 0, &acc, 1, c == Compute::Int ? c : Compute::F64);
  }
  return true;
}

}  // namespace

void reduce(ReduceId id, const Loop& loop, const ReduceOptions& options) {
  if (loop.numel == 0 || reduce_run(id, loop, options)) return;
  const Plan p = plan_for(id, loop, options.p);
  const int threads = get_num_threads();
  if (threads > 1 && p.chunks > 1 && p.tiles < 4 * threads && loop.numel > kGrain) {
    return run_chunks(p);
  }
  const Index work = p.tile * p.length;
  parallel_for(0, p.tiles, std::max<Index>(1, kGrain / work), [&](Index begin, Index end) {
    for (Index t = begin; t < end; ++t) run_tile(p, t);
  });
}

}  // namespace weft::cpu
