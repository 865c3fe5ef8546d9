#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

#include <weft/data/archive.h>
#include <weft/tests/fuzz/fuzz.h>

void weft::fuzz::run(std::span<const std::byte> file) {
  using namespace weft::data;
  static const int memory = memfd_create("archive", 0);
  static const std::string path = "/proc/self/fd/" + std::to_string(memory);
  if (ftruncate(memory, 0) != 0 || pwrite(memory, file.data(), file.size(), 0) < 0) std::abort();
  read_tar_gz(path, {"x.bin"}, 10000);
}
