#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <ostream>

#include <weft/core/check.h>
#include <weft/core/print.h>
#include <weft/core/tensor.h>
#include <weft/core/transfer.h>

// Tensors as PyTorch prints them.
namespace weft {
namespace {

constexpr std::size_t kIndent = 7;  // as wide as "tensor("

struct Shared {
  std::mutex mutex;
  PrintOptions options;
};
Shared& shared() {
  static Shared s;
  return s;
}

class Printer {
 public:
  Printer(const Tensor& t, const PrintOptions& options)
      : t_(t), options_(options), summarise_(t.numel() > options.threshold) {
    const Storage& s = *t.impl()->storage;
    if (s.device() != kCPU) {
      copy_.resize(s.bytes());
      transfer(copy_.data(), kCPU, s.data(), s.device(), s.bytes());
    }
    base_ = s.device() == kCPU ? static_cast<const char*>(s.data()) : copy_.data();
    if (is_floating(t.dtype())) {
      each(0, t_.storage_offset(), [&](Index at) { measure(number(at)); });
      scientific_ =
          options.sci_mode.value_or(highest_ > 0 && (highest_ / lowest_ > 1000 || highest_ > 1e8 ||
                                                     (!whole_ && lowest_ < 1e-4)));
    }
    each(0, t_.storage_offset(), [&](Index at) {
      if (!is_floating(t.dtype()) || (std::isfinite(number(at)) && number(at) != 0))
        width_ = std::max(width_, text(at).size());
    });
  }

  std::string elements() const {
    return t_.dim() == 0 ? padded(t_.storage_offset()) : nested(0, t_.storage_offset(), kIndent);
  }

 private:
  // Elements shown along a dimension: all, or the first and the last.
  bool cut(Index n) const { return summarise_ && n > 2 * options_.edgeitems; }

  template <class F>
  void each(int d, Index at, const F& f) const {
    if (d == t_.dim()) return f(at);
    const Index n = t_.size(d);
    for (Index i = 0; i < n; ++i) {
      if (cut(n) && i == options_.edgeitems) i = n - options_.edgeitems;
      if (i == n) return;
      each(d + 1, at + i * t_.stride(d), f);
    }
  }

  template <class T>
  T read(Index at) const {
    return dispatch(t_.dtype(), [&](auto tag) {
      using E = typename decltype(tag)::type;
      return static_cast<T>(reinterpret_cast<const E*>(base_)[at]);
    });
  }
  double number(Index at) const { return read<double>(at); }

  void measure(double v) {
    if (!std::isfinite(v) || v == 0) return;
    whole_ = whole_ && v == std::ceil(v);
    lowest_ = highest_ == 0 ? std::abs(v) : std::min(lowest_, std::abs(v));
    highest_ = std::max(highest_, std::abs(v));
  }

  std::string text(Index at) const {
    if (t_.dtype() == DType::Bool) return read<std::int64_t>(at) ? "True" : "False";
    if (!is_floating(t_.dtype())) return std::to_string(read<std::int64_t>(at));
    const double v = number(at);
    if (std::isnan(v)) return "nan";
    if (std::isinf(v)) return v > 0 ? "inf" : "-inf";
    return scientific_ ? fmt::format("{:.{}e}", v, options_.precision)
           : whole_    ? fmt::format("{:.0f}.", v)
                       : fmt::format("{:.{}f}", v, options_.precision);
  }
  std::string padded(Index at) const { return fmt::format("{:>{}}", text(at), width_); }

  std::string row(int d, Index at, std::size_t indent) const {
    const Index room = options_.linewidth - static_cast<Index>(indent);
    const auto per_line =
        static_cast<std::size_t>(std::max<Index>(1, room / (static_cast<Index>(width_) + 2)));
    const Index n = t_.size(d);
    std::string s = "[";
    std::size_t shown = 0;
    const auto add = [&](const std::string& element) {
      if (shown > 0) s += shown % per_line ? ", " : ",\n" + std::string(indent + 1, ' ');
      s += element;
      ++shown;
    };
    for (Index i = 0; i < n; ++i) {
      if (cut(n) && i == options_.edgeitems) {
        add(" ...");
        i = n - options_.edgeitems;
        if (i == n) break;
      }
      add(padded(at + i * t_.stride(d)));
    }
    return s + "]";
  }

