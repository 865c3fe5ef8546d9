#include <weft/autograd/gradcheck.h>

#include <cmath>

#include <weft/autograd/engine.h>
#include <weft/autograd/record.h>
#include <weft/core/check.h>
#include <weft/core/philox.h>

namespace weft::autograd {
namespace {

void check_inputs(const std::vector<Tensor>& inputs) {
  bool any = false;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const TensorImpl& t = inputs[i].get("gradcheck");
    if (!inputs[i].requires_grad()) continue;
    any = true;
    if (t.dtype != DType::F64) {
      fail<ValueError>("gradcheck",
                       "got input {} of {}, expected float64: differences need its digits", i,
                       t.dtype);
    }
    if (inputs[i].device() != kCPU) {
      fail<DeviceError>("gradcheck", "got input {} on {}, expected cpu", i, inputs[i].device());
    }
    if (may_overlap(t.sizes, t.strides)) {
      fail<ValueError>("gradcheck",
                       "got input {} some of whose elements share memory, expected none", i);
    }
  }
  if (!any) fail<ValueError>("gradcheck", "got no input that requires grad, expected at least one");
}

std::vector<Tensor> differentiable(std::vector<Tensor> outputs) {
  std::erase_if(outputs, [](const Tensor& t) {
    return !t.defined() || !is_floating(t.dtype()) || !t.requires_grad();
  });
  return outputs;
}

// The element of t at row-major position i.
double& element(const Tensor& t, Index i) {
  Index offset = 0;
  for (int d = t.dim() - 1; d >= 0; --d) {
    offset += i % t.sizes()[d] * t.strides()[d];
    i /= t.sizes()[d];
  }
  return static_cast<double*>(t.data())[offset];
}

std::vector<std::vector<double>> values_of(const TensorFunction& f,
                                           const std::vector<Tensor>& inputs) {
  std::vector<std::vector<double>> values;
  for (const Tensor& t : differentiable(f(inputs))) values.push_back(t.to_vector<double>());
  return values;
}

// d outputs / d inputs[at] by central differences: [output][element of input][element of output].
std::vector<std::vector<std::vector<double>>> numeric(const TensorFunction& f,
                                                      const std::vector<Tensor>& inputs,
                                                      std::size_t at, double eps) {
  std::vector<std::vector<std::vector<double>>> result;
  const Index n = inputs[at].numel();
  for (Index i = 0; i < n; ++i) {
    double& x = element(inputs[at], i);
    const double before = x;
    x = before + eps;
    const auto above = values_of(f, inputs);
    x = before - eps;
    const auto below = values_of(f, inputs);
    x = before;
    result.resize(above.size());
    for (std::size_t o = 0; o < above.size(); ++o) {
      auto& row = result[o].emplace_back(above[o].size());
      for (std::size_t k = 0; k < row.size(); ++k) row[k] = (above[o][k] - below[o][k]) / (2 * eps);
    }
  }
  return result;
}

void compare(const TensorFunction& f, const std::vector<Tensor>& inputs, std::size_t at,
             const GradcheckOptions& options) {
  const auto expected = numeric(f, inputs, at, options.eps);
  const auto outputs = differentiable(f(inputs));
  for (std::size_t o = 0; o < expected.size(); ++o) {
    for (Index k = 0; k < outputs[o].numel(); ++k) {
      Tensor one = make_tensor(outputs[o].sizes(), contiguous_strides(outputs[o].sizes()),
                               outputs[o].dtype(), kCPU);
      one.zero_();
      if (one.dtype() == DType::F64)
        element(one, k) = 1;
      else
        one.as_strided({}, {}, k).fill_(1);
      const auto got = grad(std::span(&outputs[o], 1), std::span(&inputs[at], 1),
                            std::span(&one, 1), true, false, true);
      const auto analytic = got[0].defined()
                                ? got[0].to_vector<double>()
                                : std::vector<double>(static_cast<std::size_t>(inputs[at].numel()));
      for (std::size_t i = 0; i < analytic.size(); ++i) {
        const double a = analytic[i], n = expected[o][i][static_cast<std::size_t>(k)];
        if (std::abs(a - n) <= options.atol + options.rtol * std::abs(n)) continue;
        fail<AutogradError>(
            "gradcheck",
            "got {} for the derivative of output {} element {} by input {} element {}, expected {} "
            "from central differences",
            a, o, k, at, i, n);
      }
    }
  }
}

// Numbers in (-1, 1) that need no generator, so that a check disturbs nobody's random numbers.
Tensor some_values(const Tensor& like, std::uint64_t seed) {
  Tensor t = make_tensor(like.sizes(), contiguous_strides(like.sizes()), DType::F64, kCPU);
  for (Index i = 0; i < t.numel(); ++i) {
    const double x =
        std::sin(static_cast<double>(i + 1) * 12.9898 + static_cast<double>(seed) * 78.233) *
        43758.5453;
    static_cast<double*>(t.data())[i] = 2 * (x - std::floor(x)) - 1;
  }
  return t;
}

}  // namespace

bool gradcheck(const TensorFunction& f, const std::vector<Tensor>& inputs,
               const GradcheckOptions& options) {
  check_inputs(inputs);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].requires_grad()) compare(f, inputs, i, options);
  }
  return true;
}

bool gradgradcheck(const TensorFunction& f, const std::vector<Tensor>& inputs,
                   const GradcheckOptions& options) {
  check_inputs(inputs);
  const std::size_t given = inputs.size();
  std::vector<Tensor> all = inputs;
  const auto outputs = differentiable(f(inputs));
  for (std::size_t o = 0; o < outputs.size(); ++o)
    all.push_back(some_values(outputs[o], o).requires_grad_());
  // The function whose gradient is checked: the inputs' gradients, of inputs and grad_outputs.
  const TensorFunction gradients = [&](const std::vector<Tensor>& at) {
    const std::vector<Tensor> x(at.begin(), at.begin() + static_cast<std::ptrdiff_t>(given));
    const std::vector<Tensor> g(at.begin() + static_cast<std::ptrdiff_t>(given), at.end());
    std::vector<Tensor> wanted;
    for (const Tensor& t : x) {
      if (t.requires_grad()) wanted.push_back(t);
    }
    return grad(differentiable(f(x)), wanted, g, true, true, true);
  };
  return gradcheck(gradients, all, options);
}

}  // namespace weft::autograd
