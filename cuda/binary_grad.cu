#include <weft/cuda/pointwise.h>
#include <weft/cuda/tables.h>
#include <weft/ops/binary.h>

namespace weft::cuda {
namespace {

template <class Op, class C>
struct GradA {
  static constexpr bool there = Differentiable<Op> && !std::is_same_v<C, Int>;
  Op op;
  WEFT_HD C operator()(const C (&in)[4]) const {
    return op.template grad_a<C>(in[0], in[1], in[2], in[3]);
  }
};
template <class Op, class C>
struct GradB {
  static constexpr bool there = Differentiable<Op> && !std::is_same_v<C, Int>;
  Op op;
  WEFT_HD C operator()(const C (&in)[4]) const {
    return op.template grad_b<C>(in[0], in[1], in[2], in[3]);
  }
};

constexpr std::array table{pointwise_table<GradA, 4>(BinaryOps{}),
                           pointwise_table<GradB, 4>(BinaryOps{})};

}  // namespace

void binary_grad(BinaryId id, int which, const Loop& loop, DType in, const void* op) {
  table[static_cast<std::size_t>(which)][static_cast<std::size_t>(id)]
       [static_cast<std::size_t>(compute_type(in))](loop, op);
}

}  // namespace weft::cuda
