#include <weft/cpu/winograd.h>

#include <algorithm>

#include <weft/core/threads.h>
#include <weft/cpu/isa/tables.h>
#include <weft/cpu/scratch.h>

// Forward: blocks of tiles, each by one thread from the picture to the result, so that what lies
// between stays in the caches. Filter gradient: chunks of tiles; in each all threads transform
// tiles, then each multiplies for some of the 36 points. Every sum has one order, whatever the
// number of threads.
namespace weft::cpu {
namespace {

constexpr Index kBlock = 64, kChunk = 192;  // tiles, measured
constexpr Index kLine = 16;                 // floats in a cache line

Index divide_up(Index a, Index b) { return (a + b - 1) / b; }
Index round_up(Index a, Index b) { return divide_up(a, b) * b; }
// An odd number of cache lines: multiples of powers of two would crowd into few cache sets.
Index spread(Index floats) { return (divide_up(floats, kLine) | 1) * kLine; }
std::size_t bytes(Index floats) { return static_cast<std::size_t>(floats) * sizeof(float); }

struct Tiling {
  Index high, wide, count;
  explicit Tiling(const Image& y)
      : high(divide_up(y.height, kWinogradTile)),
        wide(divide_up(y.width, kWinogradTile)),
        count(y.pictures * high * wide) {}
};

WinogradPlane plane(const Image& image, const Tiling& tiling, Index pad_h, Index pad_w) {
  const Index row = image.width * image.channels;
  return {image.height, image.width, image.channels, row,   row * image.height,
          tiling.high,  tiling.wide, -pad_h,         -pad_w};
}

WinogradTiles in_rows(float* data, Index tiles, Index channels) {
  const Index row = spread(channels);
  return {data, spread(tiles * row), winograd_kernels().columns, row};
}
WinogradTiles in_panels(float* data, Index tiles, Index channels) {
  const Index columns = winograd_kernels().columns, panel = tiles * columns;
  return {data, spread(panel * divide_up(channels, columns)), panel, columns};
}
Index floats(const WinogradTiles& t) { return t.point * kWinogradPoints; }

// Blocks of one size, at most kBlock tiles, a whole number for each thread.
Index block_size(Index tiles) {
  const Index threads = get_num_threads();
  return divide_up(tiles, threads * divide_up(tiles, kBlock * threads));
}

template <class F>
void each_panel(Index outputs, F&& f) {
  const Index columns = winograd_kernels().columns;
  parallel_for(0, divide_up(outputs, columns), 1,
               [&](Index b, Index e) { f(b * columns, e * columns); });
}

void convolve_blocks(const Image& y, const Image& x, const float* packed, Index pad_h, Index pad_w,
                     const float* bias, bool relu) {
  const WinogradKernels& kernels = winograd_kernels();
  const Tiling tiling(y);
  const WinogradPlane from = plane(x, tiling, pad_h, pad_w), to = plane(y, tiling, 0, 0);
  const Index block = block_size(tiling.count);
  parallel_for(0, divide_up(tiling.count, block), 1, [&](Index begin, Index end) {
    WinogradTiles in = in_rows(nullptr, block, x.channels);
    WinogradTiles out = in_panels(nullptr, block, y.channels);
    const Scratch tiles(bytes(floats(in) + floats(out)));
    in.data = tiles.as<float>();
    out.data = in.data + floats(in);
    for (Index first = begin * block; first < std::min(end * block, tiling.count); first += block) {
      const Index last = std::min(first + block, tiling.count);
      kernels.input(in, x.data, x.bf16, from, first, last);
      kernels.multiply(out, in, packed, last - first, x.channels, y.channels);
      kernels.output(y.data, y.bf16, to, out, bias, relu, first, last);
    }
  });
}

struct Gradient {  // of a filter, in the transformed domain
  const Image &gy, &x;
  Tiling tiling;
  WinogradPlane gy_plane, x_plane;
  WinogradTiles gy_tiles, x_tiles;  // of one chunk
  float* sums;
  Index sums_point, sums_row;
};

void transform_chunk(const Gradient& g, Index done, Index count) {
  parallel_for(0, count, 16, [&](Index begin, Index end) {
    WinogradTiles x = g.x_tiles, gy = g.gy_tiles;
    x.data += begin * x.row;
    gy.data += begin * gy.row;
    winograd_kernels().input(x, g.x.data, g.x.bf16, g.x_plane, done + begin, done + end);
    winograd_kernels().output_gradient(gy, g.gy.data, g.gy.bf16, g.gy_plane, done + begin,
                                       done + end);
  });
}

void accumulate_chunk(const Gradient& g, Index count, bool add) {
  constexpr Index kChannels = 96;
  const Index splits = divide_up(g.x.channels, kChannels);
  parallel_for(0, kWinogradPoints * splits, 1, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      const Index point = i / splits, first = i % splits * kChannels;
      winograd_kernels().accumulate(g.sums + point * g.sums_point, g.sums_row, g.x_tiles,
                                    g.gy_tiles, point, count, first,
                                    std::min(first + kChannels, g.x.channels), g.gy.channels, add);
    }
  });
}

}  // namespace

void winograd_convolve(const Image& y, const Image& x, const float* w, const WinogradFilter& filter,
                       Index pad_h, Index pad_w, const float* bias, bool relu) {
  const Index outputs = round_up(y.channels, winograd_kernels().columns);
  const Scratch packed(bytes(outputs * x.channels * kWinogradPoints));
  each_panel(outputs, [&](Index first, Index last) {
    winograd_kernels().filter(packed.as<float>(), w, filter, first, last);
  });
  convolve_blocks(y, x, packed.as<float>(), pad_h, pad_w, bias, relu);
}

void winograd_filter_gradient(float* gw, const WinogradFilter& filter, const Image& gy,
                              const Image& x, Index pad_h, Index pad_w) {
  const Tiling tiling(gy);
  const Index outputs = round_up(gy.channels, winograd_kernels().columns);
  const Index chunk = std::min(tiling.count, kChunk);
  Gradient g{gy,
             x,
             tiling,
             plane(gy, tiling, 0, 0),
             plane(x, tiling, pad_h, pad_w),
             in_panels(nullptr, chunk, gy.channels),
             in_rows(nullptr, chunk, x.channels),
             nullptr,
             spread(x.channels * outputs),
             outputs};
  const Scratch tiles(bytes(floats(g.gy_tiles) + floats(g.x_tiles)));
  const Scratch sums(bytes(g.sums_point * kWinogradPoints));
  g.gy_tiles.data = tiles.as<float>();
  g.x_tiles.data = g.gy_tiles.data + floats(g.gy_tiles);
  g.sums = sums.as<float>();
  for (Index done = 0; done < tiling.count; done += chunk) {
    const Index count = std::min(chunk, tiling.count - done);
    transform_chunk(g, done, count);
    accumulate_chunk(g, count, done > 0);
  }
  each_panel(outputs, [&](Index first, Index last) {
    winograd_kernels().filter_gradient(gw, filter, g.sums, g.sums_point, g.sums_row, first, last);
  });
}

}  // namespace weft::cpu
