#include <weft/ops/index.h>

#include <algorithm>

#include <weft/autograd/mode.h>
#include <weft/core/check.h>
#include <weft/ops/autocast.h>
#include <weft/ops/choice.h>
#include <weft/ops/elementwise.h>
#include <weft/ops/kernels.h>
#include <weft/ops/make.h>
#include <weft/ops/one_device.h>

namespace weft {

using detail::Choice;

namespace {

using Kind = TensorIndex::Kind;

bool is_mask(const Tensor& t) { return t.dtype() == DType::Bool || t.dtype() == DType::U8; }

// How many dimensions of x an entry stands for.
int dims_taken(const TensorIndex& i) {
  switch (i.kind) {
    case Kind::Integer:
    case Kind::Slice: return 1;
    case Kind::Tensor: return is_mask(i.tensor) ? i.tensor.dim() : 1;
    default: return 0;
  }
}

// Reads an index list from left to right: basic entries turn x into a view, the others gather in
// the choice.
class Reader {
 public:
  Reader(const char* op, const Tensor& x, std::span<const TensorIndex> indices)
      : op_(op), x_(x), rank_(x.get(op).sizes.size()) {
    count(indices);
    for (const TensorIndex& i : indices) read(i);
    broadcast();
  }
  const Tensor& x() const { return x_; }
  const Choice& choice() const { return choice_; }

 private:
  void count(std::span<const TensorIndex> indices) {
    int ellipses = 0;
    for (const TensorIndex& i : indices) {
      if (i.kind == Kind::Tensor) i.tensor.get(op_);
      taken_ += dims_taken(i);
      ellipses += i.kind == Kind::Ellipsis;
      tensors_ = tensors_ || i.kind == Kind::Bool || (i.kind == Kind::Tensor && !is_number(i));
    }
    if (taken_ > rank_) {
      fail<IndexError>(op_, "got indices for {} dimensions, expected at most the tensor's {}",
                       taken_, rank_);
    }
    if (ellipses > 1) fail<IndexError>(op_, "got {} ellipses, expected at most one", ellipses);
  }

  // A 0-d tensor is an integer.
  static bool is_number(const TensorIndex& i) { return i.tensor.dim() == 0 && !is_mask(i.tensor); }

  void read(const TensorIndex& i) {
    switch (i.kind) {
      case Kind::Integer: return select(i.integer);
      case Kind::Slice: return slice(i.slice);
      case Kind::Bool: return choose(i.integer != 0);
      case Kind::None:
        basic();
        x_ = x_.unsqueeze(at_++);
        return;
      case Kind::Ellipsis:
        basic();
        at_ += rank_ - taken_;
        seen_ += rank_ - taken_;
        return;
      case Kind::Tensor: return read(i.tensor);
    }
  }

  void read(const Tensor& t) {
    if (t.device() != x_.device()) {
      fail<DeviceError>(op_, "got an index on {} for a tensor on {}, expected one device",
                        t.device(), x_.device());
    }
    if (is_mask(t)) return t.dim() == 0 ? choose(t.item().to_bool()) : mask(t);
    if (is_floating(t.dtype()))
      fail<IndexError>(op_, "got an index of {}, expected integers or bool", t.dtype());
    const Tensor index = detail::integer_index(op_, t);
    if (t.dim() == 0) return select(index.item<Index>());
    detail::check_range(op_, index, seen_, x_.sizes()[at_], true);
    choose(index);
  }

  void select(Index i) {
    const Index n = x_.sizes()[at_];
    if (i < -n || i >= n) {
      fail<IndexError>(op_, "got index {} in dim {} of size {}, expected {} to {}", i, seen_, n, -n,
                       n - 1);
    }
    if (tensors_) advanced();
    x_ = x_.select(at_, i);
    ++seen_;
  }

  void slice(const Slice& s) {
    basic();
    if (s.start || s.stop || s.step != 1) x_ = x_.slice(at_, s.start, s.stop, s.step);
    ++at_, ++seen_;
  }

  void choose(const Tensor& index) {
    advanced();
    choice_.dim[choice_.count] = at_++;
    choice_.index[choice_.count++] = index;
    ++seen_;
  }

  // A bool chooses all or nothing of a new dimension.
  void choose(bool all) {
    x_ = x_.unsqueeze(at_);
    choose(zeros(all ? 1 : 0, Options(DType::I64).device(x_.device())));
    --seen_;
  }

