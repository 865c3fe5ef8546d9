#include <cstring>

#include <weft/core/error.h>
#include <weft/data/safetensors.h>
#include <weft/data/safetensors_header.h>
#include <weft/ops/make.h>
#include <weft/tests/catch.h>
#include <weft/tests/data/golden.h>
#include <weft/tests/data/scratch.h>

namespace weft {
namespace {

using test::bytes_of;
using test::Scratch;

std::string file_of(const std::string& json, std::size_t data_bytes) {
  const std::uint64_t length = json.size();
  std::string out(8, '\0');
  std::memcpy(out.data(), &length, 8);
  return out + json + std::string(data_bytes, '\1');
}

template <class T>
std::vector<T> values(const Tensor& x) {
  return std::vector<T>(x.data<T>(), x.data<T>() + x.numel());
}

bool same(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.sizes() == b.sizes() &&
         (a.nbytes() == 0 || std::memcmp(a.data(), b.data(), a.nbytes()) == 0);
}

TEST_CASE("a file of the safetensors package is read", "[safetensors]") {
  TextMap metadata;
  const auto golden = std::as_bytes(std::span(golden::kSafetensors));
  const TensorMap tensors = safetensors_from_bytes(golden, &metadata);
  CHECK(metadata == TextMap{{"format", "np"}, {"note", "a\nb"}});
  REQUIRE(tensors.size() == 6);
  CHECK(tensors.at("weight").sizes() == Shape{2, 3});
  CHECK(values<float>(tensors.at("weight")) == std::vector<float>{0, 0.5, 1, 1.5, 2, 2.5});
  CHECK(tensors.at("steps").sizes() == Shape{});
  CHECK(values<std::int64_t>(tensors.at("steps")) == std::vector<std::int64_t>{7});
  CHECK(values<bool>(tensors.at("mask")) == std::vector<bool>{true, false, true});
  CHECK(static_cast<float>(tensors.at("half").data<Half>()[1]) == -2);
  CHECK(tensors.at("empty").sizes() == Shape{0, 4});
  CHECK(values<std::int8_t>(tensors.at("naïve \"name\"")) == std::vector<std::int8_t>{-1, 2});
}

TEST_CASE("the header written is that of the safetensors package", "[safetensors]") {
  const auto golden = std::as_bytes(std::span(golden::kSafetensors));
  TensorMap tensors = safetensors_from_bytes(golden);
  const auto first = safetensors_to_bytes(tensors, {{"format", "np"}, {"note", "a\nb"}});
  CHECK(first.size() == golden.size());
  // Its order within one size of element is by dtype, ours by name: one tensor a size is the same.
  TensorMap some = {{"a", tensors.at("weight")}, {"z", tensors.at("mask")}};
  const auto bytes = safetensors_to_bytes(some);
  const std::string text(reinterpret_cast<const char*>(bytes.data()) + 8, bytes.size() - 8 - 27);
  CHECK(text.substr(0, text.find_last_not_of(' ') + 1) ==
        R"({"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
        R"("z":{"dtype":"BOOL","shape":[3],"data_offsets":[24,27]}})");
  CHECK((bytes.size() - 27) % 8 == 0);
}

TEST_CASE("every dtype, empty and 0-d tensors and strided views come back from a file",
          "[safetensors]") {
  const Scratch scratch;
  TensorMap tensors;
  for (int t = 0; t < kDTypeCount; ++t) {
    const auto dtype = static_cast<DType>(t);
    tensors[std::string(name(dtype))] = ones({3, static_cast<Index>(t), 2}, dtype);
  }
  tensors["scalar"] = full({}, 2.5);
  tensors[""] = ones({1});
  const Tensor x = arange(24).reshape({2, 3, 4});
  tensors["view"] = x.transpose(0, 2);
  save_safetensors(scratch.path("x.safetensors"), tensors, {{"k", "v"}});
  CHECK(scratch.files() == 1);
  TextMap metadata;
  const TensorMap loaded = load_safetensors(scratch.path("x.safetensors"), &metadata);
  CHECK(metadata == TextMap{{"k", "v"}});
  REQUIRE(loaded.size() == tensors.size());
  for (const auto& [name, tensor] : tensors) {
    CAPTURE(name);
    CHECK(same(loaded.at(name), tensor.contiguous()));
  }
}

TEST_CASE("what the format cannot hold is refused before a file is made", "[safetensors]") {
  const Scratch scratch;
  const std::string path = scratch.path("x");
  CHECK_THROWS_AS(save_safetensors(path, {{"__metadata__", ones({1})}}), ValueError);
  CHECK_THROWS_AS(save_safetensors(path, {{"x", Tensor()}}), ValueError);
  CHECK_THROWS_AS(save_safetensors(path, {{"\xff", ones({1})}}), ValueError);
  CHECK_THROWS_AS(save_safetensors(path, {{"x", ones({1})}}, {{"a", "\xc3"}}), ValueError);
  CHECK(scratch.files() == 0);
}

TEST_CASE("well-formed files are read, whatever the order and spacing of the header",
          "[safetensors]") {
  const auto read = [](const std::string& file) { return safetensors_from_bytes(bytes_of(file)); };
  CHECK(read(file_of("{}", 0)).empty());
  CHECK(read(file_of("{}   \n", 0)).empty());
  CHECK(read(file_of(R"({"__metadata__":{}})", 0)).empty());
  CHECK(read(file_of(R"({"b":{"shape":[1],"data_offsets":[2,3],"dtype":"U8"},
                          "a":{"dtype":"U8","data_offsets":[0,2],"shape":[2,1]}})",
                     3))
            .size() == 2);
  CHECK(read(file_of(R"({"x":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1],"data_offsets":[0,1]}})", 1))
            .size() == 1);
}

