#include <weft/tests/op_table/row.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <random>
#include <sstream>

namespace weft::op_table {

namespace {

// What the dtype makes of a number; integers wrap.
double held(double v, DType dtype) {
  return dispatch(dtype, [&](auto tag) -> double {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_same_v<T, bool>) {
      return v != 0;
    } else if constexpr (std::is_integral_v<T>) {
      return static_cast<double>(static_cast<T>(static_cast<std::int64_t>(v)));
    } else if constexpr (sizeof(T) == 2) {
      return static_cast<float>(T(static_cast<float>(v)));
    } else {
      return static_cast<T>(v);
    }
  });
}

// All different and on no round number, in an order of the seed's.
std::vector<double> spread(std::size_t n, double low, double high, unsigned seed) {
  std::vector<double> v(n);
  const double shift = 0.2719 + 0.05 * (seed / 17 % 10);  // no ties between arguments
  for (std::size_t i = 0; i < n; ++i)
    v[i] = low + (high - low) * (static_cast<double>(i) + shift) / static_cast<double>(n);
  std::mt19937 bits(seed);
  for (std::size_t i = n; i > 1; --i) std::swap(v[i - 1], v[bits() % i]);
  return v;
}

std::vector<double> whole(std::size_t n, double low, double high, DType dtype, unsigned seed) {
  const double first = std::ceil(dtype == u8 || dtype == boolean ? std::max(low, 0.0) : low);
  const double last = std::max(first, std::floor(high));
  std::mt19937 bits(seed);
  std::vector<double> v(n);
  for (double& e : v) e = first + bits() % static_cast<unsigned>(last - first + 1);
  if (dtype == boolean)
    for (double& e : v) e = low > 0 || bits() % 2;
  return v;
}

}  // namespace

DType dtype_of(const Input& input, DType dtype) { return input.dtype.value_or(dtype); }

Array array_of(const Input& input, DType dtype, int position) {
  const DType t = dtype_of(input, dtype);
  const auto n = static_cast<std::size_t>(count(input.sizes));
  const auto seed = static_cast<unsigned>(17 * position + 1);
  Array x{input.sizes, input.given};
  if (input.given.empty()) {
    x.values = is_floating(t) ? spread(n, input.low, input.high, seed)
                              : whole(n, input.low, input.high, t, seed);
  }
  for (double& v : x.values) v = held(v, t);
  return x;
}

Tensor tensor_of(const Array& x, DType dtype) {
  Tensor t = empty(x.sizes, dtype);
  dispatch(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (std::size_t i = 0; i < x.values.size(); ++i) {
      if constexpr (sizeof(T) == 2 && !std::is_integral_v<T>) {
        static_cast<T*>(t.data())[i] = T(static_cast<float>(x.values[i]));
      } else {
        static_cast<T*>(t.data())[i] = static_cast<T>(x.values[i]);
      }
    }
  });
  return t;
}

Tensors tensors_of(const std::vector<Input>& inputs, DType dtype, bool requires_grad) {
  Tensors x;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const DType t = dtype_of(inputs[i], dtype);
    x.push_back(tensor_of(array_of(inputs[i], dtype, static_cast<int>(i)), t));
    if (requires_grad && inputs[i].differentiable && is_floating(t)) x.back().requires_grad_();
  }
  return x;
}

std::vector<DType> dtypes_of(const Row& row, const Case& c) {
  bool varies = false;
  for (const Input& i : c.inputs) varies |= !i.dtype;
  if (!varies) return {f32};
  std::vector<DType> list;
  for (int t = 0; t < kDTypeCount; ++t)
    if (holds(row.dtypes & c.dtypes, DType(t))) list.push_back(DType(t));
  return list;
}

Tensor arranged(const Tensor& x, Arrangement how, bool requires_grad) {
  Tensor y;
  NoGradGuard no_grad;
  const int rank = x.dim();
  Layout layout{x.sizes(), contiguous_strides(x.sizes()), 0};
  switch (how) {
    case Arrangement::Contiguous: break;
    case Arrangement::Expanded:
      if (rank > 0 && x.sizes()[0] > 0)
        return x.detach().narrow(0, 0, 1).clone().expand(x.sizes()).requires_grad_(requires_grad);
      break;
    case Arrangement::Transposed:
      if (rank >= 2) {
        std::swap(layout.sizes[0], layout.sizes[rank - 1]);
        layout.strides = contiguous_strides(layout.sizes);
        std::swap(layout.sizes[0], layout.sizes[rank - 1]);
        std::swap(layout.strides[0], layout.strides[rank - 1]);
      }
      break;
    case Arrangement::ChannelsLast:
      if (rank == 4) layout.strides = channels_last_strides(x.sizes());
      break;
    case Arrangement::Strided:
      for (int d = 0; d < rank; ++d) layout.strides[d] *= 2;
      layout.offset = 3;
      break;
    case Arrangement::Reversed:
      for (int d = 0; d < rank; ++d) {
        layout.offset += std::max<Index>(x.sizes()[d] - 1, 0) * layout.strides[d];
        layout.strides[d] = -layout.strides[d];
      }
      break;
  }
  const Index room = std::max<Index>(2 * x.numel() + 4, 1);
  Tensor memory = zeros(room, x.dtype());
  y = make_alias(memory, layout);
  y.copy_(x.detach());
  return y.requires_grad_(requires_grad);
}

