#include <algorithm>

#include <weft/core/threads.h>
#include <weft/cpu/conv.h>
#include <weft/cpu/isa/tables.h>
#include <weft/cpu/matmul.h>
#include <weft/cpu/scratch.h>

// f64 serves gradient checks and references: each picture is unfolded into a matrix (im2col) whose
// rows are output pixels and whose columns are the filter's elements.
namespace weft::cpu {
namespace {

std::size_t unfolded_bytes(const ConvShape& s) {
  return static_cast<std::size_t>(s.oh * s.ow * s.filter_size()) * sizeof(double);
}

// f(element of the matrix, input row, input column, channel) for what lies inside the picture;
// else outside(element).
template <class F, class G>
void each_element(const ConvShape& s, Index group, F&& f, G&& outside) {
  const Conv2dOptions& o = s.options;
  Index at = 0;
  for (Index pixel = 0; pixel < s.oh * s.ow; ++pixel) {
    const Index top = pixel / s.ow * o.stride[0] - o.padding_low[0];
    const Index left = pixel % s.ow * o.stride[1] - o.padding_low[1];
    for (Index c = 0; c < s.inputs(); ++c) {
      for (Index tap = 0; tap < s.r * s.s; ++tap, ++at) {
        const Index i = top + tap / s.s * o.dilation[0], j = left + tap % s.s * o.dilation[1];
        if (i < 0 || i >= s.h || j < 0 || j >= s.w)
          outside(at);
        else
          f(at, i, j, group * s.inputs() + c);
      }
    }
  }
}

void unfold(double* matrix, const View& x, Index n, Index group, const ConvShape& s) {
  const double* picture = x.as<double>() + n * x.stride[0];
  each_element(
      s, group,
      [&](Index at, Index i, Index j, Index c) {
        matrix[at] = picture[i * x.stride[2] + j * x.stride[3] + c * x.stride[1]];
      },
      [&](Index at) { matrix[at] = 0; });
}

void fold(const View& gx, const double* matrix, Index n, Index group, const ConvShape& s) {
  double* picture = gx.as<double>() + n * gx.stride[0];
  each_element(
      s, group,
      [&](Index at, Index i, Index j, Index c) {
        picture[i * gx.stride[2] + j * gx.stride[3] + c * gx.stride[1]] += matrix[at];
      },
      [](Index) {});
}

const double* filters(const View& w, Index group, const ConvShape& s) {
  return w.as<const double>() + group * s.outputs() * s.filter_size();
}

// One group's output channels of one dense channels-last picture: oh * ow rows, stride k.
double* outputs(const View& y, Index n, Index group, const ConvShape& s) {
  return y.as<double>() + n * s.oh * s.ow * s.k + group * s.outputs();
}

template <class F>
void each_picture(const ConvShape& s, F&& f) {
  parallel_for(0, s.n, 1, [&](Index n, Index end) {
    const Scratch matrix(unfolded_bytes(s));
    for (; n < end; ++n) {
      for (Index g = 0; g < s.options.groups; ++g) f(matrix.as<double>(), n, g);
    }
  });
}

}  // namespace

void conv2d_forward_f64(const View& y, const View& x, const View& w, const View& bias,
                        const ConvShape& s) {
  each_picture(s, [&](double* matrix, Index n, Index g) {
    unfold(matrix, x, n, g, s);
    gemm_kernels().f64(
        {.m = s.oh * s.ow,
         .n = s.outputs(),
         .k = s.filter_size(),
         .a = matrix,
         .b = filters(w, g, s),
         .c = outputs(y, n, g, s),
         .a_row = s.filter_size(),
         .a_column = 1,
         .b_row = 1,
         .b_column = s.filter_size(),
         .c_row = s.k,
         .c_column = 1,
         .bias = bias ? bias.as<double>() + g * s.outputs() * bias.stride[0] : nullptr,
         .bias_stride = bias ? bias.stride[0] : 0,
         .alpha = 1,
         .beta = 0,
         .relu = s.options.relu});
  });
}

void conv2d_backward_input_f64(const View& gx, const View& gy, const View& w, const ConvShape& s) {
  each_picture(s, [&](double* matrix, Index n, Index g) {
    gemm_kernels().f64({.m = s.oh * s.ow,
                        .n = s.filter_size(),
                        .k = s.outputs(),
                        .a = outputs(gy, n, g, s),
                        .b = filters(w, g, s),
                        .c = matrix,
                        .a_row = s.k,
                        .a_column = 1,
                        .b_row = s.filter_size(),
                        .b_column = 1,
                        .c_row = s.filter_size(),
                        .c_column = 1,
                        .bias = nullptr,
                        .bias_stride = 0,
                        .alpha = 1,
                        .beta = 0,
                        .relu = false});
    fold(gx, matrix, n, g, s);
  });
}

void conv2d_backward_weight_f64(const View& gw, const View& gy, const View& x, const ConvShape& s) {
  const Scratch matrix(unfolded_bytes(s));
  for (Index i = 0; i < s.n * s.options.groups; ++i) {
    const Index n = i / s.options.groups, g = i % s.options.groups;
    unfold(matrix.as<double>(), x, n, g, s);
    parallel_gemm(GemmTask<double>{.m = s.outputs(),
                                   .n = s.filter_size(),
                                   .k = s.oh * s.ow,
                                   .a = outputs(gy, n, g, s),
                                   .b = matrix.as<double>(),
                                   .c = const_cast<double*>(filters(gw, g, s)),
                                   .a_row = 1,
                                   .a_column = s.k,
                                   .b_row = s.filter_size(),
                                   .b_column = 1,
                                   .c_row = s.filter_size(),
                                   .c_column = 1,
                                   .bias = nullptr,
                                   .bias_stride = 0,
                                   .alpha = 1,
                                   .beta = n ? 1. : 0.,
                                   .relu = false});
  }
}

}  // namespace weft::cpu
