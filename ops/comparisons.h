#pragma once

#include <weft/ops/formula.h>
#include <weft/ops/function.h>

// Comparisons, logical and bitwise ops among the elementwise ops of two tensors: see ops/binary.h,
// which has their list and functions.
namespace weft::op {
using namespace formula;

struct Eq {
  static constexpr const char *name = "eq", *doc = "a == b, as bool";
  static constexpr Domain domain = Domain::All;
  static constexpr Result result = Result::Bool;
  template <class T>
  WEFT_HD auto forward(T a, T b) const {
    return a == b;
  }
};

struct Ne {
  static constexpr const char *name = "ne", *doc = "a != b, as bool";
  static constexpr Domain domain = Domain::All;
  static constexpr Result result = Result::Bool;
  template <class T>
  WEFT_HD auto forward(T a, T b) const {
    return !(a == b);
  }
};

struct Lt {
  static constexpr const char *name = "lt", *doc = "a < b, as bool";
  static constexpr Domain domain = Domain::All;
  static constexpr Result result = Result::Bool;
  template <class T>
  WEFT_HD auto forward(T a, T b) const {
    return a < b;
  }
};

struct Le {
  static constexpr const char *name = "le", *doc = "a <= b, as bool";
  static constexpr Domain domain = Domain::All;
  static constexpr Result result = Result::Bool;
  template <class T>
  WEFT_HD auto forward(T a, T b) const {
    return a <= b;
  }
};

struct Gt {
  static constexpr const char *name = "gt", *doc = "a > b, as bool";
  static constexpr Domain domain = Domain::All;
  static constexpr Result result = Result::Bool;
  template <class T>
  WEFT_HD auto forward(T a, T b) const {
    return a > b;
  }
};

struct Ge {
  static constexpr const char *name = "ge", *doc = "a >= b, as bool";
  static constexpr Domain domain = Domain::All;
  static constexpr Result result = Result::Bool;
  template <class T>
  WEFT_HD auto forward(T a, T b) const {
    return a >= b;
  }
};

struct LogicalAnd {
  static constexpr const char *name = "logical_and", *doc = "whether neither is 0, as bool";
  static constexpr Domain domain = Domain::All;
  static constexpr Result result = Result::Bool;
  template <class T>
  WEFT_HD auto forward(T a, T b) const {
    return !((a == T(0)) | (b == T(0)));
  }
};

struct LogicalOr {
  static constexpr const char *name = "logical_or", *doc = "whether one is not 0, as bool";
  static constexpr Domain domain = Domain::All;
  static constexpr Result result = Result::Bool;
  template <class T>
  WEFT_HD auto forward(T a, T b) const {
    return !((a == T(0)) & (b == T(0)));
  }
};

struct LogicalXor {
  static constexpr const char *name = "logical_xor", *doc = "whether just one is not 0, as bool";
  static constexpr Domain domain = Domain::All;
  static constexpr Result result = Result::Bool;
  template <class T>
  WEFT_HD auto forward(T a, T b) const {
    return ((a == T(0)) | (b == T(0))) & !((a == T(0)) & (b == T(0)));
  }
};

struct BitwiseAnd {
  static constexpr const char *name = "bitwise_and", *doc = "the bits that both have";
  static constexpr Domain domain = Domain::Bits;
  template <class T>
  WEFT_HD T forward(T a, T b) const {
    return a & b;
  }
};

struct BitwiseOr {
  static constexpr const char *name = "bitwise_or", *doc = "the bits that one has";
  static constexpr Domain domain = Domain::Bits;
  template <class T>
  WEFT_HD T forward(T a, T b) const {
    return a | b;
  }
};

struct BitwiseXor {
  static constexpr const char *name = "bitwise_xor", *doc = "the bits that just one has";
  static constexpr Domain domain = Domain::Bits;
  template <class T>
  WEFT_HD T forward(T a, T b) const {
    return a ^ b;
  }
};

struct BitwiseLeftShift {
  static constexpr const char *name = "bitwise_left_shift",
                              *doc = "a * 2^b; 0 where b is negative or a has no more bits";
  static constexpr Domain domain = Domain::Integer;
  template <class T>
  WEFT_HD T forward(T a, T b) const {
    return shift_left(a, b);
  }
};

struct BitwiseRightShift {
  static constexpr const char
      *name = "bitwise_right_shift",
      *doc = "a / 2^b rounded down; 0 or -1 where b is negative or a has no more bits";
  static constexpr Domain domain = Domain::Integer;
  template <class T>
  WEFT_HD T forward(T a, T b) const {
    return shift_right(a, b);
  }
};

}  // namespace weft::op
