#include <weft/cuda/pointwise.h>
#include <weft/cuda/tables.h>
#include <weft/ops/unary.h>

namespace weft::cuda {
namespace {

template <class Op, class C>
struct Grad {
  static constexpr bool there = Differentiable<Op> && !std::is_same_v<C, Int>;
  Op op;
  WEFT_HD C operator()(const C (&in)[3]) const { return op.template grad<C>(in[0], in[1], in[2]); }
};

constexpr auto table = pointwise_table<Grad, 3>(UnaryOps{});

}  // namespace

void unary_grad(UnaryId id, const Loop& loop, DType in, const void* op) {
  table[static_cast<std::size_t>(id)][static_cast<std::size_t>(compute_type(in))](loop, op);
}

}  // namespace weft::cuda
