#pragma once

#include <zlib.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

// Small files in the published formats, made here byte by byte.
namespace weft::test {

inline std::string gzip(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

inline std::string tar_member(const std::string& name, const std::string& content,
                              char type = '0') {
  std::string header(512, '\0');
  header.replace(0, name.size(), name);
  char number[13];
  std::snprintf(number, sizeof number, "%011zo", content.size());
  header.replace(124, 11, number, 11);
  header.replace(100, 7, "0000644");
  header[156] = type;
  header.replace(257, 8,
                 std::string("ustar\0"
                             "00",
                             8));
  header.replace(148, 8, 8, ' ');
  unsigned sum = 0;
  for (unsigned char c : header) sum += c;
  std::snprintf(number, sizeof number, "%06o", sum);
  header.replace(148, 7, number, 7);
  return header + content + std::string((512 - content.size() % 512) % 512, '\0');
}

inline std::string tar_end() { return std::string(1024, '\0'); }

// Record i: label i % classes (and i % 20 before it where there are two), pixels that differ.
inline std::string cifar_file(int records, int label_bytes = 1, int classes = 10) {
  std::string out;
  for (int i = 0; i < records; ++i) {
    if (label_bytes == 2) out += static_cast<char>(i % 20);
    out += static_cast<char>(i % classes);
    for (int p = 0; p < 3072; ++p) out += static_cast<char>(i * 7 + p / 1024 * 50 + p % 32);
  }
  return out;
}

inline std::string big_endian(std::uint32_t n) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(n >> shift & 255);
  return out;
}

inline std::string idx_file(const std::vector<std::uint32_t>& shape) {
  std::string out = std::string(2, '\0') + '\x08' + static_cast<char>(shape.size());
  std::size_t n = 1;
  for (auto size : shape) {
    out += big_endian(size);
    n *= size;
  }
  for (std::size_t i = 0; i < n; ++i) out += static_cast<char>(i % (shape.size() == 1 ? 10 : 251));
  return out;
}

}  // namespace weft::test
