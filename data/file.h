#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <weft/core/macros.h>

// Files with errors that name the file and what the system said (IOError), and saves that happen
// whole or not at all. Every system call goes through FileCalls, so that tests can fail each of
// them.
namespace weft::data {

// The calls of the same names, with their results and errno.
class WEFT_API FileCalls {
 public:
  virtual ~FileCalls() = default;
  virtual int open(const char* path, int flags, unsigned mode);
  virtual int close(int file);
  virtual std::int64_t size(int file);            // fstat: a regular file's length, or -1
                                                  // (ESPIPE: it is a pipe)
  virtual bool same(int file, const char* path);  // do both name one file?
  virtual int lock(int file);                     // flock(LOCK_EX)
  virtual int truncate(int file);                 // to nothing
  virtual std::int64_t read(int file, void* data, std::size_t bytes);
  virtual std::int64_t write(int file, const void* data, std::size_t bytes);
  virtual int sync(int file);
  virtual int rename(const char* from, const char* to);
  virtual int unlink(const char* path);
};

// Puts calls in the place of the system's, for all threads, until destroyed. For tests.
class WEFT_API ReplacedFileCalls {
 public:
  explicit ReplacedFileCalls(FileCalls& calls);
  ~ReplacedFileCalls();
  ReplacedFileCalls(const ReplacedFileCalls&) = delete;
  ReplacedFileCalls& operator=(const ReplacedFileCalls&) = delete;

 private:
  FileCalls* before_;
};

// A regular file being read from front to end, or where that is said a pipe, whose size is not
// known.
class WEFT_API InputFile {
 public:
  enum class Kind { Regular, RegularOrPipe };
  explicit InputFile(const std::string& path, Kind kind = Kind::Regular);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::string& path() const { return path_; }
  std::uint64_t size() const { return size_; }  // in bytes, when it was opened; of a pipe 0
  bool is_pipe() const { return pipe_; }
  // Reads exactly so many bytes; ParseError if the file ends before.
  void read(std::span<std::byte> out);
  void read(void* data, std::size_t bytes) { read({static_cast<std::byte*>(data), bytes}); }
  // Reads up to so many bytes; 0 at the end of the file.
  std::size_t read_some(std::span<std::byte> out);

 private:
  void wait();
  std::string path_;
  int file_ = -1;
  std::uint64_t size_ = 0;
  bool pipe_ = false;
};

// The whole file, or what a pipe (/dev/stdin, <(command)) gives until its end, which is there at
// once where nobody writes to it. ParseError if that is longer than `limit` bytes.
WEFT_API std::vector<std::byte> read_file(const std::string& path, std::uint64_t limit);

// What a save writes to.
class WEFT_API OutputFile {
 public:
  void write(const void* data, std::size_t bytes);
  void write(const std::string& text) { write(text.data(), text.size()); }
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

 private:
  friend void save_file(const std::string&, const std::function<void(OutputFile&)>&);
  explicit OutputFile(const std::string& path);
  ~OutputFile();
  void finish();
  void discard();

  std::string path_;
  std::string temporary_;  // path.tmp, in the same folder so that renaming is atomic
  int file_ = -1;
};

// Calls write with an open temporary file, then syncs it, renames it to path and syncs the folder.
// Whatever fails, path holds the old content or the new, whole, and no temporary stays behind. A
// file that is there keeps its permissions, and a symbolic link to one stays.
// Saves of one path from several threads or processes wait for each other. Throws IOError.
WEFT_API void save_file(const std::string& path, const std::function<void(OutputFile&)>& write);

}  // namespace weft::data