  void mask(const Tensor& t) {
    const int n = t.dim();
    const std::span<const Index> own(x_.sizes().data() + at_, static_cast<std::size_t>(n));
    if (!std::equal(own.begin(), own.end(), t.sizes().begin())) {
      fail<IndexError>(op_, "got a mask of shape [{}] for dims {} to {}, expected [{}]",
                       fmt::join(t.sizes(), ", "), seen_, seen_ + n - 1, fmt::join(own, ", "));
    }
    if (n > 1 && flatten(n)) {
      choose(t.reshape(-1).nonzero().select(1, 0));
      seen_ += n - 1;
      return;
    }
    const Tensor places = t.nonzero();
    for (int d = 0; d < n; ++d) choose(places.select(1, d));
  }

  // n dimensions from here as one, if the memory allows it: a mask then needs one index tensor.
  bool flatten(int n) {
    Shape sizes;
    Index joined = 1;
    for (int d = 0; d < x_.dim(); ++d) {
      if (d >= at_ && d < at_ + n) joined *= x_.sizes()[d];
      if (d == at_ + n - 1) sizes.push_back(joined);
      if (d < at_ || d >= at_ + n) sizes.push_back(x_.sizes()[d]);
    }
    if (x_.numel() == 0 || !weft::reshape(x_.layout(), sizes)) return false;
    x_ = x_.view(sizes);
    return true;
  }

  // Whether the entries that choose are neighbours: one run of them, with basic ones around it.
  void basic() { gap_ = started_; }
  void advanced() {
    choice_.front = choice_.front || gap_;
    started_ = true;
  }

  void broadcast() {
    Choice& c = choice_;
    try {
      for (int k = 0; k < c.count; ++k) {
        c.sizes = broadcast_shapes(op_, c.sizes, c.index[k].sizes());
      }
    } catch (const ShapeError& e) {  // NumPy's kind of error
      throw IndexError(e.what());
    }
    for (int k = 0; k < c.count; ++k) {
      if (c.index[k].sizes() != c.sizes)
        c.index[k] = make_alias(c.index[k], weft::expand(op_, c.index[k].layout(), c.sizes));
    }
  }

  const char* op_;
  Tensor x_;
  Choice choice_;
  int rank_, taken_ = 0;
  int at_ = 0, seen_ = 0;  // the next dimension of x_ and of the tensor that was given
  bool tensors_ = false;   // integers count among the choosing entries
  bool started_ = false, gap_ = false;
};

// Values as put_ wants them: without leading dimensions of size 1 that are too many, broadcast.
Tensor fit_values(const Tensor& values, DType dtype, const Shape& sizes) {
  Tensor v = values;
  if (v.dtype() != dtype) {
    if (!v.impl()->weak) {
      fail<DTypeError>("index_put_", "got values of {} for a tensor of {}, expected one dtype",
                       v.dtype(), dtype);
    }
    v = v.to(dtype);
  }
  while (v.dim() > sizes.size() && v.sizes()[0] == 1) v = v.select(0, 0);
  return v.sizes() == sizes ? v : v.expand(sizes);
}

// Dimensions of an index tensor for one dimension of x.
void check_line(const char* op, const Tensor& index) {
  if (index.get(op).sizes.size() > 1) {
    fail<IndexError>(op, "got an index of shape [{}], expected one dimension",
                     fmt::join(index.sizes(), ", "));
  }
}

}  // namespace

Tensor Tensor::index(std::span<const TensorIndex> indices) const {
  const Reader r("index", *this, indices);
  return r.choice().count == 0 ? r.x() : detail::take("index", r.x(), r.choice());
}
Tensor Tensor::index(std::initializer_list<TensorIndex> indices) const {
  return index(std::span(indices.begin(), indices.size()));
}

Tensor& Tensor::index_put_(std::span<const TensorIndex> indices, const Tensor& values,
                           bool accumulate) {
  values.get("index_put_");
  const Reader r("index_put_", *this, indices);
  Tensor x = r.x();
  const bool chosen = r.choice().count > 0;
  detail::check_one_device("index_put_", *this, values);
  const Shape sizes = chosen ? detail::chosen_sizes(x, r.choice()) : x.sizes();
  const Tensor v = fit_values(values, dtype(), sizes);
  if (chosen) {
    detail::put_("index_put_", x, r.choice(), v, accumulate);
  } else if (accumulate) {
    x.add_(v);
  } else {
    x.copy_(v);
  }
  return *this;
}
Tensor& Tensor::index_put_(std::initializer_list<TensorIndex> indices, const Tensor& values,
                           bool accumulate) {
  return index_put_(std::span(indices.begin(), indices.size()), values, accumulate);
}

Tensor Tensor::index_select(Index dim, const Tensor& index) const {
  const int at = wrap_dim("index_select", dim, get("index_select").sizes.size());
  check_line("index_select", index);
  if (this->dim() == 0) return unsqueeze(0).index_select(0, index).reshape({});
  const Tensor line = index.dim() == 0 ? index.unsqueeze(0) : index;
  return detail::take("index_select", *this, detail::choose("index_select", *this, at, line));
}

namespace {

// What an index tensor chooses along one dim of a tensor that is changed.
struct Chosen {
  Tensor x;  // of one dimension at least
  Choice choice;

