#include <cstring>

#include <weft/core/error.h>
#include <weft/data/npy.h>
#include <weft/data/npy_header.h>
#include <weft/ops/make.h>
#include <weft/tests/catch.h>
#include <weft/tests/data/golden.h>
#include <weft/tests/data/scratch.h>

namespace weft {
namespace {

using test::Scratch;

template <std::size_t N>
Tensor load(const unsigned char (&golden)[N]) {
  const Scratch scratch;
  return load_npy(scratch.write("x.npy", std::as_bytes(std::span(golden))));
}

TEST_CASE("NumPy's files are read", "[npy]") {
  const Tensor x = load(golden::kNpy);
  CHECK(x.sizes() == Shape{2, 3});
  CHECK(x.to_vector<float>() == std::vector<float>{0, 0.5, 1, 1.5, 2, 2.5});
  const Tensor fortran = load(golden::kNpyFortran);
  CHECK(fortran.dtype() == f64);
  CHECK(fortran.strides() == Shape{1, 2});
  CHECK(fortran.to_vector<double>() == std::vector<double>{0, 0.5, 1, 1.5, 2, 2.5});
  CHECK(load(golden::kNpyBigEndian).to_vector<int>() == std::vector<int>{0, 256, 513, 1, 258, 514});
  CHECK(load(golden::kNpyVersion2).to_vector<bool>() == std::vector<bool>{true, false});
  CHECK(load(golden::kNpyVersion3).sizes() == Shape{});
  CHECK(load(golden::kNpyVersion3).item<int>() == 3);
}

TEST_CASE("what is written is byte for byte NumPy's file", "[npy]") {
  const Scratch scratch;
  save_npy(scratch.path("x.npy"), load(golden::kNpy));
  const std::string written = scratch.read("x.npy");
  REQUIRE(written.size() == sizeof golden::kNpy);
  CHECK(std::memcmp(written.data(), golden::kNpy, written.size()) == 0);
}

TEST_CASE("every dtype that npy has and every rank come back", "[npy]") {
  const Scratch scratch;
  Shape sizes;
  for (int t = 0; t < kDTypeCount; ++t, sizes.push_back(t % 3)) {
    const auto dtype = static_cast<DType>(t);
    const std::string path = scratch.path("x.npy");
    if (t == kMaxRank + 1) sizes = {2, 2};
    if (dtype == bf16) {
      CHECK_THROWS_AS(save_npy(path, ones({2}, dtype)), DTypeError);
      continue;
    }
    const Tensor x = ones(sizes, dtype);
    save_npy(path, x);
    const Tensor y = load_npy(path);
    CHECK(y.dtype() == dtype);
    CHECK(y.sizes() == sizes);
    CHECK(y.to_vector<double>() == x.to_vector<double>());
    if (sizes.size() == kMaxRank) sizes = {};
  }
  save_npy(scratch.path("t.npy"), arange(6).reshape({2, 3}).t());
  CHECK(load_npy(scratch.path("t.npy")).to_vector<int>() == std::vector<int>{0, 3, 1, 4, 2, 5});
}

std::string file_of(const std::string& literal, std::size_t data_bytes, char version = 1) {
  std::string out = std::string("\x93NUMPY") + version + '\0';
  out += static_cast<char>(literal.size() & 0xff);
  out += static_cast<char>(literal.size() >> 8);
  if (version > 1) out += std::string(2, '\0');
  return out + literal + std::string(data_bytes, '\1');
}

void parse(const std::string& file) {
  data::parse_npy_header(test::bytes_of(file), file.size(), "x.npy");
}

TEST_CASE("header literals are read as Python reads them", "[npy]") {
  CHECK_NOTHROW(parse(file_of("{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }\n", 2)));
  CHECK_NOTHROW(parse(file_of("{\"shape\":(2,1),\"descr\":'>i2','fortran_order':True}", 4, 3)));
  CHECK_NOTHROW(
      parse(file_of("{'descr': '<u1', 'fortran_order': False, 'shape': (2L, 1L)}", 2, 2)));
  CHECK_NOTHROW(parse(file_of("{'descr': '|b1', 'fortran_order': False, 'shape': ()}", 1)));
}

TEST_CASE("npy files that lie are refused", "[npy]") {
  const std::pair<std::string, const char*> bad[] = {
      {"", "NUMPY"},
      {"\x93NUMPX\1", "NUMPY"},
      {file_of("{'descr': '|u1', 'fortran_order': False, 'shape': (2,)}", 2, 4), "version 4.0"},
      {file_of("{'descr': '|u1', 'fortran_order': False, 'shape': (2,)}", 1), "got 1 bytes"},
      {file_of("{'descr': '|u1', 'fortran_order': False, 'shape': (2,)}", 3), "got 3 bytes"},
      {file_of("{'descr': '|u1', 'fortran_order': False, 'shape': (2)}", 2), "a tuple"},
      {file_of("{'descr': '|u1', 'fortran_order': False, 'shape': (-2,)}", 2), "a size"},
      {file_of("{'descr': '|u1', 'fortran_order': 0, 'shape': (2,)}", 2), "True or False"},
      {file_of("{'descr': '|u1', 'fortran_order': False}", 2), "descr, fortran_order and shape"},
      {file_of("{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (2,)}", 2),
       "once"},
      {file_of("{'descr': '|u1', 'fortran_order': False, 'shape': (2,), 'x': 1}", 2), "once"},
      {file_of("{'descr': '|u1', 'fortran_order': False, 'shape': (2,)} x", 2), "its end"},
      {file_of("{'descr': '|u1, 'fortran_order': False, 'shape': (2,)", 2), ""},
      {file_of("{'descr': '<c8', 'fortran_order': False, 'shape': (2,)}", 16), "'<c8'"},
      {file_of("{'descr': '|O', 'fortran_order': False, 'shape': (2,)}", 16), "'|O'"},
      {file_of("{'descr': '|f4', 'fortran_order': False, 'shape': (2,)}", 8), "'|f4'"},
      {file_of("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}", 8), "'''"},
      {file_of("{'descr': '|u1', 'fortran_order': False, 'shape': (9223372036854775808,)}", 0),
       "2^63"},
      {file_of("{'descr': '<f8', 'fortran_order': False, 'shape': (2305843009213693952,)}", 0),
       "shape"},
      {file_of("{'descr': '|u1', 'fortran_order': False, 'shape': (0, 4294967296, 4294967296)}", 0),
       "shape"},
      {file_of("{'descr': '|u1', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}", 1),
       "8 dimensions"},
      {file_of("{'descr': '|u1', 'fortran_order': False, 'shape': (2,)}", 0).substr(0, 30),
       "header of"},
  };
  for (const auto& [file, message] : bad) {
    CAPTURE(file);
    CHECK_THROWS_MATCHES(
        parse(file), ParseError,
        Catch::Matchers::MessageMatches(Catch::Matchers::ContainsSubstring(message)));
  }
}

TEST_CASE("a missing npy file, a folder and a bad bool are refused by name", "[npy]") {
  const Scratch scratch;
  CHECK_THROWS_MATCHES(
      load_npy(scratch.path("none.npy")), IOError,
      Catch::Matchers::MessageMatches(Catch::Matchers::ContainsSubstring("none.npy")));
  CHECK_THROWS_AS(load_npy(scratch.path("")), IOError);
  auto file = file_of("{'descr': '|b1', 'fortran_order': False, 'shape': (2,)}", 2);
  file.back() = '\3';
  CHECK_THROWS_AS(load_npy(scratch.write("b.npy", file)), ParseError);
}

}  // namespace
}  // namespace weft