struct Bad {
  const char* json;
  std::size_t data_bytes;
  const char* message;
};

const Bad kBad[] = {
    {"", 0, "starts with '{'"},
    {" {}", 0, "starts with '{'"},
    {"[]", 0, "starts with '{'"},
    {"{", 0, "not JSON"},
    {"{} {}", 0, "not JSON"},
    {R"({"x":{}})", 0, "expected dtype, shape and data_offsets"},
    {R"({"x":3})", 0, "got a number"},
    {R"({"x":[]})", 0, "got an array"},
    {R"({"x":null})", 0, "got null"},
    {R"({"x":{"dtype":"U8","shape":[1]}})", 1, "expected dtype, shape and data_offsets"},
    {R"({"x":{"dtype":"U8","data_offsets":[0,1]}})", 1, "expected dtype, shape and data_offsets"},
    {R"({"x":{"shape":[1],"data_offsets":[0,1]}})", 1, "expected dtype, shape and data_offsets"},
    {R"({"x":{"dtype":"U9","shape":[1],"data_offsets":[0,1]}})", 1, "dtype \"U9\""},
    {R"({"x":{"dtype":8,"shape":[1],"data_offsets":[0,1]}})", 1, "got a number"},
    {R"({"x":{"dtype":"U8","shape":"1","data_offsets":[0,1]}})", 1, "got a string"},
    {R"({"x":{"dtype":"U8","shape":[[1]],"data_offsets":[0,1]}})", 1, "got an array"},
    {R"({"x":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}})", 1, "negative"},
    {R"({"x":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}})", 1, "no 64-bit integer"},
    {R"({"x":{"dtype":"U8","shape":[1e0],"data_offsets":[0,1]}})", 1, "no 64-bit integer"},
    {R"({"x":{"dtype":"U8","shape":[true],"data_offsets":[0,1]}})", 1, "truth value"},
    {R"({"x":{"dtype":"U8","shape":[99999999999999999999],"data_offsets":[0,1]}})", 1, "64-bit"},
    {R"({"x":{"dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,1]}})", 1, "2^63"},
    {R"({"x":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]}})", 1, "8 dimensions"},
    {R"({"x":{"dtype":"F64","shape":[4611686018427387904],"data_offsets":[0,0]}})", 0, "shape"},
    {R"({"x":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", 0, "shape"},
    {R"({"x":{"dtype":"U8","shape":[0,4294967296,4294967296],"data_offsets":[0,0]}})", 0, "shape"},
    {R"({"x":{"dtype":"U8","shape":[2],"data_offsets":[0,1]}})", 1, "got 1 bytes"},
    {R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 0, "within 0"},
    {R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 2, "got 2 bytes of data"},
    {R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})", 2, "expected it at 0"},
    {R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}})", 1, "expected it at 0"},
    {R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0]}})", 1, "1 data_offsets"},
    {R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1,1]}})", 1, "more than 2"},
    {R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0,18446744073709551616]}})", 1, "64-bit"},
    {R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"more":1}})", 1, "\"more\""},
    {R"({"x":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1, "there twice"},
    {R"({"x":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"x":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})",
     0, "\"x\" twice"},
    {R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"y":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
     1, "expected it at 1"},
    {R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"y":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})",
     3, "expected it at 1"},
    {R"({"__metadata__":{"a":1}})", 0, "got a number"},
    {R"({"__metadata__":{"a":{}}})", 0, "got an object"},
    {R"({"__metadata__":"a"})", 0, "got a string"},
    {R"({"__metadata__":{"a":"b","a":"c"}})", 0, "there twice"},
    {R"({"__metadata__":{},"__metadata__":{}})", 0, "there twice"},
    {"{\"\xff\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "not JSON"},
};

