#include <cmath>

#include <weft/core/error.h>
#include <weft/data/image.h>
#include <weft/tests/catch.h>
#include <weft/tests/data/golden.h>
#include <weft/tests/data/scratch.h>

namespace weft::data {
namespace {

using test::Scratch;

void check_golden(const Image& image, int tolerance) {
  REQUIRE(image.height == 6);
  REQUIRE(image.width == 9);
  for (Index y = 0; y < 6; ++y) {
    for (Index x = 0; x < 9; ++x) {
      REQUIRE(std::abs(image.at(y, x, 0) - static_cast<int>(28 * x)) <= tolerance);
      REQUIRE(std::abs(image.at(y, x, 1) - static_cast<int>(50 * y)) <= tolerance);
      REQUIRE(std::abs(image.at(y, x, 2) - static_cast<int>(18 * (x + y))) <= tolerance);
    }
  }
}

TEST_CASE("PNG and JPEG pictures of another program are read", "[image]") {
  check_golden(decode_image(std::as_bytes(std::span(golden::kPng)), "x.png"), 0);
  check_golden(decode_image(std::as_bytes(std::span(golden::kJpeg)), "x.jpg"), 12);
  const Image grey = decode_image(std::as_bytes(std::span(golden::kPng)), "x.png", 1);
  CHECK(grey.channels == 1);
  CHECK(grey.pixels.size() == 54);
}

TEST_CASE("a PNG file comes back as it was", "[image]") {
  const Scratch scratch;
  const Image image = decode_image(std::as_bytes(std::span(golden::kPng)), "x.png");
  write_png(scratch.path("y.png"), image);
  CHECK(read_image(scratch.path("y.png")).pixels == image.pixels);
  CHECK_THROWS_AS(encode_png(Image{2, 2, 3, {}}), ValueError);
  CHECK_THROWS_AS(encode_png(Image{}), ValueError);
}

TEST_CASE("what is no picture is refused by name", "[image]") {
  const Scratch scratch;
  const auto refused = [&](const std::string& bytes) {
    CHECK_THROWS_MATCHES(
        read_image(scratch.write("x.jpg", bytes)), ParseError,
        Catch::Matchers::MessageMatches(Catch::Matchers::ContainsSubstring("x.jpg")));
  };
  refused("");
  refused("GIF89a");
  const std::string png(reinterpret_cast<const char*>(golden::kPng), sizeof golden::kPng);
  refused(png.substr(0, png.size() / 2));
  std::string huge = png;  // claims 2^24 x 2^24 pixels
  huge.replace(16, 8, std::string("\1\0\0\0\1\0\0\0", 8));
  refused(huge);
  CHECK_THROWS_AS(read_image(scratch.path("none.png")), IOError);
  CHECK_THROWS_AS(decode_image({}, "x", 2), ValueError);
}

TEST_CASE("a JPEG with a table of too many symbols never reaches the decoder", "[image]") {
  const std::string jpeg(reinterpret_cast<const char*>(golden::kJpeg), sizeof golden::kJpeg);
  const auto table = jpeg.find("\xff\xc4");
  REQUIRE(table != jpeg.npos);
  std::string bad = jpeg;
  bad.replace(table + 5, 16, 16, '\x20');  // 512 symbols
  const std::string stray = bad.substr(0, table) + "stray" + bad.substr(table);
  const auto scan = jpeg.find("\xff\xda");
  const std::string later = jpeg.substr(0, scan + 12) + bad.substr(table);
  for (const std::string& file : {bad, "\xff" + bad, stray, later}) {
    CHECK_THROWS_MATCHES(
        decode_image(test::bytes_of(file), "x"), ParseError,
        Catch::Matchers::MessageMatches(Catch::Matchers::ContainsSubstring("256 symbols")));
  }
}

TEST_CASE("resizing keeps constants, means and directions", "[image]") {
  const Image flat{7, 5, 3, std::vector<std::uint8_t>(105, 77)};
  for (auto [h, w] : {std::pair<Index, Index>{3, 2}, {7, 5}, {20, 33}, {1, 1}}) {
    const Image out = resize(flat, h, w);
    CHECK(out.pixels == std::vector<std::uint8_t>(static_cast<std::size_t>(h * w * 3), 77));
  }
  Image ramp{4, 8, 1, {}};
  for (int i = 0; i < 32; ++i) ramp.pixels.push_back(static_cast<std::uint8_t>(i % 8 * 30));
  CHECK(resize(ramp, 4, 8).pixels == ramp.pixels);
  const Image half = resize(ramp, 2, 4);  // weights 1 3 3 1 of 8 inside
  CHECK(half.at(0, 1, 0) == 75);
  CHECK(half.at(1, 2, 0) == 135);
  const Image twice = resize(ramp, 4, 16);
  CHECK(twice.at(0, 0, 0) == 0);
  CHECK(twice.at(0, 1, 0) == 8);  // a quarter of 30, rounded
  CHECK(twice.at(0, 2, 0) == 23);
  CHECK_THROWS_AS(resize(ramp, 0, 4), ValueError);
  CHECK_THROWS_AS(resize(ramp, Index{1} << 40, Index{1} << 40), ValueError);
  CHECK_THROWS_AS(resize(Image{2, 2, 1, {1}}, 4, 4), ValueError);
}

TEST_CASE("fitting cuts the middle", "[image]") {
  Image wide{2, 6, 1, {0, 0, 9, 9, 0, 0, 0, 0, 9, 9, 0, 0}};
  CHECK(resize_to_fit(wide, 2, 2).pixels == std::vector<std::uint8_t>(4, 9));
  Image tall{6, 1, 1, {0, 0, 5, 5, 0, 0}};
  CHECK(resize_to_fit(tall, 1, 1).pixels.size() == 1);
  CHECK(resize_to_fit(wide, 32, 1).height == 32);
}

TEST_CASE("contact sheets are cut into tiles, class after class", "[image]") {
  const Scratch scratch;
  for (const char* name : {"cat", "dog"}) {
    Image sheet{8, 12, 3, {}};
    const int base = name[0] == 'c' ? 0 : 100;
    for (int y = 0; y < 8; ++y) {
      for (int x = 0; x < 12; ++x)
        sheet.pixels.insert(sheet.pixels.end(), 3,
                            static_cast<std::uint8_t>(base + y / 4 * 3 + x / 4));
    }
    const auto png = encode_png(sheet);  // read by content, whatever the name
    scratch.write(std::string(name) + ".jpg", std::span<const std::byte>(png));
  }
  const ImageSet set = read_contact_sheets(scratch.path(""), {"cat", "dog"}, 4, 2, 3);
  CHECK(set.size() == 6);
  CHECK(set.labels == std::vector<std::int64_t>{0, 0, 0, 1, 1, 1});
  for (Index i = 0; i < 6; ++i) {
    CHECK(set.picture(i)[0] == (i < 3 ? 2 + i : 100 + i - 1));
    CHECK(set.picture(i)[47] == set.picture(i)[0]);
  }
  CHECK_THROWS_AS(read_contact_sheets(scratch.path(""), {"cat"}, 4, 4, 3), ParseError);
  CHECK_THROWS_AS(read_contact_sheets(scratch.path(""), {"cow"}, 4, 0, 3), IOError);
  CHECK_THROWS_AS(read_contact_sheets(scratch.path(""), {"cat"}, 0, 0, 3), ValueError);
}

}  // namespace
}  // namespace weft::data
