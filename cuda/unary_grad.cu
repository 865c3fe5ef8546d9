#include <weft/cuda/pointwise.h>
#include <weft/cuda/tables.h>
#include <weft/ops/unary.h>

namespace weft::cuda {
namespace {

template <class Op, class C>
struct Grad {
  Op op;
  WEFT_HD C operator()(const C (&in)[3]) const { return op.template grad<C>(in[0], in[1], in[2]); }
};

template <class Op, class C>
void run(const Loop& loop, const void* op) {
  pointwise<C, 3>(Op::name, loop, Grad<Op, C>{*static_cast<const Op*>(op)});
}

struct Table {
  PointwiseKernel kernel[UnaryOps::size][2];
};
template <class... Ops>
constexpr Table make_table(OpList<Ops...>) {
  Table t{};
  int i = 0;
  const auto one = [&]<class Op>(const Op*) {
    if constexpr (Differentiable<Op>) {
      t.kernel[i][0] = run<Op, float>;
      t.kernel[i][1] = run<Op, double>;
    }
    ++i;
  };
  (one(static_cast<const Ops*>(nullptr)), ...);
  return t;
}
constexpr Table table = make_table(UnaryOps{});

}  // namespace

void unary_grad(UnaryId id, const Loop& loop, DType in, const void* op) {
  table.kernel[static_cast<int>(id)][static_cast<int>(compute_type(in))](loop, op);
}

}  // namespace weft::cuda
