#include <algorithm>
#include <cstring>
#include <string_view>

#include <weft/core/check.h>
#include <weft/data/checked_bytes.h>
#include <weft/data/npy_header.h>

namespace weft::data {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::pair<std::string_view, DType> kNames[] = {
    {"b1", DType::Bool}, {"u1", DType::U8},  {"i1", DType::I8},
    {"i2", DType::I16},  {"i4", DType::I32}, {"i8", DType::I64},
    {"f2", DType::F16},  {"f4", DType::F32}, {"f8", DType::F64},
};

// Reads the literal from front to back; every method throws if it finds something else.
class Literal {
 public:
  Literal(std::string_view text, const std::string& path) : text_(text), path_(path) {}

  [[noreturn]] void refuse(std::string_view expected) const {
    fail<ParseError>("npy", "{}: got a header that does not have {} at byte {}", path_, expected,
                     at_);
  }

  bool take(char c) {
    skip_space();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) refuse(fmt::format("'{}'", c));
  }

  std::string_view string() {
    const char quote = take('"') ? '"' : '\'';
    if (quote == '\'') expect('\'');
    const auto end = text_.find(quote, at_);
    if (end == text_.npos) refuse("the end of a string");
    const auto value = text_.substr(at_, end - at_);
    at_ = end + 1;
    return value;
  }

  bool truth() {
    skip_space();
    for (const auto& [word, value] : {std::pair("True", true), std::pair("False", false)}) {
      if (!text_.substr(at_).starts_with(word)) continue;
      at_ += std::strlen(word);
      return value;
    }
    refuse("True or False");
  }

  Index size() {
    skip_space();
    Index value = 0;
    const std::size_t start = at_;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      if (__builtin_mul_overflow(value, 10, &value) ||
          __builtin_add_overflow(value, text_[at_] - '0', &value)) {
        refuse("a size below 2^63");
      }
    }
    if (at_ == start) refuse("a size");
    if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // Python 2 wrote long integers so
    return value;
  }

  Shape tuple() {
    Shape shape;
    expect('(');
    while (!take(')')) {
      if (shape.size() == kMaxRank) refuse("at most 8 dimensions");
      shape.push_back(size());
      if (take(')')) {
        if (shape.size() == 1) refuse("a tuple");  // (3) is a number in Python
        break;
      }
      expect(',');
    }
    return shape;
  }

  void end() {
    skip_space();
    if (at_ != text_.size()) refuse("its end");
  }

 private:
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  const std::string& path_;
};

void read_descr(NpyHeader& header, std::string_view text, const std::string& path) {
  for (const auto& [name, dtype] : kNames) {
    if (text.size() != 3 || text.substr(1) != name) continue;
    const bool one_byte = size_of(dtype) == 1;
    if (text[0] != '<' && text[0] != '>' && !(text[0] == '|' && one_byte)) break;
    header.dtype = dtype;
    header.swap_bytes = text[0] == '>' && !one_byte;
    return;
  }
  fail<ParseError>("npy", "{}: got dtype '{}', which Weft does not have", path, text.substr(0, 40));
}

void read_fields(NpyHeader& header, Literal literal, const std::string& path) {
  bool seen[3] = {};
  literal.expect('{');
  while (!literal.take('}')) {
    const std::string_view key = literal.string();
    const int which = key == "descr" ? 0 : key == "fortran_order" ? 1 : key == "shape" ? 2 : 3;
    if (which == 3 || seen[which]) literal.refuse("each of descr, fortran_order and shape once");
    seen[which] = true;
    literal.expect(':');
    if (which == 0) read_descr(header, literal.string(), path);
    if (which == 1) header.fortran_order = literal.truth();
    if (which == 2) header.shape = literal.tuple();
    if (literal.take('}')) break;
    literal.expect(',');
  }
  if (!(seen[0] && seen[1] && seen[2])) literal.refuse("descr, fortran_order and shape");
  literal.end();
}

std::uint64_t little_endian(std::span<const std::byte> bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;)
    value = value << 8 | std::to_integer<unsigned>(bytes[i]);
  return value;
}

}  // namespace

NpyHeader parse_npy_header(std::span<const std::byte> start, std::uint64_t file_size,
                           const std::string& path) {
  const std::string_view text(reinterpret_cast<const char*>(start.data()), start.size());
  if (text.size() < 12 || !text.starts_with(kMagic)) {
    fail<ParseError>("npy", "{}: expected a file that starts with \\x93NUMPY", path);
  }
  const int version = text[6];
  if (version < 1 || version > 3 || text[7] != 0) {
    fail<ParseError>("npy", "{}: got version {}.{}, expected 1.0, 2.0 or 3.0", path, version,
                     int{text[7]});
  }
  const std::size_t before = version == 1 ? 10 : 12;
  const std::uint64_t length = little_endian(start.subspan(8, before - 8));
  if (length > std::min<std::uint64_t>(start.size(), kMaxNpyHeader) - before) {
    fail<ParseError>("npy", "{}: got a header of {} bytes in a file of {}", path, length,
                     file_size);
  }
  NpyHeader header;
  read_fields(header, Literal(text.substr(before, length), path), path);
  header.data_start = before + length;
  const auto bytes = checked_bytes(header.dtype, header.shape);
  if (!bytes || *bytes != file_size - header.data_start) {
    fail<ParseError>("npy", "{}: got {} bytes of data for shape {} and dtype {}", path,
                     file_size - header.data_start, header.shape, header.dtype);
  }
  header.data_bytes = *bytes;
  return header;
}

std::string write_npy_header(DType dtype, const Shape& shape) {
  const auto* found = std::ranges::find(kNames, dtype, &std::pair<std::string_view, DType>::second);
  if (found == std::end(kNames)) {
    fail<DTypeError>("save_npy", "got {}, which npy does not have, expected float32, say", dtype);
  }
  const char order = size_of(dtype) == 1 ? '|' : '<';
  std::string text =
      fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}{}), }}", order,
                  found->first, fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
  const std::size_t total = (10 + text.size() + 1 + 63) / 64 * 64;
  text.resize(total - 10 - 1, ' ');
  std::string out = std::string(kMagic) + '\x01' + '\0';
  out += static_cast<char>((text.size() + 1) & 0xFF);
  out += static_cast<char>((text.size() + 1) >> 8);
  return out + text + '\n';
}

}  // namespace weft::data
