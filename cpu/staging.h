#pragma once

#include <weft/core/view.h>
#include <weft/cpu/scratch.h>

namespace weft::cpu {

// Rows: the last dimension fastest. ChannelsLast: N H W C. ChannelsTogether: any place for each
// pixel (N H W C where memory is made).
enum class Order : std::uint8_t { Rows, ChannelsLast, ChannelsTogether };

// Whether the view's elements lie in that order; for the first two, without gaps.
bool has_order(const View& view, Order order);

// dst = src, of one shape, converting the dtype.
void copy_view(const View& dst, const View& src);
void fill_zero(const View& view);

// A dense view of a dtype and an order in front of one that may be anything: the same memory where
// it already is so, else scratch memory.
class Staged {
 public:
  Staged(const View& outer, DType dtype, Order order);
  const View& view() const { return inner_; }
  template <class T>
  T* as() const {
    return inner_.as<T>();
  }

 protected:
  bool copied() const { return inner_.data != outer_.data; }
  View outer_, inner_;

 private:
  Index stride_[kMaxRank];
  Scratch scratch_;
};

class StagedInput : public Staged {
 public:
  StagedInput(const View& outer, DType dtype, Order order) : Staged(outer, dtype, order) {
    if (copied()) copy_view(inner_, outer_);
  }
};

class StagedOutput : public Staged {
 public:
  using Staged::Staged;
  void finish() const {
    if (copied()) copy_view(outer_, inner_);
  }
};

}  // namespace weft::cpu
