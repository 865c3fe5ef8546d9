#pragma once

#include <cstdint>

// Winograd's F(4x4, 3x3): each 4x4 tile of a 3x3 convolution costs 36 products instead of 144
// (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015). Channels-last
// throughout, vectorised over channels. The pieces below are one thread's work; cpu/winograd.cpp
// splits and orders them.
namespace weft::cpu {

inline constexpr int kWinogradTile = 4, kWinogradInput = 6, kWinogradPoints = 36;

// Tile t covers output rows 4 * (t / tiles_w % tiles_h)... of picture t / (tiles_h * tiles_w).
struct WinogradPlane {  // a picture that tiles are cut from or written to
  std::int64_t height, width, channels;
  std::int64_t row, picture;  // strides in elements; a pixel's stride is `channels`
  std::int64_t tiles_h, tiles_w;
  std::int64_t offset_h, offset_w;  // of tile (0, 0)'s first row and column: minus the padding
};

struct WinogradFilter {  // weight (k, c, r, s) = data[k * stride_k + ...]; strides may be negative
  std::int64_t outputs, inputs;
  std::int64_t stride_k, stride_c, stride_r, stride_s;
};

// Transformed tiles in panels of `columns` channels: value (point, tile, channel) lies at
// [point * point_stride + channel / columns * panel + tile * row + channel % columns].
struct WinogradTiles {
  float* data;
  std::int64_t point, panel, row;
};

struct WinogradKernels {
  int columns;  // packed filters and transformed outputs are padded to a multiple of this

  // Packs G w G^T of the outputs [first, last), multiples of `columns`, as
  // [point][outputs / columns][inputs][columns].
  void (*filter)(float* packed, const float* w, const WinogradFilter&, std::int64_t first,
                 std::int64_t last);
  // tiles <- B^T x B for the tiles [first, last)
  void (*input)(const WinogradTiles&, const void* x, bool bf16, const WinogradPlane&,
                std::int64_t first, std::int64_t last);
  // products[point] = tiles[point] (count x inputs, panel = columns) @ packed[point]
  void (*multiply)(const WinogradTiles& products, const WinogradTiles& tiles, const float* packed,
                   std::int64_t count, std::int64_t inputs, std::int64_t outputs);
  // y <- A^T products A + bias, clamped at zero if relu
  void (*output)(void* y, bool bf16, const WinogradPlane&, const WinogradTiles&, const float* bias,
                 bool relu, std::int64_t first, std::int64_t last);

  // Gradient of the filter: tiles <- A gy A^T, then sums[point] (inputs x outputs) (+)= x^T gy for
  // the inputs [first, last) of one point, then gw = G^T sums G.
  void (*output_gradient)(const WinogradTiles&, const void* gy, bool bf16, const WinogradPlane&,
                          std::int64_t first, std::int64_t last);
  void (*accumulate)(float* sums, std::int64_t sums_row, const WinogradTiles& x,
                     const WinogradTiles& gy, std::int64_t point, std::int64_t count,
                     std::int64_t first, std::int64_t last, std::int64_t outputs, bool add);
  void (*filter_gradient)(float* gw, const WinogradFilter&, const float* sums, std::int64_t point,
                          std::int64_t row, std::int64_t first, std::int64_t last);
};

}  // namespace weft::cpu
