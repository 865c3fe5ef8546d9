#include <weft/ops/make.h>

#include <algorithm>
#include <cmath>

#include <weft/autograd/record.h>
#include <weft/core/check.h>
#include <weft/core/interrupt.h>
#include <weft/ops/kernels.h>

namespace weft {
namespace {

Tensor make(const Shape& sizes, const Options& options, DType dtype) {
  checked_numel("empty", sizes);
  const bool last = options.memory_format() == MemoryFormat::ChannelsLast;
  if (last && sizes.size() != 4) {
    fail<ShapeError>("empty", "got {} dimensions in channels-last format, expected 4",
                     sizes.size());
  }
  Tensor t = make_tensor(sizes, last ? channels_last_strides(sizes) : contiguous_strides(sizes),
                         dtype, options.device());
  if (options.requires_grad()) t.requires_grad_();
  return t;
}

Tensor make_like(const Tensor& x, const Options& options) {
  const TensorImpl& t = x.get("empty_like");
  Tensor y = make_tensor(t.sizes, dense_strides(t.sizes, t.strides),
                         options.has_dtype() ? options.dtype() : t.dtype, x.device());
  if (options.requires_grad()) y.requires_grad_();
  return y;
}

// Fills a tensor nobody else has seen.
Tensor& fill_new(Tensor& t, const Scalar& value) {
  dispatch(t.dtype(), [&](auto tag) {
    const auto v = value.to<typename decltype(tag)::type>();
    kernels(t.device()).fill(make_loop(t.sizes(), {t.view()}), &v);
  });
  return t;
}

DType default_dtype(const Scalar& value) {
  return value.is_floating() ? DType::F32 : value.dtype();
}

// A tensor whose elements the host writes, in row-major order: write(T* first) with its type.
template <class W>
Tensor written(const Shape& sizes, const Options& options, DType dtype, W&& write) {
  checked_numel("tensor", sizes);
  Tensor t = make_tensor(sizes, contiguous_strides(sizes), dtype, kCPU);
  dispatch(dtype, [&](auto tag) { write(static_cast<typename decltype(tag)::type*>(t.data())); });
  t = t.to(options.device());
  if (options.requires_grad()) t.requires_grad_();
  return t;
}

}  // namespace

Tensor empty(const Shape& sizes, const Options& options) {
  return make(sizes, options, options.dtype());
}
Tensor zeros(const Shape& sizes, const Options& options) {
  Tensor t = empty(sizes, options);
  return fill_new(t, 0);
}
Tensor ones(const Shape& sizes, const Options& options) {
  Tensor t = empty(sizes, options);
  return fill_new(t, 1);
}
Tensor full(const Shape& sizes, const Scalar& value, const Options& options) {
  Tensor t = make(sizes, options, options.has_dtype() ? options.dtype() : default_dtype(value));
  return fill_new(t, value);
}
Tensor empty_like(const Tensor& x, const Options& options) { return make_like(x, options); }
Tensor zeros_like(const Tensor& x, const Options& options) { return full_like(x, 0, options); }
Tensor ones_like(const Tensor& x, const Options& options) { return full_like(x, 1, options); }
Tensor full_like(const Tensor& x, const Scalar& value, const Options& options) {
  Tensor t = make_like(x, options);
  return fill_new(t, value);
}

namespace {

Shape shape_of(const NestedValues& v) {
  Shape sizes;
  for (const NestedValues* at = &v; at->is_list; at = &at->list.front()) {
    sizes.push_back(static_cast<Index>(at->list.size()));
    if (at->list.empty()) break;
  }
  return sizes;
}

void flatten(const NestedValues& v, const Shape& sizes, int depth, std::vector<Scalar>& out) {
  const bool fits = v.is_list
                        ? depth < sizes.size() && static_cast<Index>(v.list.size()) == sizes[depth]
                        : depth == sizes.size();
  if (!fits)
    fail<ShapeError>("tensor", "got rows of unequal length at depth {}, expected [{}]", depth,
                     fmt::join(sizes, ", "));
  if (!v.is_list) out.push_back(v.value);
  for (const NestedValues& inner : v.list) flatten(inner, sizes, depth + 1, out);
}

}  // namespace

Tensor tensor(const NestedValues& values, const Options& options) {
  const Shape sizes = shape_of(values);
  std::vector<Scalar> flat;
  flatten(values, sizes, 0, flat);
  DType dtype = flat.empty() ? DType::F32 : DType::Bool;
  for (const Scalar& s : flat) dtype = std::max(dtype, default_dtype(s));
  return written(sizes, options, options.has_dtype() ? options.dtype() : dtype,
                 [&]<class T>(T* to) {
                   for (const Scalar& s : flat) *to++ = s.to<T>();
                 });
}

template <class T>
Tensor tensor(const std::vector<T>& values, const Options& options) {
  const Shape sizes(static_cast<Index>(values.size()));
  Tensor t = make_tensor(sizes, contiguous_strides(sizes), dtype_of<T>, kCPU);
  std::copy(values.begin(), values.end(), static_cast<T*>(t.data()));
  t = t.to(options);
  if (options.requires_grad()) t.requires_grad_();
  return t;
}
template WEFT_API Tensor tensor(const std::vector<bool>&, const Options&);
template WEFT_API Tensor tensor(const std::vector<std::uint8_t>&, const Options&);
template WEFT_API Tensor tensor(const std::vector<std::int8_t>&, const Options&);
template WEFT_API Tensor tensor(const std::vector<std::int16_t>&, const Options&);
template WEFT_API Tensor tensor(const std::vector<std::int32_t>&, const Options&);
template WEFT_API Tensor tensor(const std::vector<std::int64_t>&, const Options&);
template WEFT_API Tensor tensor(const std::vector<float>&, const Options&);
template WEFT_API Tensor tensor(const std::vector<double>&, const Options&);

Tensor from_blob(void* data, const Shape& sizes, const Options& options,
                 const std::optional<Shape>& strides, Storage::Release release, void* context) {
  const Index n = checked_numel("from_blob", sizes);
  if (!data && n != 0)
    fail<ValueError>("from_blob", "got a null pointer for {} elements, expected their address", n);
  if (strides && strides->size() != sizes.size()) {
    fail<ShapeError>("from_blob", "got {} strides for {} sizes, expected one for each",
                     strides->size(), sizes.size());
  }
  const Layout layout{sizes, strides ? *strides : contiguous_strides(sizes), 0};
  const Extent reach = extent(layout);
  if (reach.low < 0)
    fail<ShapeError>("from_blob", "got negative strides, expected data to be the lowest address");
  auto storage = Storage::borrow(
      options.device(), data, static_cast<std::size_t>(reach.high + 1) * size_of(options.dtype()),
      release, context);
  Tensor t(IntrusivePtr<TensorImpl>(
      new TensorImpl(std::move(storage), data, options.dtype(), sizes, layout.strides)));
  if (options.requires_grad()) t.requires_grad_();
  return t;
}

namespace {

Index arange_count(const Scalar& start, const Scalar& end, const Scalar& step, bool integers) {
  if (step.to_double() == 0 || std::isnan(step.to_double())) {
    fail<ValueError>("arange", "got step {}, expected another", step.to_double());
  }
  if (step.to_double() > 0 ? start.to_double() > end.to_double()
                           : start.to_double() < end.to_double()) {
    fail<ValueError>("arange", "got step {} from {} to {}, expected it to lead there",
                     step.to_double(), start.to_double(), end.to_double());
  }
  if (integers) {
    const Index first = start.to_int(), last = end.to_int(), by = step.to_int();
    if (by > 0 ? first >= last : first <= last) return 0;
    return (last - first + by - (by > 0 ? 1 : -1)) / by;
  }
  const double n = std::ceil((end.to_double() - start.to_double()) / step.to_double());
  if (!(n < 0x1p62)) fail<ValueError>("arange", "got {} numbers, expected a finite range", n);
  return n > 0 ? static_cast<Index>(n) : 0;
}

}  // namespace

Tensor arange(const Scalar& end, const Options& options) { return arange(0, end, 1, options); }

Tensor arange(const Scalar& start, const Scalar& end, const Scalar& step, const Options& options) {
  const bool integers = !start.is_floating() && !end.is_floating() && !step.is_floating();
  const Index n = arange_count(start, end, step, integers);
  const DType dtype = options.has_dtype() ? options.dtype() : integers ? DType::I64 : DType::F32;
  return written(n, options, dtype, [&]<class T>(T* to) {
    for (Index i = 0; i < n; ++i) {
      to[i] = integers
                  ? Scalar(start.to_int() + i * step.to_int()).to<T>()
                  : Scalar(start.to_double() + static_cast<double>(i) * step.to_double()).to<T>();
    }
  });
}

Tensor linspace(const Scalar& start, const Scalar& end, Index steps, const Options& options) {
  if (steps < 0) fail<ValueError>("linspace", "got {} steps, expected 0 or more", steps);
  const double first = start.to_double(), last = end.to_double(),
               by = steps > 1 ? (last - first) / static_cast<double>(steps - 1) : 0;
  return written(steps, options, options.dtype(), [&]<class T>(T* to) {
    // From both ends, so that the last is exact too.
    for (Index i = 0; i < steps; ++i) {
      const double v = i < steps / 2 ? first + by * static_cast<double>(i)
                                     : last - by * static_cast<double>(steps - 1 - i);
      to[i] = Scalar(steps == 1 ? first : v).to<T>();
    }
  });
}

Tensor eye(Index rows, std::optional<Index> columns, const Options& options) {
  const Index width = columns.value_or(rows);
  Tensor t = zeros({rows, width}, Options(options).requires_grad(false));
  const Index n = std::min(rows, width);
  if (n > 0) {
    Tensor diagonal = make_alias(t, {n, width + 1, 0});
    fill_new(diagonal, 1);
  }
  if (options.requires_grad()) t.requires_grad_();
  return t;
}

namespace {
Generator& generator_or_default(Generator* g) { return g ? *g : default_generator(); }

void check_random(const char* op, const Tensor& t) {
  if (!is_floating(t.get(op).dtype))
    fail<DTypeError>(op, "got {}, expected a floating dtype", t.dtype());
}

// Fresh: nobody knows x yet.
Tensor& random_fill(const char* op, Tensor& x, Generator* generator, bool fresh, auto&& fill) {
  autograd::check_inplace(op, x, false);
  const Whole whole(fresh ? 0 : x.numel());
  fill(kernels(x.device()).random, generator_or_default(generator).next(x.numel()));
  autograd::bump_version(op, x);
  if (autograd::recording(x))
    autograd::record_inplace(op, x, {x}, [](Tensor&, autograd::Gradients&) {});
  return x;
}

Tensor& uniform_fill(Tensor& x, double low, double high, Generator* generator, bool fresh) {
  check_random("uniform_", x);
  return random_fill("uniform_", x, generator, fresh,
                     [&](const auto& k, RandomKey key) { k.uniform(x.view(), low, high, key); });
}
Tensor& normal_fill(Tensor& x, double mean, double std, Generator* generator, bool fresh) {
  check_random("normal_", x);
  return random_fill("normal_", x, generator, fresh,
                     [&](const auto& k, RandomKey key) { k.normal(x.view(), mean, std, key); });
}
}  // namespace

Tensor& uniform_(Tensor& x, double low, double high, Generator* generator) {
  if (!(low <= high)) fail<ValueError>("uniform_", "got [{}, {}), expected low <= high", low, high);
  return uniform_fill(x, low, high, generator, false);
}
Tensor& normal_(Tensor& x, double mean, double std, Generator* generator) {
  if (!(std >= 0))
    fail<ValueError>("normal_", "got a standard deviation of {}, expected 0 or more", std);
  return normal_fill(x, mean, std, generator, false);
}
Tensor rand(const Shape& sizes, const Options& options, Generator* generator) {
  Tensor t = empty(sizes, Options(options).requires_grad(false));
  uniform_fill(t, 0, 1, generator, true);
  return options.requires_grad() ? t.requires_grad_() : t;
}
Tensor randn(const Shape& sizes, const Options& options, Generator* generator) {
  Tensor t = empty(sizes, Options(options).requires_grad(false));
  normal_fill(t, 0, 1, generator, true);
  return options.requires_grad() ? t.requires_grad_() : t;
}
Tensor rand_like(const Tensor& x, Generator* generator) {
  Tensor t = empty_like(x);
  return uniform_fill(t, 0, 1, generator, true);
}
Tensor randn_like(const Tensor& x, Generator* generator) {
  Tensor t = empty_like(x);
  return normal_fill(t, 0, 1, generator, true);
}

Tensor randint(Index low, Index high, const Shape& sizes, const Options& options,
               Generator* generator) {
  if (low >= high) fail<ValueError>("randint", "got [{}, {}), expected low < high", low, high);
  Tensor t = make(sizes, options, options.has_dtype() ? options.dtype() : DType::I64);
  kernels(t.device())
      .random.integer(t.view(), low, high, generator_or_default(generator).next(t.numel()));
  return t;
}

Tensor randperm(Index n, const Options& options, Generator* generator) {
  if (n < 0) fail<ValueError>("randperm", "got n = {}, expected 0 or more", n);
  Tensor t = make(n, options, DType::I64);
  kernels(t.device()).random.permutation(t.view(), generator_or_default(generator).next(n));
  return options.has_dtype() ? t.to(options.dtype()) : t;
}

Tensor& Tensor::fill_(const Scalar& value) {
  autograd::check_inplace("fill_", *this, false);
  const Whole whole(numel());
  fill_new(*this, value);
  autograd::bump_version("fill_", *this);
  if (autograd::recording(*this))
    autograd::record_inplace("fill_", *this, {*this}, [](Tensor&, autograd::Gradients&) {});
  return *this;
}
Tensor& Tensor::zero_() { return fill_(0); }

}  // namespace weft
