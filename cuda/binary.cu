#include <weft/cuda/pointwise.h>
#include <weft/cuda/tables.h>
#include <weft/ops/binary.h>

namespace weft::cuda {
namespace {

template <class Op, class C>
struct Forward {
  Op op;
  WEFT_HD auto operator()(const C (&in)[2]) const { return op.template forward<C>(in[0], in[1]); }
};

template <class Op, class C>
void run(const Loop& loop, const void* op) {
  pointwise<C, 2>(Op::name, loop, Forward<Op, C>{*static_cast<const Op*>(op)});
}

struct Table {
  PointwiseKernel kernel[BinaryOps::size][3];
};
template <class... Ops>
constexpr Table make_table(OpList<Ops...>) {
  Table t{};
  int i = 0;
  const auto one = [&]<class Op>(const Op*) {
    if constexpr (takes_floating(Op::domain)) {
      t.kernel[i][0] = run<Op, float>;
      t.kernel[i][1] = run<Op, double>;
    }
    if constexpr (Op::domain != Domain::Floating) t.kernel[i][2] = run<Op, Int>;
    ++i;
  };
  (one(static_cast<const Ops*>(nullptr)), ...);
  return t;
}
constexpr Table table = make_table(BinaryOps{});

}  // namespace

void binary(BinaryId id, const Loop& loop, DType in, const void* op) {
  table.kernel[static_cast<int>(id)][static_cast<int>(compute_type(in))](loop, op);
}

}  // namespace weft::cuda
