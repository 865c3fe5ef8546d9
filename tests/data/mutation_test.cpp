#include <algorithm>
#include <cstring>

#include <weft/core/error.h>
#include <weft/core/random.h>
#include <weft/data/archive.h>
#include <weft/data/image.h>
#include <weft/data/image_set.h>
#include <weft/data/npy.h>
#include <weft/data/npy_header.h>
#include <weft/data/safetensors.h>
#include <weft/tests/catch.h>
#include <weft/tests/data/golden.h>
#include <weft/tests/data/made_files.h>
#include <weft/tests/data/scratch.h>

namespace weft::data {
namespace {

using test::bytes_of;
using test::Scratch;

constexpr int kFiles = 10'000;

template <std::size_t N>
std::string text(const unsigned char (&golden)[N]) {
  return {reinterpret_cast<const char*>(golden), N};
}

// Characters that formats give a meaning are tried more often than others.
char some_byte(RandomStream& random) {
  constexpr std::string_view telling = "\0\1\2\x7f\x80\xff{}[]()\",:'0123456789-.eEL<>|\\";
  if (random.below(2) == 0)
    return telling[random.below(static_cast<std::uint32_t>(telling.size()))];
  return static_cast<char>(random.below(256));
}

// One to four changes: bytes and bits changed, pieces taken out, doubled or moved, the end cut off.
std::string mutated(std::string file, RandomStream& random) {
  for (std::uint32_t change = random.below(4) + 1; change > 0 && !file.empty(); --change) {
    const auto size = static_cast<std::uint32_t>(file.size());
    const std::uint32_t at = random.below(random.below(2) ? size : std::min(size, 200u));
    const std::uint32_t length = std::min(random.below(16) + 1, size - at);
    switch (random.below(7)) {
      case 0: file[at] = some_byte(random); break;
      case 1: file[at] = static_cast<char>(file[at] ^ (1 << random.below(8))); break;
      case 2: file.erase(at, length); break;
      case 3: file.insert(random.below(size), file.substr(at, length)); break;
      case 4: file.insert(at, 1, some_byte(random)); break;
      case 5: file.resize(at); break;
      default: file.replace(random.below(size), length, file.substr(at, length)); break;
    }
  }
  return file;
}

struct Counts {
  int read = 0, refused = 0;
};

// Every mutated file is read or refused with ParseError; anything else fails the test, or crashes
// it under the sanitizers.
template <class F>
Counts mutate(const std::vector<std::string>& files, std::uint64_t seed, F&& read) {
  Counts counts;
  for (int i = 0; i < kFiles; ++i) {
    RandomStream random(Key(seed).fold(static_cast<std::uint64_t>(i)));
    const std::string file = mutated(files[static_cast<std::size_t>(i) % files.size()], random);
    CAPTURE(i);
    try {
      read(file);
      ++counts.read;
    } catch (const ParseError&) {
      ++counts.refused;
    }
  }
  CHECK(counts.refused > kFiles / 10);
  return counts;
}

TEST_CASE("mutated safetensors files are read or refused", "[mutation]") {
  std::string plain =
      R"({"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"b":{"dtype":"U8","shape":[0],"data_offsets":[24,24]}})";
  std::string small(8, '\0');
  small[0] = static_cast<char>(plain.size());
  small += plain + std::string(24, 'x');
  const auto counts = mutate({text(golden::kSafetensors), small}, 1, [](const std::string& file) {
    const TensorMap tensors = safetensors_from_bytes(bytes_of(file));
    std::size_t bytes = 0;
    for (const auto& [name, tensor] : tensors) bytes += tensor.nbytes();
    REQUIRE(bytes < file.size());
    REQUIRE(safetensors_from_bytes(safetensors_to_bytes(tensors)).size() == tensors.size());
  });
  CHECK(counts.read > 100);
}

TEST_CASE("mutated npy files are read or refused", "[mutation]") {
  const Scratch scratch;
  const auto counts =
      mutate({text(golden::kNpy), text(golden::kNpyFortran), text(golden::kNpyBigEndian),
              text(golden::kNpyVersion2), text(golden::kNpyVersion3)},
             2, [&](const std::string& file) {
               parse_npy_header(bytes_of(file), file.size(), "x.npy");
               const Tensor x = load_npy(scratch.write("x.npy", file));
               REQUIRE(x.nbytes() < file.size());
             });
  CHECK(counts.read > 100);
}

TEST_CASE("mutated idx files are read or refused", "[mutation]") {
  const auto counts = mutate({test::idx_file({3, 4, 5})}, 3, [](const std::string& file) {
    parse_mnist(bytes_of(file), "images", bytes_of(test::idx_file({3})), "labels");
  });
  CHECK(counts.read > 100);
  mutate({test::idx_file({3})}, 4, [](const std::string& file) {
    parse_mnist(bytes_of(test::idx_file({3, 4, 5})), "images", bytes_of(file), "labels");
  });
}

TEST_CASE("mutated CIFAR files are read or refused", "[mutation]") {
  const auto counts =
      mutate({test::cifar_file(2), test::cifar_file(2, 2, 100)}, 5, [](const std::string& file) {
        const CifarLayout layout = file.size() % 3073 == 0 ? CifarLayout{} : CifarLayout{2, 1, 100};
        const ImageSet set = parse_cifar(bytes_of(file), layout, "x.bin");
        REQUIRE(set.pixels.size() == static_cast<std::size_t>(set.size()) * 3072);
      });
  CHECK(counts.read > 100);
}

TEST_CASE("mutated archives are read or refused", "[mutation]") {
  const Scratch scratch;
  const std::string tar = test::tar_member("a/x.bin", std::string(700, 'x')) +
                          test::tar_member("a/", "", '5') + test::tar_member("y.bin", "short") +
                          test::tar_end();
  const auto read = [&](const std::string& file) {
    read_tar_gz(scratch.write("x.tar.gz", file), {"x.bin", "y.bin"}, 10000);
  };
  mutate({test::gzip(tar)}, 6, read);
  mutate({tar}, 7, [&](const std::string& file) { read(test::gzip(file)); });
}

TEST_CASE("mutated pictures are read or refused", "[mutation]") {
  mutate({text(golden::kPng), text(golden::kJpeg)}, 8, [](const std::string& file) {
    const Image image = decode_image(bytes_of(file), "x");
    REQUIRE(image.whole());
  });
}

}  // namespace
}  // namespace weft::data
