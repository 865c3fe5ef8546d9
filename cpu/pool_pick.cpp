#include <weft/cpu/pool_pick.h>

#include <weft/core/threads.h>
#include <weft/cpu/loop_walk.h>

namespace weft::cpu {
namespace {

Index offset(const View& v, const Index (&i)[4]) {
  return i[0] * v.stride[0] + i[1] * v.stride[1] + i[2] * v.stride[2] + i[3] * v.stride[3];
}

Index position(const View& where, Index at) {
  return where.dtype == DType::U8 ? Index{where.as<std::uint8_t>()[at]}
                                  : Index{where.as<std::int32_t>()[at]};
}

}  // namespace

void max_pool_pick(const View& y, const View& where, const View& x, const PoolOptions& o) {
  dispatch(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Index c = y.size[1], h = y.size[2], w = y.size[3];
    parallel_for(0, numel(y), kGrain, [&](Index begin, Index end) {
      for (Index e = begin; e < end; ++e) {
        Index i[4] = {e / (h * w * c), e % c, e / (w * c) % h, e / c % w};
        const Index to = offset(y, i), tap = position(where, offset(where, i));
        i[2] = i[2] * o.stride[0] - o.padding[0] + tap / o.kernel[1] * o.dilation[0];
        i[3] = i[3] * o.stride[1] - o.padding[1] + tap % o.kernel[1] * o.dilation[1];
        y.as<T>()[to] = x.as<T>()[offset(x, i)];
      }
    });
  });
}

}  // namespace weft::cpu