Tensors grad_outputs_of(const Tensors& outputs) {
  Tensors g;
  int position = 100;
  for (const Tensor& y : outputs) {
    const Array values = array_of(real(y.sizes(), -1, 1), y.dtype(), position++);
    g.push_back(tensor_of(values, y.dtype()).to(y.device()));
  }
  return g;
}

Results run(const Case& c, const Tensors& inputs, bool backward) {
  Results r;
  r.outputs = c.call(inputs);
  if (!backward) return r;
  Tensors outputs, wanted;
  for (const Tensor& y : r.outputs)
    if (y.requires_grad()) outputs.push_back(y);
  for (const Tensor& x : inputs)
    if (x.defined() && x.requires_grad()) wanted.push_back(x);
  if (outputs.empty() || wanted.empty()) return r;
  r.grads = autograd::grad(outputs, wanted, grad_outputs_of(outputs), false, false, true);
  return r;
}

double tolerance(DType dtype) {
  switch (dtype) {
    case DType::F64: return 2e-14;
    case DType::F32: return 1.5e-6;
    case DType::F16: return 6e-4;
    case DType::BF16: return 4.5e-3;
    default: return 0;
  }
}

Array array_of(const Tensor& t) {
  NoGradGuard no_grad;
  return {t.sizes(), t.detach().to(f64).to_vector<double>()};
}

namespace {
std::string text(const Shape& sizes) {
  std::ostringstream s;
  s << "[";
  for (int d = 0; d < sizes.size(); ++d) s << (d ? ", " : "") << sizes[d];
  s << "]";
  return s.str();
}

// expected: as it is, not rounded to the dtype, but for numbers beyond its range.
bool close(double got, double expected, DType dtype, double tolerance, double scale) {
  const double rounded = held(expected, dtype);
  if (!is_floating(dtype) || std::isinf(rounded)) expected = rounded;
  if (std::isnan(expected) || std::isnan(got)) return std::isnan(expected) && std::isnan(got);
  if (got == expected) return true;
  if (std::isinf(expected) || std::isinf(got)) return false;
  return std::abs(got - expected) <= tolerance * (std::abs(expected) + scale);
}
}  // namespace

std::string difference(const Tensor& got, const Array& expected, double tolerance, double scale) {
  std::ostringstream s;
  s.precision(17);
  if (!(got.sizes() == expected.sizes)) {
    s << "got sizes " << text(got.sizes()) << ", expected " << text(expected.sizes);
    return s.str();
  }
  const Array values = array_of(got);
  for (std::size_t i = 0; i < values.values.size(); ++i) {
    const double e = expected.values[i];
    if (close(values.values[i], e, got.dtype(), tolerance, scale)) continue;
    s << "element " << text(index_of(expected.sizes, static_cast<Index>(i))) << " of "
      << text(expected.sizes) << ": got " << values.values[i] << ", expected " << e;
    return s.str();
  }
  return {};
}

std::string difference(const Tensors& got, const Tensors& expected, double tolerance,
                       double scale) {
  if (got.size() != expected.size()) return "another number of tensors";
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (got[i].defined() != expected[i].defined()) return "defined in one, undefined in the other";
    if (!got[i].defined()) continue;
    const std::string d = difference(got[i], array_of(expected[i]), tolerance, scale);
    if (!d.empty()) return "tensor " + std::to_string(i) + ", " + d;
  }
  return {};
}

std::string bits_difference(const Tensors& got, const Tensors& expected) {
  if (got.size() != expected.size()) return "another number of tensors";
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (got[i].defined() != expected[i].defined()) return "defined in one, undefined in the other";
    if (!got[i].defined()) continue;
    if (got[i].dtype() != expected[i].dtype()) return "another dtype";
    if (!(got[i].sizes() == expected[i].sizes())) return "other sizes";
    const Tensor a = got[i].detach().contiguous(), b = expected[i].detach().contiguous();
    const auto bytes = static_cast<std::size_t>(a.numel()) * size_of(a.dtype());
    if (bytes == 0 || std::memcmp(a.data(), b.data(), bytes) == 0) continue;
    const std::string d = difference(a, array_of(b), 0, 0);
    return "tensor " + std::to_string(i) + ", " + (d.empty() ? "other bits" : d);
  }
  return {};
}

std::string describe(const Row& row, const Case& c, DType dtype) {
  std::string s = row.name + " as in " + c.torch + " of " + std::string(name(dtype));
  for (const Input& i : c.inputs) s += " " + text(i.sizes);
  return s;
}

namespace {

void append(std::vector<Row>& rows, std::vector<Row> more) {
  for (Row& r : more) rows.push_back(std::move(r));
}

bool chosen(const std::string& name) {
  const char* list = std::getenv("WEFT_OPS");
  return !list || ("," + std::string(list) + ",").find("," + name + ",") != std::string::npos;
}

std::vector<Row> gathered() {
  std::vector<Row> rows;
  append(rows, unary_rows());
  append(rows, binary_rows());
  append(rows, matrix_rows());
  append(rows, shape_rows());
  append(rows, make_rows());
  append(rows, network_rows());
  append(rows, norm_rows());
  append(rows, reduce_rows());
  append(rows, index_rows());
  append(rows, order_rows());
  append(rows, sets_rows());
  append(rows, pad_rows());
  append(rows, loss_rows());
  std::erase_if(rows, [](const Row& r) { return !chosen(r.name); });
  return rows;
}

}  // namespace

const std::vector<Row>& all_rows() {
  static const std::vector<Row> rows = gathered();
  return rows;
}

}  // namespace weft::op_table