  Chosen(const char* op, const Tensor& t, Index dim, const Tensor& index, bool wraps = false)
      : x(t) {
    const int at = wrap_dim(op, dim, t.get(op).sizes.size());
    check_line(op, index);
    if (t.dim() == 0) x = t.unsqueeze(0);
    choice = detail::choose(op, x, at, index.dim() == 0 ? index.unsqueeze(0) : index, wraps);
  }
  Shape sizes() const { return detail::chosen_sizes(x, choice); }
  void put(const char* op, const Tensor& values, bool accumulate) {
    detail::put_(op, x, choice, values, accumulate);
  }
};

// The source as one of what was chosen; throws where it is not.
Tensor source_for(const char* op, const Chosen& c, const Tensor& source, int rank) {
  if (source.get(op).dtype != c.x.dtype()) {
    fail<DTypeError>(op, "got a source of {} for a tensor of {}, expected one dtype",
                     source.dtype(), c.x.dtype());
  }
  detail::check_one_device(op, c.x, source);
  const Tensor s = rank == 0 ? source.reshape(-1) : source;
  const Shape expected = c.sizes();
  if (s.sizes() != expected) {
    fail<ShapeError>(op, "got a source of shape [{}], expected [{}]",
                     fmt::join(source.sizes(), ", "), fmt::join(expected, ", "));
  }
  return s;
}

Tensor times(const char* op, const Tensor& source, const Scalar& alpha) {
  if (alpha.is_floating() && !is_floating(source.dtype())) {
    fail<DTypeError>(op, "got alpha {} for {}, expected an integer", alpha.to_double(),
                     source.dtype());
  }
  return alpha.to_double() == 1 ? source : source * alpha;
}

void add_at(const char* op, const Tensor& x, Index dim, const Tensor& index, const Tensor& source,
            const Scalar& alpha) {
  Chosen c(op, x, dim, index);
  c.put(op, times(op, source_for(op, c, source, x.dim()), alpha), true);
}

void copy_to(const char* op, const Tensor& x, Index dim, const Tensor& index,
             const Tensor& source) {
  Chosen c(op, x, dim, index);
  c.put(op, source_for(op, c, source, x.dim()), false);
}

void fill_at(const char* op, const Tensor& x, Index dim, const Tensor& index, const Scalar& value) {
  Chosen c(op, x, dim, index, true);
  c.put(op, make_scalar(value, x.dtype(), x.device()).expand(c.sizes()), false);
}

}  // namespace

Tensor Tensor::index_add(Index dim, const Tensor& index, const Tensor& source,
                         const Scalar& alpha) const {
  Tensor y = clone();
  add_at("index_add", y, dim, index, source, alpha);
  return y;
}
Tensor& Tensor::index_add_(Index dim, const Tensor& index, const Tensor& source,
                           const Scalar& alpha) {
  add_at("index_add_", *this, dim, index, source, alpha);
  return *this;
}

Tensor Tensor::index_copy(Index dim, const Tensor& index, const Tensor& source) const {
  constexpr auto op = "index_copy";
  if (autocasting()) {
    const AutocastPause pause;
    const DType wide = promote(get(op).dtype, source.get(op).dtype);
    return to(wide).index_copy(dim, index, source.to(wide));
  }
  Tensor y = clone();
  copy_to(op, y, dim, index, source);
  return y;
}
Tensor& Tensor::index_copy_(Index dim, const Tensor& index, const Tensor& source) {
  copy_to("index_copy_", *this, dim, index, source);
  return *this;
}

Tensor Tensor::index_fill(Index dim, const Tensor& index, const Scalar& value) const {
  Tensor y = clone();
  fill_at("index_fill", y, dim, index, value);
  return y;
}
Tensor& Tensor::index_fill_(Index dim, const Tensor& index, const Scalar& value) {
  fill_at("index_fill_", *this, dim, index, value);
  return *this;
}

}  // namespace weft
