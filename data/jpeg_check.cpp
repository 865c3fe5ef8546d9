#include <weft/data/jpeg_check.h>

namespace weft::data {
namespace {

constexpr int kTables = 0xC4, kScan = 0xDA;

class Walker {
 public:
  explicit Walker(std::span<const std::byte> file) : file_(file) {}

  int at(std::size_t i) const { return i < file_.size() ? std::to_integer<int>(file_[i]) : 0; }
  int length(std::size_t i) const { return at(i) << 8 | at(i + 1); }

  // Behind the first marker, before which stb skips filling bytes.
  std::size_t start() const {
    std::size_t i = 0;
    while (at(i) == 0xFF) ++i;
    return i + 1;
  }

  // The tables of a segment whose length stands at i.
  bool tables_fit(std::size_t i) const {
    int left = length(i) - 2;
    for (i += 2; left > 0;) {
      int symbols = 0;
      for (std::size_t j = 1; j <= 16; ++j) symbols += at(i + j);
      if (symbols > 256) return false;
      left -= 17 + symbols;
      i += 17 + static_cast<std::size_t>(symbols);
    }
    return true;
  }

  // The segments before the first scan follow each other; returns where the scan begins, or 0 if a
  // table does not fit. What comes behind a broken segment is looked at as a scan is.
  std::size_t header_end() const {
    std::size_t i = start();
    while (i + 4 <= file_.size() && at(i) == 0xFF) {
      const int marker = at(i + 1);
      if (marker == 0xFF) {  // a filling byte
        ++i;
        continue;
      }
      if (marker == kScan) break;
      if (marker == kTables && !tables_fit(i + 2)) return 0;
      i += 2 + static_cast<std::size_t>(length(i + 2));
    }
    return i;
  }

  // Within a scan's data 0xFF is never followed by the marker, so every such pair is a segment.
  bool rest_fits(std::size_t i) const {
    for (; i + 1 < file_.size(); ++i) {
      if (at(i) == 0xFF && at(i + 1) == kTables && !tables_fit(i + 2)) return false;
    }
    return true;
  }

 private:
  std::span<const std::byte> file_;
};

}  // namespace

bool huffman_tables_fit(std::span<const std::byte> file) {
  const Walker walker(file);
  if (walker.at(0) != 0xFF) return true;
  const std::size_t scan = walker.header_end();
  return scan > 0 && walker.rest_fits(scan);
}

}  // namespace weft::data
