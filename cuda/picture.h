#pragma once

#include <weft/cuda/loop.h>

// N C H W views, whatever lies beside what in memory.
namespace weft::cuda {

// The indices of element e, channels fastest.
struct Pixel {
  Index n, c, h, w;
  WEFT_HD Pixel(const Place& v, Index e) {
    c = divide(e, v.size[1]);
    w = divide(e, v.size[3]);
    h = divide(e, v.size[2]);
    n = e;
  }
};

WEFT_HD inline char* pixel_at(const Place& v, Index n, Index c, Index h, Index w) {
  return v.at(n * v.stride[0] + c * v.stride[1] + h * v.stride[2] + w * v.stride[3]);
}
WEFT_HD inline char* at(const Place& v, const Pixel& p, Index h, Index w) {
  return pixel_at(v, p.n, p.c, h, w);
}

// The output that reads input position `at` with element `tap` of the window, or -1.
WEFT_HD inline Index reader(Index at, Index tap, Index stride, Index padding, Index dilation,
                            Index size) {
  const Index reach = at + padding - tap * dilation;
  if (reach < 0 || reach % stride != 0) return -1;
  return reach / stride < size ? reach / stride : -1;
}

}  // namespace weft::cuda
