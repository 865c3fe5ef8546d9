#include <weft/cuda/pointwise.h>
#include <weft/cuda/tables.h>
#include <weft/ops/binary.h>

namespace weft::cuda {
namespace {

template <class Op, class C, int Which>
struct Grad {
  Op op;
  WEFT_HD C operator()(const C (&in)[4]) const {
    if constexpr (Which == 0) {
      return op.template grad_a<C>(in[0], in[1], in[2], in[3]);
    } else {
      return op.template grad_b<C>(in[0], in[1], in[2], in[3]);
    }
  }
};

template <class Op, class C, int Which>
void run(const Loop& loop, const void* op) {
  pointwise<C, 4>(Op::name, loop, Grad<Op, C, Which>{*static_cast<const Op*>(op)});
}

struct Table {
  PointwiseKernel kernel[2][BinaryOps::size][2];
};
template <class... Ops>
constexpr Table make_table(OpList<Ops...>) {
  Table t{};
  int i = 0;
  const auto one = [&]<class Op>(const Op*) {
    if constexpr (Differentiable<Op>) {
      t.kernel[0][i][0] = run<Op, float, 0>;
      t.kernel[0][i][1] = run<Op, double, 0>;
      t.kernel[1][i][0] = run<Op, float, 1>;
      t.kernel[1][i][1] = run<Op, double, 1>;
    }
    ++i;
  };
  (one(static_cast<const Ops*>(nullptr)), ...);
  return t;
}
constexpr Table table = make_table(BinaryOps{});

}  // namespace

void binary_grad(BinaryId id, int which, const Loop& loop, DType in, const void* op) {
  table.kernel[which][static_cast<int>(id)][static_cast<int>(compute_type(in))](loop, op);
}

}  // namespace weft::cuda
