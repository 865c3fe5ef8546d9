#include <weft/nn/norm.h>

#include <typeinfo>

#include <weft/autograd/record.h>
#include <weft/nn/attempt.h>
#include <weft/nn/init.h>
#include <weft/nn/sizes.h>
#include <weft/ops/norm.h>

namespace weft::nn {

BatchNorm::BatchNorm(const char* op, int low_rank, int high_rank, Index features,
                     const BatchNormArgs& args)
    : op_(op), low_rank_(low_rank), high_rank_(high_rank), features_(features), args_(args) {
  if (features < 0 || !(args.eps >= 0)) {
    fail<ValueError>(op, "got {} features and eps {}, expected 0 or more", features, args.eps);
  }
}

void BatchNorm::check_rank(const Shape& input) const {
  if (input.size() < low_rank_ || input.size() > high_rank_) {
    fail<ShapeError>(op_, "got an input of shape [{}], expected {} to {} dimensions",
                     fmt::join(input, ", "), low_rank_, high_rank_);
  }
}

std::vector<ParameterShape> BatchNorm::parameter_shapes(const Shape& input) const {
  if (!input.empty()) check_rank(input);
  const Index c = features_ ? features_ : input.empty() ? 0 : input[1];
  std::vector<ParameterShape> shapes;
  if (args_.affine) shapes = {{"weight", {c}}, {"bias", {c}}};
  if (args_.track_running_stats) {
    shapes.push_back({"running_mean", {c}});
    shapes.push_back({"running_var", {c}});
    shapes.push_back({"num_batches_tracked", {}, DType::I64});
  }
  return shapes;
}

void BatchNorm::reset_parameters() {
  if (args_.affine) {
    init::ones_(weight);
    init::zeros_(bias);
  }
  if (args_.track_running_stats) {
    init::zeros_(running_mean);
    init::ones_(running_var);
    init::zeros_(num_batches_tracked);
  }
}

namespace {

// If this pass fails, or one around it, the statistics are as they are now.
void remember(const Tensor& mean, const Tensor& variance, const Tensor& batches) {
  const NoGradGuard guard;
  for (const Tensor* t : {&mean, &variance, &batches})
    autograd::check_inplace("batch_norm", *t, false);
  Attempt::on_failure([=, m = mean.clone(), v = variance.clone(), n = batches.clone()]() mutable {
    const NoGradGuard no_grad;
    Tensor(mean).copy_(m);
    Tensor(variance).copy_(v);
    Tensor(batches).copy_(n);
  });
}

}  // namespace

// The momentum of this step, which is counted.
double BatchNorm::step_momentum() {
  if (!training() || !args_.track_running_stats) return args_.momentum.value_or(0);
  remember(running_mean, running_var, num_batches_tracked);
  const NoGradGuard guard;
  num_batches_tracked.add_(1);
  return args_.momentum ? *args_.momentum : 1 / num_batches_tracked.item<double>();
}

template <class Op>
Tensor BatchNorm::run(const Tensor& x, Op op) {
  check_rank(x.sizes());
  Attempt attempt;
  const double momentum = step_momentum();
  Tensor y = op(x, running_mean, running_var, weight, bias, uses_batch(), momentum, args_.eps);
  attempt.keep();
  return y;
}

Tensor BatchNorm::forward(const Tensor& x) { return run(x, batch_norm); }
Tensor BatchNorm::forward_relu(const Tensor& x) {
  if (!built()) build(x.sizes());
  return run(x, batch_norm_relu);
}

bool BatchNorm::fuses() const {
  return typeid(*this) == typeid(BatchNorm1d) || typeid(*this) == typeid(BatchNorm2d);
}

Shape BatchNorm::output_shape(const Shape& input) const {
  check_rank(input);
  const Index c = num_features();
  if (c && input[1] != c) {
    fail<ShapeError>(op_, "got an input of shape [{}], expected {} channels",
                     fmt::join(input, ", "), c);
  }
  return input;
}

std::string BatchNorm::extra_repr() const {
  const Index c = num_features();
  return fmt::format("{}, eps={}, momentum={}, affine={}, bias={}, track_running_stats={}", c,
                     args_.eps, args_.momentum ? fmt::format("{}", *args_.momentum) : "None",
                     python_bool(args_.affine), python_bool(args_.affine),
                     python_bool(args_.track_running_stats));
}

LayerNorm::LayerNorm(const Shape& normalized_shape, double eps, bool elementwise_affine, bool bias)
    : shape_(normalized_shape), eps_(eps), affine_(elementwise_affine), has_bias_(bias) {
  if (shape_.empty()) fail<ValueError>("LayerNorm", "got no sizes, expected one or more");
  build(shape_);
}
std::vector<ParameterShape> LayerNorm::parameter_shapes(const Shape&) const {
  std::vector<ParameterShape> shapes;
  if (affine_) shapes.push_back({"weight", shape_});
  if (affine_ && has_bias_) shapes.push_back({"bias", shape_});
  return shapes;
}
void LayerNorm::reset_parameters() {
  if (weight.defined()) init::ones_(weight);
  if (bias.defined()) init::zeros_(bias);
}
Tensor LayerNorm::forward(const Tensor& x) { return layer_norm(x, shape_, weight, bias, eps_); }
Shape LayerNorm::output_shape(const Shape& input) const {
  const int extra = input.size() - shape_.size();
  for (int d = 0; d < shape_.size(); ++d) {
    if (extra < 0 || input[extra + d] != shape_[d]) {
      fail<ShapeError>("LayerNorm", "got an input of shape [{}], expected [..., {}]",
                       fmt::join(input, ", "), fmt::join(shape_, ", "));
    }
  }
  return input;
}
std::string LayerNorm::extra_repr() const {
  return fmt::format("({}{}), eps={}, elementwise_affine={}, bias={}", fmt::join(shape_, ", "),
                     shape_.size() == 1 ? "," : "", eps_, python_bool(affine_),
                     python_bool(affine_ && has_bias_));
}

LocalResponseNorm::LocalResponseNorm(Index size, double alpha, double beta, double k)
    : size_(size), alpha_(alpha), beta_(beta), k_(k) {
  if (size <= 0) fail<ValueError>("LocalResponseNorm", "got size {}, expected 1 or more", size);
}
Tensor LocalResponseNorm::forward(const Tensor& x) {
  return local_response_norm(x, size_, alpha_, beta_, k_);
}
std::string LocalResponseNorm::extra_repr() const {
  return fmt::format("{}, alpha={}, beta={}, k={}", size_, alpha_, beta_, k_);
}

}  // namespace weft::nn
