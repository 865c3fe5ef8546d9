#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

#include <sys/mman.h>
#include <unistd.h>

#include <weft/core/memory_source.h>

namespace weft {
namespace {

constexpr std::size_t kPage = 4096, kHugePage = std::size_t{2} << 20;

std::size_t round_up(std::size_t n, std::size_t to) { return (n + to - 1) / to * to; }

void* map(std::size_t bytes) {
  void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return p == MAP_FAILED ? nullptr : p;
}

// Maps a huge page more than asked and gives the ends back.
void* map_aligned(std::size_t bytes) {
  auto* raw = static_cast<char*>(map(bytes + kHugePage));
  if (!raw) return nullptr;
  const std::size_t head = -reinterpret_cast<std::uintptr_t>(raw) % kHugePage;
  if (head) munmap(raw, head);
  munmap(raw + head + bytes, kHugePage - head);
  madvise(raw + head, bytes, MADV_HUGEPAGE);  // a wish: without huge pages it fails harmlessly
  return raw + head;
}

// The number in a control group's file; "max", nonsense and a missing file read as no limit.
std::size_t read_limit(const std::string& path) {
  std::ifstream file(path);
  std::size_t limit = 0;
  return file >> limit && limit > 0 ? limit : SIZE_MAX;
}

// Version 2 shows a process's own group as the line "0::/path".
std::string own_group() {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("0::")) return line.substr(3);
  return "";
}

}  // namespace

CpuSource::CpuSource(std::size_t capacity) : capacity_(capacity) {}

void* CpuSource::allocate(std::size_t bytes) noexcept {
  if (bytes == 0 || bytes > capacity_) return nullptr;
  bytes = round_up(bytes, kPage);
  if (held_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= capacity_) {
    if (void* p = bytes >= kHugePage ? map_aligned(bytes) : map(bytes)) return p;
  }
  held_.fetch_sub(bytes, std::memory_order_relaxed);
  return nullptr;
}

void CpuSource::free(void* data, std::size_t bytes) noexcept {
  bytes = round_up(bytes, kPage);
  munmap(data, bytes);
  held_.fetch_sub(bytes, std::memory_order_relaxed);
}

void* MallocSource::allocate(std::size_t bytes) noexcept {
  if (bytes > total_memory()) return nullptr;  // sanitizers end the program instead
  void* p = nullptr;
  return posix_memalign(&p, 64, bytes) == 0 ? p : nullptr;
}

void MallocSource::free(void* data, std::size_t) noexcept { std::free(data); }

CpuSource& cpu_source() {
  static CpuSource& source = *new CpuSource(total_memory());
  return source;
}

MallocSource& malloc_source() {
  static MallocSource& source = *new MallocSource;
  return source;
}

std::size_t total_memory() {
  static const std::size_t total = [] {
    const std::string root = "/sys/fs/cgroup";
    const auto physical = static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) *
                          static_cast<std::size_t>(sysconf(_SC_PAGE_SIZE));
    return std::min({physical, read_limit(root + "/memory.max"),
                     read_limit(root + own_group() + "/memory.max"),
                     read_limit(root + "/memory/memory.limit_in_bytes")});
  }();
  return total;
}

}  // namespace weft
