#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include <weft/core/check.h>
#include <weft/data/archive.h>
#include <weft/data/file.h>

namespace weft::data {

struct GzipFile::State {
  explicit State(const std::string& path) : file(path) {
    constexpr int gzip_only = 16 + MAX_WBITS;
    if (inflateInit2(&stream, gzip_only) != Z_OK) {
      fail<IOError>("gzip", "{}: cannot start zlib {}", path, zlibVersion());
    }
  }
  ~State() { inflateEnd(&stream); }

  bool refill() {
    const std::size_t got = file.read_some(buffer);
    stream.next_in = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_in = static_cast<uInt>(got);
    return got > 0;
  }

  // A step of inflate; between members (fresh) the file may end.
  bool step() {
    if (stream.avail_in == 0 && !refill()) {
      if (fresh && stream.total_in > 0) return false;
      fail<ParseError>("gzip", "{}: the file is cut off", file.path());
    }
    if (ended) inflateReset(&stream);
    ended = fresh = false;
    const int result = inflate(&stream, Z_NO_FLUSH);
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
      fail<ParseError>("gzip", "{}: not gzip data, or damaged: {}", file.path(),
                       stream.msg ? stream.msg : "bad stream");
    }
    ended = fresh = result == Z_STREAM_END;
    return true;
  }

  InputFile file;
  z_stream stream{};
  std::vector<std::byte> buffer = std::vector<std::byte>(1 << 16);
  bool ended = false, fresh = false;
};

GzipFile::GzipFile(const std::string& path) : state_(std::make_unique<State>(path)) {}
GzipFile::~GzipFile() = default;
const std::string& GzipFile::path() const { return state_->file.path(); }

std::size_t GzipFile::read_some(std::span<std::byte> out) {
  z_stream& stream = state_->stream;
  const auto asked = static_cast<uInt>(std::min<std::size_t>(out.size(), 1u << 30));
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = asked;
  while (stream.avail_out > 0 && state_->step()) {
  }
  return asked - stream.avail_out;
}

void GzipFile::read(std::span<std::byte> out) {
  while (!out.empty()) {
    const std::size_t got = read_some(out);
    if (got == 0) fail<ParseError>("gzip", "{}: the content is cut off", path());
    out = out.subspan(got);
  }
}

std::vector<std::byte> read_gzip(const std::string& path, std::uint64_t limit) {
  GzipFile file(path);
  std::vector<std::byte> content;
  std::array<std::byte, 1 << 14> piece;
  while (const std::size_t got = file.read_some(piece)) {
    if (content.size() + got > limit) {
      fail<ParseError>("gzip", "{}: got more than {} bytes of content", path, limit);
    }
    content.insert(content.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(got));
  }
  return content;
}

namespace {

// A ustar header: one block of 512 bytes, numbers in octal.
struct TarHeader {
  std::array<char, 512> block;

  std::string_view field(std::size_t at, std::size_t length) const {
    const std::string_view text(block.data() + at, length);
    return text.substr(0, std::min(text.find('\0'), length));
  }
  bool empty() const {
    return std::ranges::all_of(block, [](char c) { return c == '\0'; });
  }
  std::string name() const {
    const std::string path(field(0, 100));
    return path.substr(path.rfind('/') + 1);
  }
  bool is_file() const { return block[156] == '0' || block[156] == '\0'; }

  // -1 if the field is no octal number.
  std::int64_t octal(std::size_t at, std::size_t length) const {
    std::int64_t value = 0;
    bool any = false;
    for (char c : field(at, length)) {
      if (c == ' ' && !any) continue;
      if (c == ' ') break;
      if (c < '0' || c > '7') return -1;
      value = value * 8 + (c - '0');
      any = true;
    }
    return any ? value : -1;
  }

  bool checksum_holds() const {
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < block.size(); ++i) {
      sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(block[i]);
    }
    return sum == octal(148, 8);
  }
};

void skip(GzipFile& file, std::uint64_t bytes) {
  std::array<std::byte, 1 << 14> piece;
  while (bytes > 0) {
    const std::size_t now = std::min<std::uint64_t>(bytes, piece.size());
    file.read(std::span(piece).first(now));
    bytes -= now;
  }
}

// The next member's header; false at the end of the archive.
bool next_member(GzipFile& file, TarHeader& header) {
  file.read(std::as_writable_bytes(std::span(header.block)));
  if (header.empty()) return false;
  if (!header.checksum_holds() || header.octal(124, 12) < 0) {
    fail<ParseError>("tar", "{}: got a member's header that is damaged, or no tar archive",
                     file.path());
  }
  return true;
}

}  // namespace

std::map<std::string, std::vector<std::byte>> read_tar_gz(const std::string& path,
                                                          const std::set<std::string>& names,
                                                          std::uint64_t limit) {
  GzipFile file(path);
  std::map<std::string, std::vector<std::byte>> found;
  TarHeader header;
  while (found.size() < names.size() && next_member(file, header)) {
    const auto bytes = static_cast<std::uint64_t>(header.octal(124, 12));
    const std::uint64_t padding = (512 - bytes % 512) % 512;
    const std::string name = header.name();
    if (!header.is_file() || !names.contains(name)) {
      skip(file, bytes + padding);
      continue;
    }
    if (bytes > limit) {
      fail<ParseError>("tar", "{}: got {} bytes for {}, expected at most {}", path, bytes, name,
                       limit);
    }
    auto& content = found[name];
    content.resize(bytes);
    file.read(content);
    skip(file, padding);
  }
  return found;
}

}  // namespace weft::data
