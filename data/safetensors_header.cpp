#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>

#include <nlohmann/json.hpp>

#include <weft/core/check.h>
#include <weft/data/checked_bytes.h>
#include <weft/data/safetensors_header.h>

namespace weft::data {
namespace {

constexpr const char* kMetadata = "__metadata__";
constexpr std::pair<const char*, DType> kNames[] = {
    {"BOOL", DType::Bool}, {"U8", DType::U8},   {"I8", DType::I8},   {"I16", DType::I16},
    {"I32", DType::I32},   {"I64", DType::I64}, {"F16", DType::F16}, {"BF16", DType::BF16},
    {"F32", DType::F32},   {"F64", DType::F64},
};

std::optional<DType> dtype_named(const std::string& text) {
  for (const auto& [name, dtype] : kNames) {
    if (text == name) return dtype;
  }
  return {};
}

const char* name_of(DType dtype) {
  return std::ranges::find(kNames, dtype, &std::pair<const char*, DType>::second)->first;
}

// Names come from the file, so messages show at most 100 characters of them.
std::string shown(const std::string& text) {
  return text.size() <= 100 ? text : text.substr(0, 100) + "...";
}

// Receives the JSON token by token; a method that returns false ends the parse.
class Reader : public nlohmann::json_sax<nlohmann::json> {
 public:
  std::vector<SafetensorsEntry> entries;
  std::map<std::string, std::string> metadata;
  std::string problem;

  bool start_object(std::size_t) override {
    if (level_ == Level::Start) return enter(Level::File);
    if (level_ != Level::File) return refuse("an object");
    seen_dtype_ = seen_shape_ = seen_offsets_ = false;
    return enter(in_metadata_ ? Level::Metadata : Level::Tensor);
  }

  bool end_object() override {
    if (level_ == Level::Tensor && !(seen_dtype_ && seen_shape_ && seen_offsets_)) {
      return say("{}: expected dtype, shape and data_offsets", where());
    }
    return enter(level_ == Level::File ? Level::End : Level::File);
  }

  bool key(std::string& key) override {
    if (level_ == Level::File) return begin_entry(key);
    key_ = key;
    if (level_ == Level::Metadata) return metadata.emplace(key, "").second || twice();
    if (key == "dtype") return once(seen_dtype_);
    if (key == "shape") return once(seen_shape_);
    if (key == "data_offsets") return once(seen_offsets_);
    return say("{}: got \"{}\", expected dtype, shape and data_offsets alone", where(), shown(key));
  }

  bool string(std::string& value) override {
    if (level_ == Level::Metadata) {
      metadata[key_] = value;
      return true;
    }
    if (level_ != Level::Tensor || key_ != "dtype") return refuse("a string");
    const auto dtype = dtype_named(value);
    if (!dtype) return say("{}: got dtype \"{}\", which Weft does not have", where(), shown(value));
    entries.back().dtype = *dtype;
    return true;
  }

  bool start_array(std::size_t) override {
    if (level_ != Level::Tensor || key_ == "dtype") return refuse("an array");
    count_ = 0;
    return enter(Level::Array);
  }

  bool end_array() override {
    if (key_ == "data_offsets" && count_ != 2) {
      return say("{}: got {} data_offsets, expected 2", where(), count_);
    }
    return enter(Level::Tensor);
  }

  bool number_unsigned(number_unsigned_t value) override {
    if (level_ != Level::Array) return refuse("a number");
    ++count_;
    if (key_ == "shape") return add_size(value);
    if (count_ == 1) entries.back().begin = value;
    if (count_ == 2) entries.back().end = value;
    return count_ <= 2 || say("{}: got more than 2 data_offsets", where());
  }

  bool null() override { return refuse("null"); }
  bool boolean(bool) override { return refuse("a truth value"); }
  bool number_integer(number_integer_t) override { return refuse("a negative number"); }
  bool number_float(number_float_t, const std::string&) override {
    return refuse("a number that is no 64-bit integer");
  }
  bool binary(nlohmann::json::binary_t&) override { return refuse("binary data"); }
  bool parse_error(std::size_t at, const std::string&, const nlohmann::json::exception&) override {
    return say("the header is not JSON (byte {})", at);
  }

 private:
  enum class Level { Start, File, Metadata, Tensor, Array, End };

  template <class... Args>
  bool say(fmt::format_string<Args...> format, Args&&... args) {
    if (problem.empty()) problem = fmt::format(format, std::forward<Args>(args)...);
    return false;
  }
  bool refuse(const char* what) {
    return say("{}: got {} where the format has none", where(), what);
  }
  bool twice() { return say("{}: \"{}\" is there twice", where(), shown(key_)); }
  bool once(bool& seen) {
    if (seen) return twice();
    return seen = true;
  }
  bool enter(Level level) {
    level_ = level;
    return true;
  }
  std::string where() const {
    if (level_ == Level::Start || entries.empty()) return in_metadata_ ? kMetadata : "the header";
    return in_metadata_ ? kMetadata : fmt::format("tensor \"{}\"", shown(entries.back().name));
  }

  bool begin_entry(const std::string& name) {
    in_metadata_ = name == kMetadata;
    if (in_metadata_) return once(seen_metadata_);
    entries.emplace_back().name = name;
    return true;
  }

  bool add_size(std::uint64_t size) {
    if (size > INT64_MAX) return say("{}: got size {}, expected less than 2^63", where(), size);
    if (count_ > kMaxRank) return say("{}: expected at most {} dimensions", where(), kMaxRank);
    entries.back().shape.push_back(static_cast<Index>(size));
    return true;
  }

