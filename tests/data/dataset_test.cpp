#include <weft/core/error.h>
#include <weft/data/archive.h>
#include <weft/data/dataset.h>
#include <weft/tests/catch.h>
#include <weft/tests/data/made_files.h>
#include <weft/tests/data/scratch.h>

namespace weft::data {
namespace {

using namespace test;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;

void make_cifar10(const Scratch& scratch, const std::string& folder) {
  for (int i = 1; i <= 5; ++i) {
    scratch.write(folder + "/data_batch_" + std::to_string(i) + ".bin", cifar_file(10 + i));
  }
  scratch.write(folder + "/test_batch.bin", cifar_file(12));
}

std::string cifar10_archive() {
  std::string tar = tar_member("cifar-10-batches-bin/", "", '5');
  tar += tar_member("././@LongLink", "a name", 'L') +
         tar_member("cifar-10-batches-bin/readme.html", "<p>");
  for (int i : {3, 1, 2, 5, 4}) {
    tar += tar_member("cifar-10-batches-bin/data_batch_" + std::to_string(i) + ".bin",
                      cifar_file(10 + i));
  }
  return tar + tar_member("cifar-10-batches-bin/test_batch.bin", cifar_file(12)) +
         tar_member("cifar-10-batches-bin/batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n") +
         tar_end();
}

TEST_CASE("CIFAR-10 is read from its folder, the folder above and the archive", "[dataset]") {
  const Scratch scratch;
  make_cifar10(scratch, "cifar-10-batches-bin");
  scratch.write("packed/cifar-10-binary.tar.gz", gzip(cifar10_archive()));
  for (const char* root : {"cifar-10-batches-bin", "", "packed", "packed/cifar-10-binary.tar.gz"}) {
    CAPTURE(root);
    const CIFAR10 train(scratch.path(root)), test(scratch.path(root), false);
    CHECK(train.size() == 11 + 12 + 13 + 14 + 15);
    CHECK(test.size() == 12);
    CHECK(train.images().labels[11] == 0);  // the second file begins
    CHECK(train.classes().size() == 10);
    const auto picture = train.images().picture(12);  // record 1 of the second file
    for (std::size_t p = 0; p < 1024; ++p) {
      for (std::size_t c = 0; c < 3; ++c)
        REQUIRE(picture[3 * p + c] == ((7 + c * 50 + p % 32) & 255));
    }
    Picture p;
    CHECK(train.get(12, p) == 1);
    CHECK(p.values[4] == static_cast<float>(picture[4]) / 255.0f);
    CHECK_THROWS_AS(train.get(65, p), IndexError);
    CHECK(train.first(20).size() == 20);
    CHECK(train.first(1000).size() == 65);
  }
  CHECK(CIFAR10(scratch.path("packed")).classes()[9] == "j");
  CHECK(CIFAR10(scratch.path("")).classes()[9] == "truck");
}

TEST_CASE("CIFAR-10 that is missing, cut off or foreign is refused by name", "[dataset]") {
  const Scratch scratch;
  make_cifar10(scratch, "cifar");
  const auto refused = [&](const std::string& root, const std::string& message) {
    CAPTURE(root);
    CHECK_THROWS_MATCHES(CIFAR10(scratch.path(root)), Error,
                         MessageMatches(ContainsSubstring(message)));
  };
  refused("nowhere", "nowhere");
  refused("", "without data_batch_1.bin");
  std::filesystem::remove(scratch.path("cifar/data_batch_4.bin"));
  refused("cifar", "data_batch_4.bin");
  scratch.write("cifar/data_batch_4.bin", cifar_file(2).substr(0, 5000));
  refused("cifar", "data_batch_4.bin: got 5000 bytes");
  scratch.write("cifar/data_batch_4.bin", "");
  refused("cifar", "got 0 bytes");
  scratch.write("cifar/data_batch_4.bin", "\x0a" + cifar_file(2).substr(1));
  refused("cifar", "got label 10 in record 0");
  const std::string archive = gzip(cifar10_archive());
  scratch.write("cut.tar.gz", archive.substr(0, archive.size() / 2));
  refused("cut.tar.gz", "cut off");
  scratch.write("text.tar.gz", "no gzip");
  refused("text.tar.gz", "not gzip");
  scratch.write("other.tar.gz", gzip(tar_member("x/other.bin", "1") + tar_end()));
  refused("other.tar.gz", "without data_batch_1.bin");
  scratch.write("rubbish.tar.gz", gzip(std::string(5000, 'r')));
  refused("rubbish.tar.gz", "damaged");
  std::string renamed = cifar10_archive();
  renamed[0] = static_cast<char>(renamed[0] ^ 1);  // which the member's checksum does not know
  scratch.write("renamed.tar.gz", gzip(renamed));
  refused("renamed.tar.gz", "damaged");
  std::string wrong = archive;
  wrong[archive.size() - 6] = static_cast<char>(wrong[archive.size() - 6] ^ 1);  // the checksum
  scratch.write("sum.tar.gz", wrong);
  CHECK_THROWS_AS(read_gzip(scratch.path("sum.tar.gz"), 1 << 30), ParseError);
}

TEST_CASE("gzip files of several members are read whole, and limits hold", "[dataset]") {
  const Scratch scratch;
  scratch.write("two.gz", gzip("one ") + gzip(std::string(100000, 'x')));
  CHECK(read_gzip(scratch.path("two.gz"), 1 << 20).size() == 100004);
  CHECK_THROWS_AS(read_gzip(scratch.path("two.gz"), 100003), ParseError);
  scratch.write("empty.gz", "");
  CHECK_THROWS_AS(read_gzip(scratch.path("empty.gz"), 10), ParseError);
  scratch.write("big.tar.gz", gzip(tar_member("a/b", std::string(5000, 'b')) + tar_end()));
  CHECK(read_tar_gz(scratch.path("big.tar.gz"), {"b"}, 5000).at("b").size() == 5000);
  CHECK_THROWS_AS(read_tar_gz(scratch.path("big.tar.gz"), {"b"}, 4999), ParseError);
}

TEST_CASE("CIFAR-100 has fine and coarse labels", "[dataset]") {
  const Scratch scratch;
  scratch.write("cifar-100-binary/train.bin", cifar_file(150, 2, 100));
  scratch.write("cifar-100-binary/test.bin", cifar_file(30, 2, 100));
  const CIFAR100 fine(scratch.path("")), coarse(scratch.path(""), false, true);
  CHECK(fine.size() == 150);
  CHECK(fine.images().labels[99] == 99);
  CHECK(fine.classes().size() == 100);
  CHECK(coarse.images().labels[29] == 9);
  CHECK(coarse.classes().size() == 20);
  scratch.write("cifar-100-binary/test.bin",
                cifar_file(30, 2, 120).substr(0, 3074) + std::string(3074, 'x'));
  CHECK_THROWS_AS(CIFAR100(scratch.path(""), false), ParseError);
}

TEST_CASE("MNIST is read plain or compressed", "[dataset]") {
  const Scratch scratch;
  scratch.write("MNIST/raw/train-images-idx3-ubyte", idx_file({20, 4, 5}));
  scratch.write("MNIST/raw/train-labels-idx1-ubyte.gz", gzip(idx_file({20})));
  scratch.write("MNIST/raw/t10k-images-idx3-ubyte.gz", gzip(idx_file({7, 4, 5})));
  scratch.write("MNIST/raw/t10k-labels-idx1-ubyte", idx_file({8}));
  const MNIST train(scratch.path(""));
  CHECK(train.size() == 20);
  CHECK(train.images().height == 4);
  CHECK(train.images().width == 5);
  CHECK(train.images().channels == 1);
  CHECK(train.images().labels[13] == 3);
  CHECK(train.images().picture(1)[0] == 20);
  CHECK_THROWS_MATCHES(MNIST(scratch.path(""), false), ParseError,
                       MessageMatches(ContainsSubstring("8 labels for the 7")));
  std::string labels = idx_file({7});
  labels.back() = '\x0a';
  scratch.write("MNIST/raw/t10k-labels-idx1-ubyte", labels);
  CHECK_THROWS_MATCHES(MNIST(scratch.path(""), false), ParseError,
                       MessageMatches(ContainsSubstring("got label 10, expected less than 10")));
  CHECK_THROWS_AS(MNIST(scratch.path("none")), IOError);
}

TEST_CASE("idx files that lie are refused", "[dataset]") {
  const auto parse = [](const std::string& file) { return parse_idx(bytes_of(file), 3, "x"); };
  const std::string good = idx_file({2, 3, 4});
  CHECK(parse(good).shape == Shape{2, 3, 4});
  CHECK(parse(good).data.size() == 24);
  CHECK_THROWS_AS(parse(good + "x"), ParseError);
  CHECK_THROWS_AS(parse(good.substr(0, good.size() - 1)), ParseError);
  CHECK_THROWS_AS(parse(good.substr(0, 10)), ParseError);
  CHECK_THROWS_AS(parse(""), ParseError);
  CHECK_THROWS_AS(parse(idx_file({2, 3})), ParseError);
  const std::string head = good.substr(0, 4), most = big_endian(0xffffffff);
  CHECK_THROWS_AS(parse(head + most + most + most), ParseError);
  CHECK_THROWS_AS(parse(head + most + most + most + std::string(100, 'x')), ParseError);
  const std::string half = big_endian(1u << 31);  // times itself and 4 is 2^64, or 0
  CHECK_THROWS_AS(parse(head + half + half + big_endian(4)), ParseError);
  CHECK_THROWS_AS(parse(std::string("\0\0\x0d\3", 4) + good.substr(4)), ParseError);  // floats
}

TEST_CASE("sets of another shape are not joined", "[dataset]") {
  ImageSet a{3, 2, 2, std::vector<std::uint8_t>(12), {1}, {}},
      b{1, 2, 2, std::vector<std::uint8_t>(4), {1}, {}};
  CHECK_THROWS_AS(a.append(b), ShapeError);
  a.append(ImageSet(a));
  CHECK(a.size() == 2);
}

}  // namespace
}  // namespace weft::data