  std::string nested(int d, Index at, std::size_t indent) const {
    if (d == t_.dim() - 1) return row(d, at, indent);
    const Index n = t_.size(d);
    const std::string between = "," +
                                std::string(static_cast<std::size_t>(t_.dim() - d - 1), '\n') +
                                std::string(indent + 1, ' ');
    std::string s = "[";
    for (Index i = 0; i < n; ++i) {
      if (i > 0) s += between;
      if (cut(n) && i == options_.edgeitems) {
        i = n - options_.edgeitems;
        s += i == n ? "..." : "..." + between;
        if (i == n) break;
      }
      s += nested(d + 1, at + i * t_.stride(d), indent + 1);
    }
    return s + "]";
  }

  const Tensor& t_;
  const PrintOptions& options_;
  std::vector<char> copy_;  // of what lies on another device
  const char* base_;        // the storage's first byte, on the CPU
  bool summarise_, scientific_ = false, whole_ = true;
  double lowest_ = 0, highest_ = 0;
  std::size_t width_ = 1;
};

std::string dtype_suffix(const Tensor& t) {
  const DType d = t.dtype();
  const bool plain = d == DType::F32 || (t.numel() > 0 && (d == DType::I64 || d == DType::Bool));
  return plain ? "" : fmt::format("dtype=weft.{}", d);
}

std::string grad_suffix(const Tensor& t) {
  if (const char* name = t.grad_fn()) return fmt::format("grad_fn=<{}>", name);
  return t.requires_grad() ? "requires_grad=True" : "";
}

std::string device_suffix(const Tensor& t) {
  return t.device() == kCPU ? "" : fmt::format("device='{}'", t.device());
}

std::string size_suffix(const Tensor& t) {
  if (t.numel() > 0 || t.dim() == 1) return "";
  return fmt::format("size=({})", fmt::join(t.sizes(), ", "));
}

}  // namespace

PrintOptions print_options() {
  const std::lock_guard lock(shared().mutex);
  return shared().options;
}

void set_print_options(const PrintOptions& o) {
  const auto check = [](const char* name, Index value, Index most) {
    if (value < 0 || value > most) {
      fail<ValueError>("set_print_options", "got {} = {}, expected 0 to {}", name, value, most);
    }
  };
  constexpr Index any = std::numeric_limits<Index>::max() / 4;
  check("precision", o.precision, 100);
  check("threshold", o.threshold, std::numeric_limits<Index>::max());
  check("edgeitems", o.edgeitems, any);
  check("linewidth", o.linewidth, any);
  const std::lock_guard lock(shared().mutex);
  shared().options = o;
}

std::string Tensor::str() const {
  if (!defined()) return "tensor(undefined)";
  const PrintOptions options = print_options();
  std::string s = "tensor(" + (numel() == 0 ? "[]" : Printer(*this, options).elements());
  const std::size_t line_start = s.rfind('\n');
  std::size_t used =
      s.size() - (line_start == std::string::npos ? std::size_t(-1) : line_start) + 1;
  for (const std::string& suffix :
       {device_suffix(*this), size_suffix(*this), dtype_suffix(*this), grad_suffix(*this)}) {
    if (suffix.empty()) continue;
    const bool fits = used + suffix.size() + 2 <= static_cast<std::size_t>(options.linewidth);
    s += (fits ? ", " : ",\n" + std::string(kIndent, ' ')) + suffix;
    used = fits ? used + suffix.size() + 2 : kIndent + suffix.size();
  }
  return s + ")";
}

std::ostream& operator<<(std::ostream& out, const Tensor& t) { return out << t.str(); }

}  // namespace weft
