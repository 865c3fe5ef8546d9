#pragma once

#include <weft/core/tensor.h>

// Losses. x is the prediction; `reduction` says what becomes of the single losses.
namespace weft {

enum class Reduction : std::uint8_t { None, Mean, Sum };

struct CrossEntropyOptions {
  Tensor weight = {};         // [classes], or undefined
  Index ignore_index = -100;  // targets of this class neither count nor get a gradient
  Reduction reduction = Reduction::Mean;
  double label_smoothing = 0;  // from 0 to 1: this part of the target is spread over all classes
};

// -log_softmax(x)[target], with classes in dim 1 (dim 0 of a vector): x is [N, C], [C] or
// [N, C, d1, d2...]. target holds class indices (i64) of x's shape without C, or probabilities of
// x's shape and dtype. Mean divides by the sum of the targets' weights, or by N d1 d2... for
// probabilities. Throws IndexError where a target is out of range, ShapeError where shapes do not
// fit.
WEFT_API Tensor cross_entropy(const Tensor& x, const Tensor& target,
                              const CrossEntropyOptions& options = {});

struct NllLossOptions {
  Tensor weight = {};
  Index ignore_index = -100;
  Reduction reduction = Reduction::Mean;
};

// The same of log-probabilities x and class indices.
WEFT_API Tensor nll_loss(const Tensor& x, const Tensor& target, const NllLossOptions& options = {});

// (x - target)^2 and |x - target|; the shapes broadcast.
WEFT_API Tensor mse_loss(const Tensor& x, const Tensor& target,
                         Reduction reduction = Reduction::Mean);
WEFT_API Tensor l1_loss(const Tensor& x, const Tensor& target,
                        Reduction reduction = Reduction::Mean);

struct BinaryCrossEntropyOptions {
  Tensor weight = {};      // of each element; broadcasts to x
  Tensor pos_weight = {};  // of the positive targets; broadcasts to x
  Reduction reduction = Reduction::Mean;
};

// -(pos_weight y log(sigmoid(x)) + (1 - y) log(1 - sigmoid(x))) without overflow; targets y of x's
// shape in [0, 1].
WEFT_API Tensor binary_cross_entropy_with_logits(const Tensor& x, const Tensor& target,
                                                 const BinaryCrossEntropyOptions& options = {});

// i64 of x's shape and one dim of num_classes more: 1 at the index, else 0. num_classes -1 takes
// the largest index + 1.
WEFT_API Tensor one_hot(const Tensor& x, Index num_classes = -1);

}  // namespace weft
