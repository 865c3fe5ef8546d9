#pragma once

#include <weft/core/random.h>
#include <weft/core/tensor.h>

// Initial values, in place and off the tape. They take from the default generator unless one is
// given. Formulas: Glorot and Bengio 2010 (Xavier), He et al. 2015 (Kaiming).
namespace weft::nn::init {

enum class Fan { In, Out };

// The factor for what comes after the layer: "linear", "conv2d", "sigmoid" 1; "tanh" 5/3; "relu"
// sqrt(2); "leaky_relu" sqrt(2 / (1 + slope^2)); "selu" 3/4. ValueError otherwise.
WEFT_API double calculate_gain(const std::string& nonlinearity, double negative_slope = 0.01);

// Inputs and outputs of one unit: sizes 1 and 0 times the product of the others. ShapeError for
// fewer than 2 dimensions.
struct Fans {
  Index in, out;
};
WEFT_API Fans calculate_fans(const Tensor& t);

WEFT_API Tensor uniform_(Tensor t, double low = 0, double high = 1, Generator* = nullptr);
WEFT_API Tensor normal_(Tensor t, double mean = 0, double std = 1, Generator* = nullptr);
// N(mean, std) between low and high.
WEFT_API Tensor trunc_normal_(Tensor t, double mean = 0, double std = 1, double low = -2,
                              double high = 2, Generator* = nullptr);
WEFT_API Tensor constant_(Tensor t, double value);
WEFT_API Tensor zeros_(Tensor t);
WEFT_API Tensor ones_(Tensor t);
// Uniform within +- gain * sqrt(6 / (in + out)); normal of that variance: 2 gain^2 / (in + out).
WEFT_API Tensor xavier_uniform_(Tensor t, double gain = 1, Generator* = nullptr);
WEFT_API Tensor xavier_normal_(Tensor t, double gain = 1, Generator* = nullptr);
// Standard deviation calculate_gain(nonlinearity, a) / sqrt(fan).
WEFT_API Tensor kaiming_uniform_(Tensor t, double a = 0, Fan mode = Fan::In,
                                 const std::string& nonlinearity = "leaky_relu",
                                 Generator* = nullptr);
WEFT_API Tensor kaiming_normal_(Tensor t, double a = 0, Fan mode = Fan::In,
                                const std::string& nonlinearity = "leaky_relu",
                                Generator* = nullptr);

}  // namespace weft::nn::init
