#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <weft/core/macros.h>

// Compressed files and archives, as the data sets of data/ are published. All refuse, with
// ParseError, files that are cut off or whose checksums do not match.
namespace weft::data {

// A gzip file being read from front to end, uncompressed (RFC 1952, several members included).
class WEFT_API GzipFile {
 public:
  explicit GzipFile(const std::string& path);
  ~GzipFile();

  // Reads up to so many bytes; 0 at the end.
  std::size_t read_some(std::span<std::byte> out);
  // Reads exactly so many bytes.
  void read(std::span<std::byte> out);
  const std::string& path() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The whole content of a gzip file. ParseError if it is longer than `limit` bytes.
WEFT_API std::vector<std::byte> read_gzip(const std::string& path, std::uint64_t limit);

// The members of a .tar.gz (POSIX ustar, pax and GNU headers skipped) whose last path component is
// in `names`, by that name. Reading stops when all were found. ParseError if one is longer than
// `limit` bytes; missing ones are simply not there.
WEFT_API std::map<std::string, std::vector<std::byte>> read_tar_gz(
    const std::string& path, const std::set<std::string>& names, std::uint64_t limit);

}  // namespace weft::data
