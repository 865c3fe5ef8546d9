#pragma once

#include <algorithm>
#include <cerrno>

#include <weft/data/file.h>

namespace weft::test {

// Fails the k-th call, as a system does that is out of space or has a bad disk.
class FaultyCalls : public data::FileCalls {
 public:
  // No read or write moves more than `piece` bytes.
  explicit FaultyCalls(int fail_at, std::size_t piece = 1000) : left_(fail_at), piece_(piece) {}
  bool failed() const { return left_ <= 0; }
  int open_files() const { return open_; }

  int open(const char* path, int flags, unsigned mode) override {
    if (fails(EACCES)) return -1;
    const int file = FileCalls::open(path, flags, mode);
    open_ += file >= 0;
    return file;
  }
  int close(int file) override {  // never fails: what is written was synced before
    --open_;
    return FileCalls::close(file);
  }
  std::int64_t size(int file) override { return fails(EIO) ? -1 : FileCalls::size(file); }
  int lock(int file) override { return fails(ENOLCK) ? -1 : FileCalls::lock(file); }
  int truncate(int file) override { return fails(EIO) ? -1 : FileCalls::truncate(file); }
  std::int64_t read(int file, void* data, std::size_t bytes) override {
    return fails(EIO) ? -1 : FileCalls::read(file, data, std::min(bytes, piece_));
  }
  std::int64_t write(int file, const void* data, std::size_t bytes) override {
    return fails(ENOSPC) ? -1 : FileCalls::write(file, data, std::min(bytes, piece_));
  }
  int sync(int file) override { return fails(EIO) ? -1 : FileCalls::sync(file); }
  int rename(const char* from, const char* to) override {
    return fails(EIO) ? -1 : FileCalls::rename(from, to);
  }

 private:
  bool fails(int error) {
    if (--left_ != 0) return false;
    errno = error;
    return true;
  }
  int left_, open_ = 0;
  std::size_t piece_;
};

}  // namespace weft::test
