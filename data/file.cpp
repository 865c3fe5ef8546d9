#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>

#include <weft/core/check.h>
#include <weft/core/interrupt.h>
#include <weft/data/file.h>

namespace weft::data {
namespace {

FileCalls system_calls;
std::atomic<FileCalls*> current_calls{&system_calls};

FileCalls& calls() { return *current_calls.load(std::memory_order_acquire); }

[[noreturn]] void refuse(const char* what, const std::string& path) {
  fail<IOError>("file", "cannot {} {}: {}", what, path, std::strerror(errno));
}

// What is moved between two looks for an interrupt; one call moves 2 GiB at most.
constexpr std::size_t kPiece = std::size_t{1} << 24;
constexpr std::size_t kPipePiece = 1 << 16;  // what Linux holds of a pipe

template <class F>
auto uninterrupted(F&& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

int open_file(const std::string& path, int flags, const char* what) {
  const int file =
      uninterrupted([&] { return calls().open(path.c_str(), flags | O_CLOEXEC, 0666); });
  if (file < 0) refuse(what, path);
  return file;
}

// A folder that cannot be synced (some file systems say EINVAL) has nothing to sync.
void sync_folder(const std::string& path) {
  const auto slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int file = open_file(folder, O_RDONLY | O_DIRECTORY, "open the folder");
  const int result = uninterrupted([&] { return calls().sync(file); });
  const int error = errno;
  calls().close(file);
  errno = error;
  if (result < 0 && error != EINVAL) refuse("sync the folder", folder);
}

}  // namespace

int FileCalls::open(const char* path, int flags, unsigned mode) {
  return ::open(path, flags, mode);
}
int FileCalls::close(int file) { return ::close(file); }
std::int64_t FileCalls::size(int file) {
  struct stat s;
  if (fstat(file, &s) != 0) return -1;
  if (S_ISREG(s.st_mode)) return s.st_size;
  errno = S_ISDIR(s.st_mode) ? EISDIR : S_ISFIFO(s.st_mode) ? ESPIPE : EINVAL;
  return -1;
}
bool FileCalls::same(int file, const char* path) {
  struct stat a, b;
  return fstat(file, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev &&
         a.st_ino == b.st_ino;
}
int FileCalls::lock(int file) { return flock(file, LOCK_EX); }
int FileCalls::truncate(int file) { return ftruncate(file, 0); }
std::int64_t FileCalls::read(int file, void* data, std::size_t bytes) {
  return ::read(file, data, bytes);
}
std::int64_t FileCalls::write(int file, const void* data, std::size_t bytes) {
  return ::write(file, data, bytes);
}
int FileCalls::sync(int file) { return fsync(file); }
int FileCalls::rename(const char* from, const char* to) { return std::rename(from, to); }
int FileCalls::unlink(const char* path) { return ::unlink(path); }

ReplacedFileCalls::ReplacedFileCalls(FileCalls& calls) : before_(current_calls.exchange(&calls)) {}
ReplacedFileCalls::~ReplacedFileCalls() { current_calls.store(before_); }

InputFile::InputFile(const std::string& path, Kind kind)
    : path_(path), file_(open_file(path, O_RDONLY | O_NONBLOCK, "open")) {
  const std::int64_t size = calls().size(file_);
  pipe_ = size < 0 && errno == ESPIPE && kind == Kind::RegularOrPipe;
  if (pipe_) return;
  if (size < 0) {
    const int error = errno;
    calls().close(file_);
    errno = error;
    refuse("read", path);
  }
  size_ = static_cast<std::uint64_t>(size);
}

InputFile::~InputFile() { calls().close(file_); }

// Until a pipe that has writers has something to read, or they are gone.
void InputFile::wait() {
  pollfd file{file_, POLLIN, 0};
  while (poll(&file, 1, 30) == 0) check_interrupt("file");
}

std::size_t InputFile::read_some(std::span<std::byte> out) {
  check_interrupt("file");
  const std::size_t piece = std::min(out.size(), kPiece);
  const auto read = [&] { return calls().read(file_, out.data(), piece); };
  std::int64_t got = uninterrupted(read);
  for (; got < 0 && pipe_ && errno == EAGAIN; got = uninterrupted(read)) wait();
  if (got < 0) refuse("read", path_);
  return static_cast<std::size_t>(got);
}

void InputFile::read(std::span<std::byte> out) {
  const std::size_t asked = out.size();
  while (!out.empty()) {
    const std::size_t got = read_some(out);
    if (got == 0) {
      fail<ParseError>("file", "{}: got {} bytes before the end of the file, expected {}", path_,
                       asked - out.size(), asked);
    }
    out = out.subspan(got);
  }
}

namespace {

std::vector<std::byte> read_pipe(InputFile& pipe, std::uint64_t limit) {
  std::vector<std::byte> bytes, piece(kPipePiece);
  while (const std::size_t got = pipe.read_some(piece)) {
    bytes.insert(bytes.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(got));
    if (bytes.size() > limit) {
      fail<ParseError>("file", "{}: got more than {} bytes, expected at most so many", pipe.path(),
                       limit);
    }
  }
  return bytes;
}

}  // namespace

std::vector<std::byte> read_file(const std::string& path, std::uint64_t limit) {
  InputFile file(path, InputFile::Kind::RegularOrPipe);
  if (file.is_pipe()) return read_pipe(file, limit);
  if (file.size() > limit) {
    fail<ParseError>("file", "{}: got {} bytes, expected at most {}", path, file.size(), limit);
  }
  std::vector<std::byte> bytes(file.size());
  file.read(bytes);
  return bytes;
}

// A temporary that a killed process left behind is taken over. The one that is locked may have been
// renamed by the save that was waited for: then it is a file in use, and a new one is opened. Where
// the file system has no locks, saves go on without.
// The finished file takes its path's place: what is there and no file (a device!) would be gone.
// Returns who may do what with the file that is there, if one is.
std::optional<mode_t> check_replaceable(const std::string& path) {
  struct stat there;
  if (stat(path.c_str(), &there) != 0) return {};
  if (S_ISREG(there.st_mode)) return there.st_mode & 0777;
  errno = S_ISDIR(there.st_mode) ? EISDIR : EINVAL;
  refuse("replace", path);
}

// A link stays, and the file behind it is replaced.
std::string behind_links(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_symlink(path, error)) return path;
  const auto target = std::filesystem::canonical(path, error);
  return error ? path : target.string();
}

OutputFile::OutputFile(const std::string& path)
    : path_(behind_links(path)), temporary_(path_ + ".tmp") {
  const std::optional<mode_t> mode = check_replaceable(path);
  while (true) {
    file_ = open_file(temporary_, O_WRONLY | O_CREAT, "create");
    uninterrupted([&] { return calls().lock(file_); });
    if (calls().same(file_, temporary_.c_str())) break;
    calls().close(file_);
  }
  // As private as the file before it, where the file system has modes. A temporary that stays
  // behind must be one that can be written.
  if (mode) static_cast<void>(fchmod(file_, *mode | S_IWUSR));
  if (calls().truncate(file_) == 0) return;
  const int error = errno;
  discard();
  errno = error;
  refuse("empty", temporary_);
}

void OutputFile::discard() {
  calls().unlink(temporary_.c_str());
  calls().close(file_);
}

OutputFile::~OutputFile() {
  if (file_ >= 0) discard();
}

void OutputFile::write(const void* data, std::size_t bytes) {
  auto* at = static_cast<const char*>(data);
  while (bytes > 0) {
    check_interrupt("file");
    const std::size_t piece = std::min(bytes, kPiece);
    const std::int64_t put = uninterrupted([&] { return calls().write(file_, at, piece); });
    if (put == 0) errno = ENOSPC;
    if (put <= 0) refuse("write", temporary_);
    at += put;
    bytes -= static_cast<std::size_t>(put);
  }
}

void OutputFile::finish() {
  if (uninterrupted([&] { return calls().sync(file_); }) < 0) refuse("sync", temporary_);
  if (calls().rename(temporary_.c_str(), path_.c_str()) < 0) refuse("rename to", path_);
  const int file = file_;
  file_ = -1;
  calls().close(file);
  sync_folder(path_);
}

void save_file(const std::string& path, const std::function<void(OutputFile&)>& write) {
  OutputFile file(path);
  write(file);
  file.finish();
}

}  // namespace weft::data
