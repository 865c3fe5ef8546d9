#pragma once

#include <weft/ops/kernels.h>

namespace weft::cpu {

// The entries of Kernels::Conv: f16, bf16, f32, f64; any strides.
void conv2d_forward(const View& y, const View& x, const View& w, const View& bias,
                    const Conv2dOptions& o);
void conv2d_backward_input(const View& gx, const View& gy, const View& w, const Conv2dOptions& o);
void conv2d_backward_weight(const View& gw, const View& gb, const View& gy, const View& x,
                            const Conv2dOptions& o);

// What all the ways of computing a convolution need to know.
struct ConvShape {
  Index n, c, h, w;  // input
  Index k, r, s;     // outputs and the filter's size
  Index oh, ow;      // output
  Conv2dOptions options;

  ConvShape(const View& x, const View& filter, const View& y, const Conv2dOptions& o)
      : n(x.size[0]),
        c(x.size[1]),
        h(x.size[2]),
        w(x.size[3]),
        k(filter.size[0]),
        r(filter.size[2]),
        s(filter.size[3]),
        oh(y.size[2]),
        ow(y.size[3]),
        options(o) {}
  Index inputs() const { return c / options.groups; }  // of one group
  Index outputs() const { return k / options.groups; }
  Index filter_size() const { return inputs() * r * s; }
};

// f64, in cpu/conv_f64.cpp. y, gx and gw are dense: channels-last, channels-last, rows; so is w.
void conv2d_forward_f64(const View& y, const View& x, const View& w, const View& bias,
                        const ConvShape& shape);
void conv2d_backward_input_f64(const View& gx, const View& gy, const View& w,
                               const ConvShape& shape);
void conv2d_backward_weight_f64(const View& gw, const View& gy, const View& x,
                                const ConvShape& shape);

// bf16, through oneDNN's products, in cpu/conv_unfold.cpp; gw, gy and x are dense as above.
void conv2d_backward_weight_unfolded(const View& gw, const View& gy, const View& x,
                                     const ConvShape& shape);

}  // namespace weft::cpu
