#include <weft/cuda/pointwise.h>
#include <weft/cuda/tables.h>
#include <weft/ops/binary.h>

namespace weft::cuda {
namespace {

template <class Op, class C>
struct Forward {
  static constexpr bool there =
      std::is_same_v<C, Int> ? Op::domain != Domain::Floating : takes_floating(Op::domain);
  Op op;
  WEFT_HD auto operator()(const C (&in)[2]) const { return op.template forward<C>(in[0], in[1]); }
};

constexpr auto table = pointwise_table<Forward, 2>(BinaryOps{});

}  // namespace

void binary(BinaryId id, const Loop& loop, DType in, const void* op) {
  table[static_cast<std::size_t>(id)][static_cast<std::size_t>(compute_type(in))](loop, op);
}

}  // namespace weft::cuda
