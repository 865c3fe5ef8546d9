#include <weft/cpu/dnnl/matmul.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>

#include <weft/core/context.h>
#include <weft/core/interrupt.h>
#include <weft/core/threads.h>
#include <weft/cpu/dnnl/cache.h>
#include <weft/cpu/dnnl/moment.h>
#include <weft/cpu/staging.h>

namespace weft::cpu::dnnl {
namespace {

struct Matrix {  // rank 3; a batch of 1 stands for any
  char* data;
  DType dtype;
  Index size[3], stride[3];

  explicit Matrix(const View& v) : data(v.as<char>()), dtype(v.dtype) {
    std::copy_n(v.size, 3, size);
    std::copy_n(v.stride, 3, stride);
    if (size[0] > 1 && stride[0] == 0) size[0] = 1;
    tidy();
  }
  // Strides of single elements are free; oneDNN looks at them all the same.
  void tidy() {
    if (size[2] == 1) stride[2] = 1;
    if (size[1] == 1) stride[1] = stride[2] == 1 ? size[2] : 1;
    if (size[2] == 1 && stride[1] != 1) stride[2] = 1;
    if (size[0] == 1) stride[0] = std::max(size[1] * stride[1], size[2] * stride[2]);
  }
  bool direct(bool output) const {
    const bool rows = stride[2] == 1 && stride[1] >= size[2];
    const bool columns = stride[1] == 1 && stride[2] >= size[1];
    const bool apart =
        size[0] == 1 || stride[0] >= std::max(size[1] * stride[1], size[2] * stride[2]);
    return (rows || (columns && !output)) && apart;
  }
  bool follows_batch() const { return stride[0] == size[1] * stride[1]; }
  void fold() {
    size[1] *= size[0];
    size[0] = 1;
  }
  char* element(Index batch, Index i, Index j) const {
    const Index at = (size[0] == 1 ? 0 : batch * stride[0]) + i * stride[1] + j * stride[2];
    return data + at * static_cast<Index>(size_of(dtype));
  }
};

struct Problem {
  Matrix out, a, b;
  char* bias;
  float beta;
  bool through_bf16;
};

Desc layout(const Matrix& m, DType t) {
  if (m.size[0] > 1) return strided(t, {m.size, 3}, {m.stride, 3});
  return strided(t, {m.size + 1, 2}, {m.stride + 1, 2});
}
Desc layout(const Matrix& m, DType t, bool batched) {
  return batched ? strided(t, {m.size, 3}, {m.stride, 3}) : layout(m, t);
}

// What the primitive computes in: bf16, in rows.
Desc dense(const Matrix& m, DType t, bool batched) {
  const Index stride[3] = {m.size[1] * m.size[2], m.size[2], 1};
  return batched ? strided(t, {m.size, 3}, stride) : strided(t, {m.size + 1, 2}, {stride + 1, 2});
}

Operation make(const Problem& p) {
  const bool batched = p.out.size[0] > 1;
  const Desc a = layout(p.a, p.a.dtype, batched), b = layout(p.b, p.b.dtype, batched);
  const Desc out = layout(p.out, p.out.dtype, batched);
  const Desc a_in =
      p.through_bf16 ? dense(p.a, DType::BF16, batched) : layout(p.a, p.a.dtype, batched);
  const Desc b_in =
      p.through_bf16 ? dense(p.b, DType::BF16, batched) : layout(p.b, p.b.dtype, batched);
  const Index sizes[3] = {1, 1, p.out.size[2]}, strides[3] = {sizes[2], sizes[2], 1};
  const std::size_t skip = batched ? 0 : 1;
  const Desc bias = strided(p.out.dtype, {sizes + skip, 3 - skip}, {strides + skip, 3 - skip});
  Attributes attributes;
  if (p.beta != 0) attributes.after(p.beta, false);
  const PrimitiveDesc pd =
      dnnl::matmul(ref(a_in), ref(b_in), p.bias ? ref(bias) : nullptr, ref(out), attributes);
  const Operation::Port in[3] = {{DNNL_ARG_SRC, ref(a), ref(a_in)},
                                 {DNNL_ARG_WEIGHTS, ref(b), ref(b_in)},
                                 {DNNL_ARG_DST, ref(out), ref(out), true}};
  if (p.bias) return {pd, {in[0], in[1], in[2], {DNNL_ARG_BIAS, ref(bias), ref(bias)}}};
  return {pd, {in[0], in[1], in[2]}};
}

void execute(const Problem& p, bool single) {
  const ThreadScope scope(single);
  Key key;
  key.add(1 | (p.bias != nullptr) << 9 | p.through_bf16 << 10 |
          static_cast<int>(p.out.dtype) << 16 | static_cast<int>(p.a.dtype) << 24);
  key.add(scope.threads() | std::int64_t{std::bit_cast<std::int32_t>(p.beta)} << 16);
  for (const Matrix* m : {&p.out, &p.a, &p.b}) {
    for (Index s : m->size) key.add(s);
    for (Index s : m->stride) key.add(s);
  }
  Operation& op = OperationCache::of_this_thread().find(key, [&] { return make(p); });
  if (p.bias)
    op.run({p.a.data, p.b.data, p.out.data, p.bias});
  else
    op.run({p.a.data, p.b.data, p.out.data});
}

// Rows [first, last) of the product, or columns.
Problem part(const Problem& whole, bool rows, Index first, Index last) {
  Problem p = whole;
  Matrix& factor = rows ? p.a : p.b;
  const int d = rows ? 1 : 2;
  factor.data = rows ? factor.element(0, first, 0) : factor.element(0, 0, first);
  p.out.data = rows ? p.out.element(0, first, 0) : p.out.element(0, 0, first);
  factor.size[d] = p.out.size[d] = last - first;
  if (p.bias && !rows) p.bias += first * static_cast<Index>(size_of(p.out.dtype));
  return p;
}

// The products [first, last) of a batch.
Problem some(const Problem& whole, Index first, Index last) {
  Problem p = whole;
  for (Matrix* m : {&p.out, &p.a, &p.b}) {
    if (m->size[0] == 1) continue;
    m->data = m->element(first, 0, 0);
    m->size[0] = last - first;
    m->tidy();
  }
  return p;
}

// Every part, and a look for an interrupt before each.
template <class F>
void each_part(Index length, Index each, F&& f) {
  for (Index i = 0; i < length; i += each) {
    check_interrupt("matmul");
    f(i, std::min(i + each, length));
  }
}

// Of the sum over k what lies in [first, last), added to what the parts before it left.
Problem slice(const Problem& whole, Index first, Index last) {
  Problem p = whole;
  p.a.data = whole.a.element(0, 0, first);
  p.b.data = whole.b.element(0, first, 0);
  p.a.size[2] = p.b.size[1] = last - first;
  p.a.tidy();
  p.b.tidy();
  if (first > 0) {
    p.beta = 1;
    p.bias = nullptr;
  }
  return p;
}

// One product in parts of that many multiplications. Those of f32 are thin slices of large areas,
// of a depth that oneDNN's blocks divide: it goes through the result once for each in any case, and
// copies the factors little more often than for the whole. Sums in bf16 would be rounded between
// slices: its parts are as wide as oneDNN's blocks, and high.
void run_blocks(const Problem& p, Index products, bool alone) {
  constexpr Index kWide = 384, kDeep = 384, kStep = 64, kLeastArea = 256 * 256, kLeastRows = 512;
  const Index m = p.out.size[1], n = p.out.size[2], k = p.a.size[2];
  const bool sliced = p.out.dtype == DType::F32;
  const Index depth = sliced ? even_part(k, products / m / n, kDeep) : k;
  const Index area = std::max(products / std::min(depth, k), kLeastArea);
  const Index columns = std::min(n, sliced ? std::max(area / kLeastRows, kWide) : kWide);
  const Index rows = even_part(m, area / columns, kStep);
  each_part(m, rows, [&](Index i, Index i_end) {
    const Problem band = part(p, true, i, i_end);
    each_part(n, columns, [&](Index j, Index j_end) {
      const Problem tile = part(band, false, j, j_end);
      each_part(k, depth, [&](Index from, Index to) { execute(slice(tile, from, to), alone); });
    });
  });
}

// What takes longer than a moment comes in parts: an interrupt waits for one. Their sizes depend on
// the product's alone, and on how many threads take part.
void run(const Problem& p, bool alone) {
  const Index products =
      moment(alone ? 1 : get_num_threads(), p.through_bf16 || p.a.dtype == DType::BF16);
  const Index batch = p.out.size[0], each = p.out.size[1] * p.out.size[2] * p.a.size[2];
  if (each <= products / batch) return execute(p, alone);
  if (batch == 1) return run_blocks(p, products, alone);
  each_part(batch, std::max<Index>(products / each, 1), [&](Index i, Index end) {
    const Problem few = some(p, i, end);
    each > products ? run_blocks(few, products, alone) : execute(few, alone);
  });
}

// The same bits for any number of threads: parts that depend on the sizes alone, one thread each.
void in_parts(const Problem& p) {
  constexpr Index kParts = 8, kLeast = 64;
  const bool rows = p.out.size[1] > p.out.size[2];
  const Index length = rows ? p.out.size[1] : p.out.size[2];
  const Index each = std::max(kLeast, (length / kParts + 15) / 16 * 16);
  const Index parts = (length + each - 1) / each;
  parallel_for(0, parts, 1, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i)
      run(part(p, rows, i * each, std::min((i + 1) * each, length)), true);
  });
}