  Level level_ = Level::Start;
  std::string key_;
  int count_ = 0;
  bool in_metadata_ = false, seen_metadata_ = false;
  bool seen_dtype_ = false, seen_shape_ = false, seen_offsets_ = false;
};

void check_names(const std::vector<SafetensorsEntry>& entries, const std::string& path) {
  std::vector<const std::string*> names;
  for (const auto& entry : entries) names.push_back(&entry.name);
  std::ranges::sort(names, {}, [](auto* name) -> const std::string& { return *name; });
  const auto same = [](auto* a, auto* b) { return *a == *b; };
  const auto found = std::ranges::adjacent_find(names, same);
  if (found != names.end()) {
    fail<ParseError>("safetensors", "{}: got tensor \"{}\" twice", path, shown(**found));
  }
}

void check_offsets(const SafetensorsHeader& header, std::uint64_t file_size,
                   const std::string& path) {
  std::uint64_t at = 0;
  const std::uint64_t data_bytes = file_size - header.data_start;
  for (const auto& entry : header.entries) {
    const auto bytes = checked_bytes(entry.dtype, entry.shape);
    if (entry.begin != at || entry.end < entry.begin || entry.end > data_bytes) {
      fail<ParseError>("safetensors",
                       "{}: got tensor \"{}\" at bytes {} to {}, expected it at {} and within {}",
                       path, shown(entry.name), entry.begin, entry.end, at, data_bytes);
    }
    if (!bytes || entry.end - entry.begin != *bytes) {
      fail<ParseError>("safetensors", "{}: got {} bytes for tensor \"{}\" of shape {} and dtype {}",
                       path, entry.end - entry.begin, shown(entry.name), entry.shape, entry.dtype);
    }
    at = entry.end;
  }
  if (at != data_bytes) {
    fail<ParseError>("safetensors", "{}: got {} bytes of data, expected {} by the header", path,
                     data_bytes, at);
  }
}

std::string quoted(const std::string& text) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::type_error&) {
    fail<ValueError>("safetensors", "got a name or metadata that is not UTF-8");
  }
}

void lay_out(std::vector<SafetensorsEntry>& entries) {
  std::ranges::sort(entries, [](const auto& a, const auto& b) {
    const std::size_t x = size_of(a.dtype), y = size_of(b.dtype);
    return x != y ? x > y : a.name < b.name;
  });
  std::uint64_t at = 0;
  for (auto& entry : entries) {
    entry.begin = at;
    const auto bytes = checked_bytes(entry.dtype, entry.shape);
    if (!bytes || __builtin_add_overflow(at, *bytes, &at)) {
      fail<ValueError>("safetensors", "got tensors of more than 2^64 bytes");
    }
    entry.end = at;
  }
}

}  // namespace

std::uint64_t safetensors_header_length(std::span<const std::byte> first_bytes,
                                        std::uint64_t file_size, const std::string& path) {
  static_assert(std::endian::native == std::endian::little);
  std::uint64_t length = 0;
  if (first_bytes.size() < 8 || file_size < 8) {
    fail<ParseError>("safetensors", "{}: got {} bytes, expected at least 8", path, file_size);
  }
  std::memcpy(&length, first_bytes.data(), 8);
  if (length > kMaxSafetensorsHeader || length > file_size - 8) {
    fail<ParseError>("safetensors", "{}: got a header of {} bytes, expected at most {}", path,
                     length, std::min(kMaxSafetensorsHeader, file_size - 8));
  }
  return length;
}

SafetensorsHeader parse_safetensors_header(std::span<const std::byte> json, std::uint64_t file_size,
                                           const std::string& path) {
  const auto* text = reinterpret_cast<const char*>(json.data());
  if (json.empty() || *text != '{') {
    fail<ParseError>("safetensors", "{}: expected a header that starts with '{{'", path);
  }
  if (std::ranges::find(json, std::byte{0}) != json.end()) {  // the parser would end there
    fail<ParseError>("safetensors", "{}: got a zero byte in the header, expected JSON and spaces",
                     path);
  }
  Reader reader;
  if (!nlohmann::json::sax_parse(text, text + json.size(), &reader)) {
    fail<ParseError>("safetensors", "{}: {}", path, reader.problem);
  }
  SafetensorsHeader header{std::move(reader.entries), std::move(reader.metadata), 8 + json.size()};
  check_names(header.entries, path);
  std::ranges::stable_sort(header.entries, {},
                           [](const SafetensorsEntry& e) { return std::pair(e.begin, e.end); });
  check_offsets(header, file_size, path);
  return header;
}

std::string write_safetensors_header(SafetensorsHeader& header) {
  lay_out(header.entries);
  std::vector<std::string> fields;
  if (!header.metadata.empty()) {
    std::vector<std::string> pairs;
    for (const auto& [k, v] : header.metadata) pairs.push_back(quoted(k) + ":" + quoted(v));
    fields.push_back(fmt::format("\"{}\":{{{}}}", kMetadata, fmt::join(pairs, ",")));
  }
  for (const auto& e : header.entries) {
    if (e.name == kMetadata) fail<ValueError>("safetensors", "got a tensor named {}", kMetadata);
    fields.push_back(fmt::format(R"({}:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
                                 quoted(e.name), name_of(e.dtype), fmt::join(e.shape, ","), e.begin,
                                 e.end));
  }
  std::string json = fmt::format("{{{}}}", fmt::join(fields, ","));
  json.resize((json.size() + 7) / 8 * 8, ' ');
  if (json.size() > kMaxSafetensorsHeader) {
    fail<ValueError>("safetensors",
                     "got names and metadata that need a header of {} bytes, expected at most {}",
                     json.size(), kMaxSafetensorsHeader);
  }
  const std::uint64_t length = json.size();
  std::string out(8, '\0');
  std::memcpy(out.data(), &length, 8);
  header.data_start = 8 + length;
  return out + json;
}

}  // namespace weft::data