TEST_CASE("a header that breaks a rule is a ParseError that says which", "[safetensors]") {
  for (const Bad& bad : kBad) {
    CAPTURE(bad.json);
    CHECK_THROWS_MATCHES(
        safetensors_from_bytes(bytes_of(file_of(bad.json, bad.data_bytes))), ParseError,
        Catch::Matchers::MessageMatches(Catch::Matchers::ContainsSubstring(bad.message)));
  }
}

TEST_CASE("a header is padded with spaces, not with zero bytes", "[safetensors]") {
  const std::string json = R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})";
  CHECK(safetensors_from_bytes(bytes_of(file_of(json + "   ", 1))).size() == 1);
  for (const std::string& end : {std::string(1, '\0'), std::string(7, '\0'), std::string("\0{", 2),
                                 std::string(" \0 ", 3)}) {
    CHECK_THROWS_AS(safetensors_from_bytes(bytes_of(file_of(json + end, 1))), ParseError);
  }
}

TEST_CASE("a length that reaches behind the file, or a huge one, is refused", "[safetensors]") {
  const auto refused = [](std::string file) {
    CHECK_THROWS_AS(safetensors_from_bytes(bytes_of(file)), ParseError);
  };
  refused("");
  refused("1234567");
  refused(file_of("{}", 0).substr(0, 9));
  refused(std::string(8, '\xff') + "{}");
  const std::byte huge[8] = {std::byte{0x01}, std::byte{0xe1}, std::byte{0xf5}, std::byte{0x05}};
  CHECK_THROWS_AS(data::safetensors_header_length(huge, 1ull << 40, "x"), ParseError);  // 1e8 + 1
  const std::byte most[8] = {std::byte{0x00}, std::byte{0xe1}, std::byte{0xf5}, std::byte{0x05}};
  CHECK(data::safetensors_header_length(most, 1ull << 40, "x") == 100'000'000);
}

TEST_CASE("a bool that is neither 0 nor 1 is refused", "[safetensors]") {
  std::string file = file_of(R"({"x":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}})", 2);
  CHECK(safetensors_from_bytes(bytes_of(file)).size() == 1);
  file.back() = '\2';
  CHECK_THROWS_AS(safetensors_from_bytes(bytes_of(file)), ParseError);
}

}  // namespace
}  // namespace weft
