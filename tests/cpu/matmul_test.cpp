#include <algorithm>
#include <cmath>
#include <limits>

#include <weft/cpu/matmul.h>
#include <weft/tests/catch.h>
#include <weft/tests/cpu/operand.h>

namespace weft {
namespace {

using testing::error;
using testing::Operand;
using testing::values;
using Place = Operand::Place;

struct Product {
  Index batch, m, n, k;
  Operand a, b, bias, out;
  double alpha = 1, beta = 0;
  Activation activation = Activation::None;
  bool with_bias = false;

  Product(DType t, Index batch, Index m, Index n, Index k, Place place = Place::Rows)
      : batch(batch),
        m(m),
        n(n),
        k(k),
        a(t, {batch, m, k}, place),
        b(t, {batch, k, n}, place),
        bias(t, {n}, place),
        out(t, {batch, m, n}, place) {
    a.fill(1), b.fill(2), bias.fill(3), out.fill(4);
  }
  static void transpose(Operand& x) {
    Operand y(x.dtype, {x.sizes[0], x.sizes[2], x.sizes[1]});
    y.fill(7);
    std::swap(y.sizes[1], y.sizes[2]);
    std::swap(y.strides[1], y.strides[2]);
    x = y;
  }

  std::vector<double> expected() const {
    std::vector<double> e;
    const auto as = values(a), bs = values(b);
    for (Index i = 0; i < batch * m * n; ++i) {
      const Index g = i / (m * n), row = i / n % m, j = i % n;
      double sum = 0;
      for (Index l = 0; l < k; ++l) sum += as[(g * m + row) * k + l] * bs[(g * k + l) * n + j];
      sum = alpha * sum + (beta != 0 ? beta * out.get(i) : 0) + (with_bias ? bias.get(j) : 0);
      e.push_back(activated(sum));
    }
    return e;
  }
  double activated(double x) const {
    switch (activation) {
      case Activation::Relu: return x < 0 ? 0 : x;
      case Activation::Gelu: return x * std::erfc(-x / std::sqrt(2)) / 2;
      case Activation::GeluTanh:
        return x * (1 + std::tanh(std::sqrt(8 / std::acos(-1)) / 2 * (x + 0.044715 * x * x * x))) /
               2;
      default: return x;
    }
  }
  double run() {
    const auto e = expected();
    cpu::matmul(out.view(), a.view(), b.view(), with_bias ? bias.view() : View{}, alpha, beta,
                activation);
    return error(out, e);
  }
};

double tolerance(DType t) {
  switch (t) {
    case DType::F64: return 1e-13;
    case DType::F32: return 2e-5;
    case DType::F16: return 5e-3;
    case DType::BF16: return 4e-2;
    default: return 0;
  }
}

bool integer(DType t) { return is_integral(t); }
const std::vector<DType> kTypes = {DType::F32, DType::F64, DType::BF16, DType::F16, DType::U8,
                                   DType::I8,  DType::I16, DType::I32,  DType::I64};

}  // namespace

TEST_CASE("matmul agrees with plain sums in double", "[matmul]") {
  const Index sizes[][4] = {{1, 1, 1, 1},     {1, 8, 8, 8},     {2, 7, 5, 3},
                            {1, 6, 16, 300},  {3, 13, 33, 17},  {1, 100, 130, 70},
                            {2, 90, 64, 129}, {1, 1, 300, 260}, {1, 260, 1, 300}};
  for (DType t : kTypes) {
    for (const auto& s : sizes) {
      for (Place place : {Place::Rows, Place::Gaps, Place::Backwards}) {
        INFO(name(t) << ' ' << s[0] << ' ' << s[1] << ' ' << s[2] << ' ' << s[3] << ' '
                     << static_cast<int>(place));
        if (integer(t) && size_of(t) == 1 && s[3] > 3) continue;  // they would wrap around
        Product p(t, s[0], s[1], s[2], s[3], place);
        CHECK(p.run() <= tolerance(t));
      }
    }
  }
}

TEST_CASE("matmul with transposed factors and results, bias, relu, alpha and beta", "[matmul]") {
  for (DType t : {DType::F32, DType::F64, DType::BF16, DType::F16, DType::I64}) {
    for (Index size : {5, 70}) {
      for (int bits = 0; bits < 128; bits += size == 5 ? 1 : 3) {
        INFO(name(t) << ' ' << size << ' ' << bits);
        Product p(t, 1 + (bits >> 6), size, size + 3, size + 7);
        if (bits & 1) Product::transpose(p.a);
        if (bits & 2) Product::transpose(p.b);
        if (bits & 4) Product::transpose(p.out);
        p.activation = bits & 8 ? Activation::Relu : Activation::None;
        p.with_bias = bits & 16;
        if (bits & 32) p.alpha = 3, p.beta = 2;
        CHECK(p.run() <= tolerance(t));
        p.alpha = 1;
        CHECK(p.run() <= tolerance(t));
      }
    }
  }
}

TEST_CASE("matmul without products gives bias, beta or zero", "[matmul]") {
  for (DType t : kTypes) {
    Product p(t, 2, 3, 20, 0);
    CHECK(p.run() == 0);
    p.with_bias = true;
    p.beta = 1;
    CHECK(p.run() == 0);
  }
  Product none(DType::F32, 1, 0, 4, 3);
  CHECK(none.run() == 0);
}

TEST_CASE("matmul with beta 0 does not read what the output held", "[matmul]") {
  for (Index size : {4, 80}) {
    Product p(DType::F32, 1, size, size, size);
    for (Index i = 0; i < p.out.count(); ++i) p.out.set(i, std::nan(""));
    CHECK(p.run() < 1e-5);
  }
}

TEST_CASE("a factor that is the same for the whole batch", "[matmul]") {
  for (Index size : {6, 70}) {
    Product p(DType::F32, 3, size, size, size);
    p.b.strides[0] = 0;
    CHECK(p.run() < 1e-5);
    Product q(DType::F32, 3, size, size, size);
    q.a.strides[0] = 0;
    CHECK(q.run() < 1e-5);
  }
}

TEST_CASE("integer products wrap around", "[matmul]") {
  Product p(DType::I32, 1, 1, 1, 2);
  p.a.set(0, 65536), p.a.set(1, 1);
  p.b.set(0, 65536), p.b.set(1, 5);
  cpu::matmul(p.out.view(), p.a.view(), p.b.view(), {}, 1, 0, Activation::None);
  CHECK(p.out.get(0) == 5);
}

TEST_CASE("a product and GELU as one", "[matmul]") {
  for (DType t : {DType::F32, DType::F64, DType::BF16, DType::F16}) {
    for (Index size : {5, 80}) {
      for (const Activation a : {Activation::Gelu, Activation::GeluTanh}) {
        for (Place place : {Place::Rows, Place::Gaps, Place::Backwards}) {
          INFO(name(t) << ' ' << size << ' ' << static_cast<int>(a) << ' '
                       << static_cast<int>(place));
          Product p(t, 2, size, size + 3, size + 7, place);
          p.activation = a;
          p.with_bias = true;
          CHECK(p.run() <= tolerance(t));
        }
      }
    }
  }
}

TEST_CASE("NaN passes through a product and its activation", "[matmul]") {
  for (DType t : {DType::F32, DType::F64, DType::BF16, DType::F16}) {
    for (Index size : {4, 80}) {
      for (const Activation a :
           {Activation::None, Activation::Relu, Activation::Gelu, Activation::GeluTanh}) {
        INFO(name(t) << ' ' << size << ' ' << static_cast<int>(a));
        Product p(t, 1, size, size, size);
        p.a.set(0, std::numeric_limits<double>::quiet_NaN());
        cpu::matmul(p.out.view(), p.a.view(), p.b.view(), {}, 1, 0, a);
        CHECK(std::isnan(p.out.get(0)));
        CHECK(std::isfinite(p.out.get(size)));
      }
    }
  }
}

TEST_CASE("deterministic products have the same bits for any number of threads", "[matmul]") {
  const testing::Deterministic on;
  for (DType t : {DType::F32, DType::F64, DType::BF16}) {
    for (const auto& s : {std::array<Index, 4>{1, 33, 500, 300},
                          {1, 500, 33, 200},
                          {1, 64, 10, 3000},
                          {1, 128, 64, 4096},
                          {5, 70, 80, 90}}) {
      for (const bool turned : {false, true}) {  // oneDNN shares sums out among threads there
        INFO(name(t) << " " << s[1] << " x " << s[2] << " x " << s[3]
                     << (turned ? ", turned" : ""));
        Product one(t, s[0], s[1], s[2], s[3]);
        if (turned) Product::transpose(one.a);
        one.with_bias = true;
        for (int threads : {2, 3, 4}) {
          Product many = one;
          {
            const testing::WithThreads with(1);
            CHECK(one.run() <= tolerance(t));
          }
          const testing::WithThreads with(threads);
          CHECK(many.run() <= tolerance(t));
          CHECK(one.out.same_bits(many.out));
        }
      }
    }
  }
}

}  // namespace weft
