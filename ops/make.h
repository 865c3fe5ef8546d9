#pragma once

#include <vector>

#include <weft/core/random.h>
#include <weft/core/tensor.h>

// Functions that make tensors. The dtype is f32 unless the options or the values say otherwise.
namespace weft {

WEFT_API Tensor empty(const Shape& sizes, const Options& options = {});  // uninitialised
WEFT_API Tensor zeros(const Shape& sizes, const Options& options = {});
WEFT_API Tensor ones(const Shape& sizes, const Options& options = {});
// Without a dtype in the options the value's: bool, i64 or f32.
WEFT_API Tensor full(const Shape& sizes, const Scalar& value, const Options& options = {});
// Sizes, memory order, dtype and device of x, unless the options name a dtype.
WEFT_API Tensor empty_like(const Tensor& x, const Options& options = {});
WEFT_API Tensor zeros_like(const Tensor& x, const Options& options = {});
WEFT_API Tensor ones_like(const Tensor& x, const Options& options = {});
WEFT_API Tensor full_like(const Tensor& x, const Scalar& value, const Options& options = {});

// Values in braces, nested as the dimensions are: tensor({{1, 2}, {3, 4}}). The dtype is bool, i64
// or f32 after the values, unless the options name one. Rows of unequal length throw ShapeError.
struct NestedValues {
  NestedValues(Scalar value) : value(value) {}  // NOLINT
  template <class T>
  requires std::is_arithmetic_v<T> NestedValues(T value) : value(value) {}  // NOLINT
  NestedValues(std::initializer_list<NestedValues> list) : list(list), is_list(true) {}
  Scalar value = 0;
  std::vector<NestedValues> list;
  bool is_list = false;
};
WEFT_API Tensor tensor(const NestedValues& values, const Options& options = {});
// A 1-d copy of the values, of T's dtype unless the options name another.
template <class T>
Tensor tensor(const std::vector<T>& values, const Options& options = {});
// The caller's memory, which must outlive the tensor or be let go by release(context).
WEFT_API Tensor from_blob(void* data, const Shape& sizes, const Options& options = {},
                          const std::optional<Shape>& strides = {},
                          Storage::Release release = nullptr, void* context = nullptr);

// start, start + step, ... below end (above it for a negative step): ceil((end - start) / step)
// numbers. All integers give i64.
WEFT_API Tensor arange(const Scalar& end, const Options& options = {});
WEFT_API Tensor arange(const Scalar& start, const Scalar& end, const Scalar& step = 1,
                       const Options& options = {});
WEFT_API Tensor linspace(const Scalar& start, const Scalar& end, Index steps,
                         const Options& options = {});
WEFT_API Tensor eye(Index rows, std::optional<Index> columns = {}, const Options& options = {});

// Random numbers take from the default generator unless one is given.
WEFT_API Tensor rand(const Shape& sizes, const Options& options = {},
                     Generator* generator = nullptr);  // [0, 1)
WEFT_API Tensor randn(const Shape& sizes, const Options& options = {},
                      Generator* generator = nullptr);  // N(0, 1)
WEFT_API Tensor randint(Index low, Index high, const Shape& sizes, const Options& options = {},
                        Generator* generator = nullptr);  // [low, high), i64
WEFT_API Tensor randperm(Index n, const Options& options = {},
                         Generator* generator = nullptr);  // i64
WEFT_API Tensor rand_like(const Tensor& x, Generator* generator = nullptr);
WEFT_API Tensor randn_like(const Tensor& x, Generator* generator = nullptr);
// 1 with probability p (a tensor in [0, 1]), else 0; of p's sizes and dtype.
WEFT_API Tensor bernoulli(const Tensor& p, Generator* generator = nullptr);
// The same of x's sizes and dtype, whatever x holds.
WEFT_API Tensor bernoulli(const Tensor& x, double p, Generator* generator = nullptr);
// In place, and on the tape as a constant.
WEFT_API Tensor& uniform_(Tensor& x, double low = 0, double high = 1,
                          Generator* generator = nullptr);
WEFT_API Tensor& normal_(Tensor& x, double mean = 0, double std = 1,
                         Generator* generator = nullptr);
WEFT_API Tensor& bernoulli_(Tensor& x, double p = 0.5, Generator* generator = nullptr);
// Probabilities that broadcast to x.
WEFT_API Tensor& bernoulli_(Tensor& x, const Tensor& p, Generator* generator = nullptr);

}  // namespace weft