void deterministic(const Problem& p) {
  if (p.out.size[0] == 1) return in_parts(p);
  parallel_for(0, p.out.size[0], 1, [&](Index i, Index end) {
    for (; i < end; ++i) run(some(p, i, i + 1), true);
  });
}

}  // namespace

void matmul(const View& out, const View& a, const View& b, const View& bias, float beta,
            bool through_bf16) {
  std::optional<StagedInput> a_copy, b_copy, bias_copy;
  std::optional<StagedOutput> out_copy;
  Problem p{Matrix(out), Matrix(a), Matrix(b), bias.as<char>(), beta, through_bf16};
  if (!p.a.direct(false)) p.a = Matrix(a_copy.emplace(a, a.dtype, Order::Rows).view());
  if (!p.b.direct(false)) p.b = Matrix(b_copy.emplace(b, b.dtype, Order::Rows).view());
  if (bias) p.bias = bias_copy.emplace(bias, out.dtype, Order::Rows).as<char>();
  if (!p.out.direct(true)) {
    p.out = Matrix(out_copy.emplace(out, out.dtype, Order::Rows).view());
    if (beta != 0) copy_view(out_copy->view(), out);
  }
  if (p.out.size[0] > 1 && p.b.size[0] == 1 && p.a.size[0] > 1 && p.a.follows_batch() &&
      p.out.follows_batch()) {
    p.a.fold();
    p.out.fold();
  }
  deterministic_algorithms() ? deterministic(p) : run(p, false);
  if (out_copy) out_copy->finish();
}

}  // namespace weft::cpu::dnnl
