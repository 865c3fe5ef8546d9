#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <set>
#include <vector>

#include <weft/core/dtype.h>
#include <weft/core/random.h>
#include <weft/core/random_recipes.h>
#include <weft/core/threads.h>
#include <weft/cpu/isa.h>
#include <weft/cpu/isa/random.h>
#include <weft/cpu/random.h>
#include <weft/tests/catch.h>

namespace weft {
namespace {

struct Threads {
  explicit Threads(int n) : before(get_num_threads()) { set_num_threads(n); }
  ~Threads() { set_num_threads(before); }
  int before;
};

// A tensor for kernels: contiguous, unless strides are given.
template <class T>
struct Array {
  explicit Array(std::initializer_list<Index> sizes) : sizes(sizes) {
    strides = this->sizes;
    Index n = 1;
    for (int d = this->sizes.size() - 1; d >= 0; --d)
      strides[d] = std::exchange(n, n * this->sizes[d]);
    memory.resize(static_cast<std::size_t>(n));
  }
  Array(std::initializer_list<Index> sizes, std::initializer_list<Index> strides, std::size_t n,
        std::size_t first = 0)
      : sizes(sizes), strides(strides), memory(n), first(first) {}

  View view() {
    return {memory.data() + first, sizes.data(), strides.data(),
            static_cast<std::int16_t>(sizes.size()), dtype_of<T>};
  }
  Shape sizes, strides;
  std::vector<T> memory;
  std::size_t first = 0;
};

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

template <class T>
std::vector<double> moments(const std::vector<T>& x) {  // mean, variance, skewness, kurtosis
  const double n = static_cast<double>(x.size());
  double mean = 0, m2 = 0, m3 = 0, m4 = 0;
  for (T v : x) mean += static_cast<double>(v) / n;
  for (T v : x) {
    const double d = static_cast<double>(v) - mean;
    m2 += d * d / n;
    m3 += d * d * d / n;
    m4 += d * d * d * d / n;
  }
  return {mean, m2, m3 / std::pow(m2, 1.5), m4 / (m2 * m2)};
}

template <class Count>
double chi_square(const Count& count, double expected) {
  double sum = 0;
  for (auto c : count)
    sum += (static_cast<double>(c) - expected) * (static_cast<double>(c) - expected) / expected;
  return sum;
}

std::uint32_t word(RandomKey key, std::uint64_t i, std::uint32_t plane = 0) {
  return philox_block(key.seed, key.offset + i / 4, plane).word[i % 4];
}

constexpr Index kMany = 1 << 20;

TEST_CASE("uniform numbers are the documented bits of their word", "[random]") {
  const RandomKey key{77, 0xFFFFFFFE};  // the block's number passes 2^32
  Array<float> x({1030});
  Array<double> y({1030});
  cpu::random_uniform(x.view(), 0, 1, key);
  cpu::random_uniform(y.view(), 0, 1, key);
  for (std::size_t i = 0; i < 1030; ++i) {
    const std::uint32_t w = word(key, i), v = word(key, i, 1);
    REQUIRE(x.memory[i] == static_cast<float>(w >> 8) / 16777216.0f);
    REQUIRE(y.memory[i] ==
            static_cast<double>((std::uint64_t{w} << 32 | v) >> 11) / 9007199254740992.0);
  }
}

TEST_CASE("uniform numbers are uniform", "[random]") {
  Array<float> x({kMany});
  cpu::random_uniform(x.view(), 0, 1, {1, 0});
  const auto m = moments(x.memory);
  CHECK(std::abs(m[0] - 0.5) < 0.0015);  // five standard errors
  CHECK(std::abs(m[1] - 1.0 / 12) < 0.0004);
  std::vector<Index> count(256), pairs(256);
  for (std::size_t i = 0; i < x.memory.size(); ++i) {
    ++count.at(static_cast<std::size_t>(x.memory[i] * 256));
    if (i % 2)
      ++pairs.at(static_cast<std::size_t>(x.memory[i] * 16) * 16 +
                 static_cast<std::size_t>(x.memory[i - 1] * 16));
  }
  CHECK(chi_square(count, kMany / 256.0) < 347);  // 255 degrees of freedom, p = 1e-4
  CHECK(chi_square(pairs, kMany / 512.0) < 347);
}

TEMPLATE_TEST_CASE("uniform numbers keep within their bounds", "[random]", float, double, Half,
                   BFloat16) {
  Array<TestType> x({1 << 16});
  cpu::random_uniform(x.view(), -3, 5, {2, 0});
  const auto [low, high] = std::minmax_element(x.memory.begin(), x.memory.end());
  CHECK(static_cast<double>(*low) >= -3);
  CHECK(static_cast<double>(*low) < -2.9);
  CHECK(static_cast<double>(*high) < 5);
  CHECK(static_cast<double>(*high) > 4.9);
  // Bounds so close that rounding would reach the upper one.
  cpu::random_uniform(x.view(), 1, 1 + 0x1p-7, {3, 0});
  CHECK(std::all_of(x.memory.begin(), x.memory.end(), [](auto v) {
    return static_cast<double>(v) >= 1 && static_cast<double>(v) < 1 + 0x1p-7;
  }));
}

TEMPLATE_TEST_CASE("normal numbers are normal", "[random]", float, double) {
  Array<TestType> x({kMany});
  cpu::random_normal(x.view(), 0, 1, {5, 0});
  const auto m = moments(x.memory);
  CHECK(std::abs(m[0]) < 0.005);
  CHECK(std::abs(m[1] - 1) < 0.007);
  CHECK(std::abs(m[2]) < 0.012);
  CHECK(std::abs(m[3] - 3) < 0.025);
  // Equally likely cells by the distribution function.
  std::vector<Index> count(100);
  for (TestType v : x.memory)
    ++count.at(static_cast<std::size_t>(
        std::min(99.0, 50 * std::erfc(-static_cast<double>(v) / std::sqrt(2.0)))));
  CHECK(chi_square(count, kMany / 100.0) < 160.1);  // 99 degrees of freedom, p = 1e-4
  double correlation = 0;
  for (std::size_t i = 1; i < x.memory.size(); ++i)
    correlation += static_cast<double>(x.memory[i]) * static_cast<double>(x.memory[i - 1]);
  CHECK(std::abs(correlation / kMany) < 0.005);
}

TEST_CASE("normal numbers are Box and Muller's to the last digits", "[random]") {
  const RandomKey key{8, 3};
  Array<float> x({4000});
  Array<double> y({4000});
  cpu::random_normal(x.view(), 0, 1, key);
  cpu::random_normal(y.view(), 0, 1, key);
  for (std::size_t i = 0; i < 4000; i += 2) {
    const double u = (static_cast<double>(word(key, i) >> 1) + 0.5) * 0x1p-31;
    const double angle = 2 * M_PI * word(key, i + 1) * 0x1p-32;
    const double r = std::sqrt(-2 * std::log(u));
    // The angle's zero is in the middle of the first quadrant's range.
    const auto turn = [](double a) {
      return std::fmod(a + M_PI / 4, M_PI / 2) - M_PI / 4 + std::floor(a / (M_PI / 2)) * (M_PI / 2);
    };
    REQUIRE(x.memory[i] == Approx(r * std::cos(turn(angle))).epsilon(2e-6).margin(1e-6));
    REQUIRE(x.memory[i + 1] == Approx(r * std::sin(turn(angle))).epsilon(2e-6).margin(1e-6));
    const double fine = (std::ldexp(word(key, i), 31) + word(key, i, 1) / 2 + 0.5) * 0x1p-63;
    const double turned =
        turn(2 * M_PI * (word(key, i + 1) * 0x1p-32 + word(key, i + 1, 1) * 0x1p-64));
    const double s = std::sqrt(-2 * std::log(fine));
    REQUIRE(y.memory[i] == Approx(s * std::cos(turned)).epsilon(1e-13).margin(1e-14));
    REQUIRE(y.memory[i + 1] == Approx(s * std::sin(turned)).epsilon(1e-13).margin(1e-14));
  }
}

TEST_CASE("the functions behind the normal numbers are accurate", "[random]") {
  double worst = 0, worst_f64 = 0;
  for (double x = 1e-9; x < 1; x *= 1.0001) {
    const auto f = static_cast<float>(x);
    const double reference = std::log(static_cast<double>(f));
    if (f < 1)
      worst = std::max(worst, std::abs(random::log_f32(f) - reference) / std::abs(reference));
    worst_f64 =
        std::max(worst_f64, std::abs(random::log_f64(x) - std::log(x)) / std::abs(std::log(x)));
  }
  CHECK(worst < 2.5e-7);
  CHECK(worst_f64 < 5e-16);
  CHECK(random::log_f32(1) == 0);
  for (double x = -M_PI / 4; x < M_PI / 4; x += 1e-4) {
    REQUIRE(std::abs(random::sin_f32(static_cast<float>(x)) - std::sin(x)) < 1.2e-7);
    REQUIRE(std::abs(random::cos_f32(static_cast<float>(x)) - std::cos(x)) < 1.2e-7);
    REQUIRE(std::abs(random::sin_f64(x) - std::sin(x)) < 2e-16);
    REQUIRE(std::abs(random::cos_f64(x) - std::cos(x)) < 3e-16);
  }
}

TEST_CASE("mean and deviation are applied, and half precision rounds the f32 numbers", "[random]") {
  Array<float> x({4096}), scaled({4096});
  Array<Half> half({4096});
  Array<BFloat16> brain({4096});
  cpu::random_normal(x.view(), 0, 1, {6, 0});
  cpu::random_normal(scaled.view(), 10, 3, {6, 0});
  cpu::random_normal(half.view(), 0, 1, {6, 0});
  cpu::random_normal(brain.view(), 0, 1, {6, 0});
  for (std::size_t i = 0; i < 4096; ++i) {
    REQUIRE(scaled.memory[i] == x.memory[i] * 3 + 10);
    REQUIRE(half.memory[i].bits == Half(x.memory[i]).bits);
    REQUIRE(brain.memory[i].bits == BFloat16(x.memory[i]).bits);
  }
}

TEST_CASE("integers are uniform over their range, whatever it is", "[random]") {
  Array<std::int64_t> x({kMany});
  cpu::random_integer(x.view(), -3, 7, {9, 0});
  std::vector<Index> count(10);
  for (auto v : x.memory) ++count.at(static_cast<std::size_t>(v + 3));
  CHECK(chi_square(count, kMany / 10.0) < 33.7);  // 9 degrees of freedom, p = 1e-4
  cpu::random_integer(x.view(), INT64_MIN, INT64_MAX, {9, 0});
  CHECK(std::count_if(x.memory.begin(), x.memory.end(), [](auto v) { return v < 0; }) ==
        Approx(kMany / 2).epsilon(0.005));
  // 3/4 of 2^64: a plain remainder would favour the lower values two to one.
  const auto span = std::uint64_t{3} << 62;
  Index low = 0;
  cpu::random_integer(x.view(), INT64_MIN, static_cast<Index>(span + (std::uint64_t{1} << 63)),
                      {9, 0});
  for (auto v : x.memory) low += v < INT64_MIN + (Index{1} << 62);
  CHECK(static_cast<double>(low) == Approx(kMany / 3.0).epsilon(0.01));
  Array<std::uint8_t> bytes({1000});
  cpu::random_integer(bytes.view(), 5, 6, {9, 0});
  CHECK(std::set<int>(bytes.memory.begin(), bytes.memory.end()) == std::set<int>{5});
}

TEST_CASE("the 64-bit multiply-high is exact", "[random]") {
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const std::uint32_t w = word({1, 0}, i), v = word({2, 0}, i);
    const std::uint64_t span = (std::uint64_t{word({3, 0}, i)} << 32 | word({4, 0}, i)) >> (i % 64);
    if (span == 0) continue;
    __extension__ using Wide = unsigned __int128;
    REQUIRE(random::below(w, v, span) ==
            static_cast<std::uint64_t>((Wide{std::uint64_t{w} << 32 | v} * span) >> 64));
  }
}

TEST_CASE("bernoulli hits as often as asked, with a probability for each element", "[random]") {
  Array<float> p({kMany / 4, 4});
  for (std::size_t i = 0; i < p.memory.size(); ++i) p.memory[i] = static_cast<float>(i % 4) / 3;
  Array<float> x({kMany / 4, 4});
  cpu::random_bernoulli(x.view(), p.view(), {10, 0});
  std::vector<double> count(4);
  for (std::size_t i = 0; i < x.memory.size(); ++i) count[i % 4] += x.memory[i];
  CHECK(count[0] == 0);
  CHECK(count[1] == Approx(kMany / 12.0).epsilon(0.01));
  CHECK(count[2] == Approx(kMany / 6.0).epsilon(0.01));
  CHECK(count[3] == kMany / 4);
  Array<double> half({kMany / 4, 4}, {0, 0}, 1);  // one probability, expanded
  half.memory[0] = 0.5;
  Array<std::uint8_t> hit({kMany / 4, 4});
  cpu::random_bernoulli(hit.view(), half.view(), {10, 0});
  CHECK(std::accumulate(hit.memory.begin(), hit.memory.end(), 0.0) ==
        Approx(kMany / 2).epsilon(0.005));
}

TEST_CASE("a permutation kernel gives the library's permutation", "[random]") {
  Array<std::int64_t> x({500}, {2}, 1000);
  cpu::random_permutation(x.view(), {3, 9});
  std::vector<Index> expected(500);
  random_permutation(expected, {3, 9});
  for (std::size_t i = 0; i < 500; ++i) REQUIRE(x.memory[2 * i] == expected[i]);
}

TEMPLATE_TEST_CASE("dropout keeps, scales and remembers", "[random]", float, double, Half,
                   BFloat16) {
  Array<TestType> x({1000, 257}), y({1000, 257});
  Array<std::uint8_t> mask({1000, 257});
  for (std::size_t i = 0; i < x.memory.size(); ++i)
    x.memory[i] = TestType(static_cast<float>(i % 50 + 1));
  x.memory[0] = x.memory[1] = x.memory[2] = TestType(INFINITY);
  const RandomKey key{12, 7};
  cpu::dropout(y.view(), mask.view(), x.view(), 0.25, key);
  double kept = 0;
  for (std::size_t i = 0; i < x.memory.size(); ++i) {
    REQUIRE(mask.memory[i] == (word(key, i) >= 0x40000000u));
    using S = std::conditional_t<std::is_same_v<TestType, double>, double, float>;
    const auto scaled = TestType(static_cast<S>(x.memory[i]) * static_cast<S>(1 / 0.75));
    REQUIRE(static_cast<double>(y.memory[i]) == (mask.memory[i] ? static_cast<double>(scaled) : 0));
    kept += mask.memory[i];
  }
  CHECK(kept / 257000 == Approx(0.75).epsilon(0.01));
  cpu::dropout(y.view(), mask.view(), x.view(), 1, key);
  CHECK(std::all_of(y.memory.begin(), y.memory.end(),
                    [](auto v) { return static_cast<double>(v) == 0; }));
  CHECK(std::count(mask.memory.begin(), mask.memory.end(), 0) == 257000);
  cpu::dropout(y.view(), mask.view(), x.view(), 0, key);
  CHECK(same_bits(y.memory, x.memory));
  CHECK(std::count(mask.memory.begin(), mask.memory.end(), 1) == 257000);
}

// Every fill into contiguous memory, then through strides, one of them negative.
template <class T, class F>
void check_strides(F&& fill) {
  Array<T> dense({3, 50, 7, 11}), last({3, 50, 7, 11}, {50 * 77, 1, 550, 50}, 3 * 50 * 77);
  Array<T> odd({3, 50, 7, 11}, {50 * 77 * 2, 77 * 2, -11 * 2, 2}, 3 * 50 * 77 * 2, 6 * 22);
  fill(dense.view());
  fill(last.view());
  fill(odd.view());
  std::size_t i = 0;
  for (std::size_t n = 0; n < 3; ++n)
    for (std::size_t c = 0; c < 50; ++c)
      for (std::size_t h = 0; h < 7; ++h)
        for (std::size_t w = 0; w < 11; ++w, ++i) {
          const T& expected = dense.memory[i];
          const T& a = last.memory[n * 3850 + c + h * 550 + w * 50];
          const T& b = odd.memory[6 * 22 + n * 7700 + c * 154 - h * 22 + w * 2];
          REQUIRE((std::memcmp(&expected, &a, sizeof(T)) == 0 &&
                   std::memcmp(&expected, &b, sizeof(T)) == 0));
        }
}

TEST_CASE("strides do not change the numbers", "[random]") {
  check_strides<float>([](View v) { cpu::random_uniform(v, 0, 1, {1, 2}); });
  check_strides<double>([](View v) { cpu::random_normal(v, 0, 1, {1, 2}); });
  check_strides<Half>([](View v) { cpu::random_normal(v, 0, 1, {1, 2}); });
  check_strides<std::int32_t>([](View v) { cpu::random_integer(v, 0, 1000, {1, 2}); });
  check_strides<float>([](View v) {
    Array<float> x({3, 50, 7, 11}, {3850, 1, 550, 50}, 11550);
    Array<std::uint8_t> mask({3, 50, 7, 11});
    std::fill(x.memory.begin(), x.memory.end(), 1.0f);
    cpu::dropout(v, mask.view(), x.view(), 0.5, {1, 2});
  });
}

TEST_CASE("threads do not change the numbers", "[random]") {
  const auto all = [](int threads) {
    const Threads guard(threads);
    Array<float> a({100003}), b({100003});
    Array<double> c({100003});
    Array<std::uint8_t> mask({100003});
    cpu::random_uniform(a.view(), 0, 1, {4, 0});
    cpu::random_normal(c.view(), 0, 1, {4, 0});
    cpu::dropout(b.view(), mask.view(), a.view(), 0.5, {4, 0});
    return std::tuple(a.memory, b.memory, c.memory, mask.memory);
  };
  const auto one = all(1);
  CHECK(all(2) == one);
  CHECK(all(3) == one);
}

TEST_CASE("a fill's numbers do not depend on its size, and the next fill's are others",
          "[random]") {
  Array<float> whole({5000}), part({1234});
  cpu::random_normal(whole.view(), 0, 1, {4, 10});
  cpu::random_normal(part.view(), 0, 1, {4, 10});
  CHECK(std::equal(part.memory.begin(), part.memory.end(), whole.memory.begin()));
  cpu::random_normal(part.view(), 0, 1, {4, 11});
  CHECK(std::equal(part.memory.begin(), part.memory.end(), whole.memory.begin() + 4));
}

std::vector<std::byte> loops_output(const cpu::RandomLoops& loops) {
  std::vector<std::uint32_t> w(4096), v(4096);
  std::vector<float> f(4096), x(4096, 1.7f);
  std::vector<double> d(4096);
  std::vector<BFloat16> b(4096, BFloat16(1.7f));
  std::vector<std::uint8_t> mask(4096);
  std::vector<std::byte> all;
  const auto add = [&](const auto& values) {
    const auto bytes = std::as_bytes(std::span(values));
    all.insert(all.end(), bytes.begin(), bytes.end());
  };
  loops.words(w.data(), 0x123456789abcdef0, 0xFFFFFF00, 0, 1024);
  loops.words(v.data(), 0x123456789abcdef0, 0xFFFFFF00, 1, 1021);
  add(w), add(v);
  loops.uniform_f32(f.data(), w.data(), 4096, -1, 3), add(f);
  loops.uniform_f64(d.data(), w.data(), v.data(), 4096, -1, 3), add(d);
  loops.normal_f32(f.data(), w.data(), 4096, 1, 3), add(f);
  loops.normal_f64(d.data(), w.data(), v.data(), 4096, 1, 3), add(d);
  loops.dropout_f32(f.data(), mask.data(), x.data(), w.data(), 4093, 1u << 30, 1.3f), add(f),
      add(mask);
  loops.dropout_bf16(b.data(), mask.data(), b.data(), w.data(), 4093, 1u << 30, 1.3f), add(b),
      add(mask);
  return all;
}

TEST_CASE("all instruction sets give the same bits", "[random]") {
  const auto v2 = loops_output(cpu::v2::random_loops);
  if (cpu::isa_kernels(cpu::Isa::AVX2)) CHECK(loops_output(cpu::avx2::random_loops) == v2);
  if (cpu::isa_kernels(cpu::Isa::AVX512)) CHECK(loops_output(cpu::avx512::random_loops) == v2);
}

}  // namespace
}  // namespace weft
