#include <weft/ops/choice.h>

#include <weft/autograd/record.h>
#include <weft/core/check.h>
#include <weft/core/interrupt.h>
#include <weft/ops/kernels.h>
#include <weft/ops/make.h>
#include <weft/ops/one_device.h>

namespace weft::detail {

using namespace autograd;

namespace {

struct SavedChoice {
  explicit SavedChoice(const Choice& c) : choice(c) {
    for (int k = 0; k < c.count; ++k) index[k] = saved(std::exchange(choice.index[k], {}));
  }
  Choice get() const {
    Choice c = choice;
    for (int k = 0; k < c.count; ++k) c.index[k] = index[k].get();
    return c;
  }
  Choice choice;
  SavedTensor index[kMaxRank];
};

// A tensor of chosen_sizes with the chosen dimensions in front, and x without them.
struct Sides {
  Shape dense_sizes, dense_strides, rest_sizes, rest_strides;
  Chosen chosen;

  Sides(const Tensor& dense, const Tensor& x, const Choice& c) {
    const TensorImpl &d = *dense.impl(), &t = *x.impl();
    const int first = c.front ? 0 : c.dim[0], wide = c.sizes.size();
    const auto add = [&](int at) {
      dense_sizes.push_back(d.sizes[at]);
      dense_strides.push_back(d.strides[at]);
    };
    for (int i = first; i < first + wide; ++i) add(i);
    for (int i = 0; i < d.sizes.size(); ++i) {
      if (i < first || i >= first + wide) add(i);
    }
    for (int i = 0, k = 0; i < t.sizes.size(); ++i) {
      if (k < c.count && c.dim[k] == i) {
        chosen.index[k] = c.index[k].view();
        chosen.size[k] = t.sizes[i];
        chosen.stride[k++] = t.strides[i];
      } else {
        rest_sizes.push_back(t.sizes[i]);
        rest_strides.push_back(t.strides[i]);
      }
    }
    chosen.count = c.count;
  }
  View dense(const Tensor& t) const { return part(t, dense_sizes, dense_strides); }
  View rest(const Tensor& t) const { return part(t, rest_sizes, rest_strides); }

 private:
  static View part(const Tensor& t, const Shape& sizes, const Shape& strides) {
    return {t.data(), sizes.data(), strides.data(), static_cast<std::int16_t>(sizes.size()),
            t.dtype()};
  }
};

}  // namespace

Tensor integer_index(const char* op, const Tensor& index) {
  const DType t = index.get(op).dtype;
  if (t != DType::I64 && t != DType::I32)
    fail<DTypeError>(op, "got an index of {}, expected int64 or int32", t);
  return index.to(DType::I64);
}

void check_range(const char* op, const Tensor& index, int dim, Index size, bool wraps) {
  const Index low = wraps ? -size : 0;
  if (kernels(index.device()).indexing.within(op, index.view(), low, size, nullptr)) return;
  for (const Index i : index.to_vector<Index>()) {
    if (i >= low && i < size) continue;
    if (size == 0) fail<IndexError>(op, "got index {} in dim {} of size 0, expected none", i, dim);
    fail<IndexError>(op, "got index {} in dim {} of size {}, expected {} to {}", i, dim, size, low,
                     size - 1);
  }
}

Choice choose(const char* op, const Tensor& x, int dim, const Tensor& index, bool wraps) {
  check_one_device(op, x, index);
  Choice c;
  c.count = 1;
  c.dim[0] = dim;
  c.index[0] = integer_index(op, index);
  c.sizes = index.sizes();
  check_range(op, c.index[0], dim, x.sizes()[dim], wraps);
  return c;
}

Shape chosen_sizes(const Tensor& x, const Choice& c) {
  Shape sizes;
  const auto add_chosen = [&] {
    for (Index s : c.sizes) sizes.push_back(s);
  };
  if (c.front) add_chosen();
  for (int i = 0, k = 0; i < x.dim(); ++i) {
    if (k == c.count || c.dim[k] != i) {
      sizes.push_back(x.sizes()[i]);
    } else if (k++ == 0 && !c.front) {
      add_chosen();
    }
  }
  return sizes;
}

Tensor take(const char* op, const Tensor& x, const Choice& c) {
  const Shape sizes = chosen_sizes(x, c);
  Tensor y = make_tensor(sizes, contiguous_strides(sizes), x.dtype(), x.device());
  const Sides sides(y, x, c);
  kernels(x.device()).indexing.take(sides.dense(y), sides.rest(x), sides.chosen);
  if (recording(x)) {
    record(op, y, {x}, [op, sizes = x.sizes(), c = SavedChoice(c)](Tensor& g, Gradients& in) {
      in.set(0, [&] {
        Tensor gx = zeros(sizes, g.options());
        put_(op, gx, c.get(), g, true);
        return gx;
      });
    });
  }
  return y;
}

void put_(const char* op, Tensor& x, const Choice& c, const Tensor& values, bool accumulate) {
  const bool recorded = recording(x, values);
  check_inplace(op, x, recorded);
  const Tensor source = x.impl()->storage == values.impl()->storage ? values.clone() : values;
  Choice own = c;
  for (int k = 0; k < c.count; ++k) {
    if (own.index[k].impl()->storage == x.impl()->storage) own.index[k] = own.index[k].clone();
  }
  const Sides sides(source, x, own);
  const Whole whole(source.numel());
  kernels(x.device()).indexing.put(sides.rest(x), sides.chosen, sides.dense(source), accumulate);
  bump_version(op, x);
  if (!recorded) return;
  record_inplace(
      op, x, {x, values}, [op, accumulate, c = SavedChoice(own)](Tensor& g, Gradients& in) {
        in.set(0, [&] {
          if (accumulate) return g;
          const Choice choice = c.get();
          Tensor gx = g.clone();
          put_(op, gx, choice, zeros({}, g.options()).expand(chosen_sizes(gx, choice)), false);
          return gx;
        });
        in.set(1, [&] { return take(op, g, c.get()); });
      });
}

}  // namespace weft::detail
