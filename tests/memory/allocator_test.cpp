#include <algorithm>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include <weft/core/allocator.h>
#include <weft/core/caching_allocator.h>
#include <weft/core/error.h>
#include <weft/core/threads.h>
#include <weft/tests/catch.h>
#include <weft/tests/memory/child.h>

// The public face on the CPU, with real memory.
using namespace weft;
using test::run_child;

namespace {

constexpr std::size_t KiB = 1024, MiB = 1024 * KiB;

// The caching paths, also in sanitizer builds, whose default is pass-through; undone at the end.
struct Mode {
  explicit Mode(AllocationMode mode) : before(allocation_mode()) { set_allocation_mode(mode); }
  ~Mode() {
    set_memory_limit(0);
    fail_allocation_at(0);
    set_allocation_mode(before);
  }
  AllocationMode before;
};

bool filled_with(const Allocation& a, unsigned char value) {
  const auto* p = static_cast<const unsigned char*>(a.data);
  return std::all_of(p, p + a.bytes, [&](unsigned char c) { return c == value; });
}

}  // namespace

TEST_CASE("memory of every size is aligned, writable and counted") {
  const Mode mode({GENERATE(false, true), false});
  const std::size_t before = memory_stats().in_use;
  for (std::size_t bytes :
       std::vector<std::size_t>{1, 16, 17, 48, 49, 64, 65, 100, 4095, 4096, 4097, 5000, 65536,
                                MiB - 1, MiB, MiB + 1, 3 * MiB, 33 * MiB}) {
    const Allocation a = allocate(kCPU, bytes);
    CAPTURE(bytes);
    CHECK(a.bytes == bytes);
    CHECK(reinterpret_cast<std::uintptr_t>(a.data) % (bytes > 48 ? 64 : 16) == 0);
    std::memset(a.data, 1, bytes);
    CHECK(memory_stats().in_use >= before + bytes);
    deallocate(kCPU, a);
    CHECK(memory_stats().in_use == before);
  }
}

TEST_CASE("nothing is null, and takes part in nothing") {
  const MemoryStats before = memory_stats();
  const Allocation a = allocate(kCPU, 0);
  CHECK(a.data == nullptr);
  deallocate(kCPU, a);
  CHECK(memory_stats().allocs == before.allocs);
  CHECK(memory_stats().frees == before.frees);
}

TEST_CASE("small blocks count, to the byte of their class") {
  const Mode mode({false, false});
  const MemoryStats before = memory_stats();
  std::vector<Allocation> blocks;
  for (int i = 0; i < 1000; ++i) blocks.push_back(allocate(kCPU, 100));
  MemoryStats now = memory_stats();
  CHECK(now.in_use - before.in_use == 1000 * 128);
  CHECK(now.allocs - before.allocs == 1000);
  CHECK(now.peak_in_use >= now.in_use);
  for (const Allocation& a : blocks) deallocate(kCPU, a);
  now = memory_stats();
  CHECK(now.in_use == before.in_use);
  CHECK(now.frees - before.frees == 1000);
}

TEST_CASE("the peak is that of small and large blocks together") {
  const Mode mode({false, false});
  reset_peak_memory_stats();
  const std::size_t before = memory_stats().in_use;
  CHECK(memory_stats().peak_in_use == before);
  const Allocation small = allocate(kCPU, 4096), large = allocate(kCPU, 8 * MiB);
  deallocate(kCPU, large);
  deallocate(kCPU, small);
  CHECK(memory_stats().peak_in_use == before + 8 * MiB + 4096);
}

TEST_CASE("a large buffer is kept warm and empty_cache lets it go") {
  const Mode mode({false, false});
  empty_cache();
  const Allocation a = allocate(kCPU, 40 * MiB);
  deallocate(kCPU, a);
  const MemoryStats cached = memory_stats();
  CHECK(cached.cached() >= 40 * MiB);
  const Allocation b = allocate(kCPU, 40 * MiB);
  CHECK(b.data == a.data);
  CHECK(memory_stats().source_allocs == cached.source_allocs);
  deallocate(kCPU, b);
  empty_cache();
  CHECK(memory_stats().reserved <= cached.reserved - 40 * MiB);
}

TEST_CASE("the limit holds for every size, and a smaller try works") {
  const Mode mode({GENERATE(false, true), false});
  deallocate(kCPU, allocate(kCPU, 4096));  // a warm list must not slip through
  const std::size_t in_use = memory_stats().in_use;
  set_memory_limit(in_use + MiB + 4096);
  CHECK(memory_stats().limit == in_use + MiB + 4096);
  CHECK_THROWS_AS(allocate(kCPU, 3 * MiB), OutOfMemory);
  const Allocation a = allocate(kCPU, MiB);
  CHECK_THROWS_AS(allocate(kCPU, 4097), OutOfMemory);
  const Allocation c = allocate(kCPU, 4096);
  CHECK_THROWS_AS(allocate(kCPU, 16), OutOfMemory);
  CHECK_THROWS_AS(allocate(kCPU, 4096), OutOfMemory);
  deallocate(kCPU, c);
  deallocate(kCPU, allocate(kCPU, 2048));
  deallocate(kCPU, a);
  set_memory_limit(0);
  deallocate(kCPU, allocate(kCPU, 4 * MiB));
  CHECK(memory_stats().in_use == in_use);
}

TEST_CASE("what the machine cannot give is refused before it is tried") {
  const Mode mode({GENERATE(false, true), false});
  const MemoryStats before = memory_stats();
  for (std::size_t bytes :
       {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2, std::size_t{1} << 48, std::size_t{1} << 46})
    CHECK_THROWS_AS(allocate(kCPU, bytes), OutOfMemory);
  CHECK(memory_stats().in_use == before.in_use);
  CHECK(memory_stats().failures == before.failures + 5);
}

TEST_CASE("the k-th allocation fails, once, whatever its size") {
  const Mode mode({GENERATE(false, true), false});
  const std::size_t sizes[] = {10, 4096, 5000, 2 * MiB};
  const std::size_t in_use = memory_stats().in_use;
  for (int k = 1; k <= 4; ++k) {
    fail_allocation_at(static_cast<std::uint64_t>(k));
    std::vector<Allocation> blocks;
    for (int i = 1; i <= 4; ++i) {
      const std::size_t bytes = sizes[i - 1];
      if (i == k) {
        CHECK_THROWS_AS(allocate(kCPU, bytes), OutOfMemory);
      } else {
        CHECK_NOTHROW(blocks.push_back(allocate(kCPU, bytes)));
      }
    }
    CHECK_NOTHROW(blocks.push_back(allocate(kCPU, sizes[k - 1])));
    for (const Allocation& a : blocks) deallocate(kCPU, a);
  }
  fail_allocation_at(1);
  CHECK_NOTHROW(small_free(small_alloc(64), 64));  // headers and nodes are not counted
  fail_allocation_at(0);
  CHECK_NOTHROW(deallocate(kCPU, allocate(kCPU, 10)));
  CHECK(memory_stats().in_use == in_use);
}

TEST_CASE("an injected failure says so") {
  const Mode mode({});
  fail_allocation_at(1);
  CHECK_THROWS_MATCHES(allocate(kCPU, 100), OutOfMemory,
                       Catch::Matchers::MessageMatches(Catch::Matchers::ContainsSubstring(
                           "[allocate] out of memory on cpu: got a request for 100 bytes")));
}

TEST_CASE("poisoned memory is 0xA5 when new and 0x5A when freed") {
  const Mode mode({false, true});
  const std::size_t bytes = GENERATE(40, 4096, 5000, 3 * MiB);
  const Allocation a = allocate(kCPU, bytes);
  CHECK(filled_with(a, 0xA5));
  if (detail::small_passthrough()) {  // freed memory is out of bounds
    deallocate(kCPU, a);
    return;
  }
  deallocate(kCPU, a);
  const auto* p = static_cast<const unsigned char*>(a.data);
  CHECK(p[16] == 0x5A);  // in front of it the small lists keep their links
  CHECK(p[bytes - 1] == 0x5A);
}

TEST_CASE("the mode may change while blocks live") {
  const Mode mode({});
  const std::size_t in_use = memory_stats().in_use;
  for (std::size_t bytes : {100ul, 5000ul, 2 * MiB}) {
    set_allocation_mode({false, false});
    const Allocation cached = allocate(kCPU, bytes);
    set_allocation_mode({true, true});
    const Allocation direct = allocate(kCPU, bytes);
    deallocate(kCPU, cached);
    set_allocation_mode({false, false});
    deallocate(kCPU, direct);
  }
  CHECK(memory_stats().in_use == in_use);
}

TEST_CASE("a snapshot holds every live block") {
  const Mode mode({false, false});
  const Allocation a = allocate(kCPU, 10000), b = allocate(kCPU, 5 * MiB), c = allocate(kCPU, 50);
  const auto blocks = memory_snapshot();
  const auto holds = [&](const Allocation& x, BlockState state) {
    return std::any_of(blocks.begin(), blocks.end(), [&](const MemoryBlock& m) {
      const auto offset = static_cast<char*>(x.data) - static_cast<char*>(m.data);
      return m.state == state && offset >= 0 && offset + x.bytes <= m.bytes;
    });
  };
  CHECK(holds(a, BlockState::InUse));
  CHECK(holds(b, BlockState::InUse));
  if (!detail::small_passthrough()) CHECK(holds(c, BlockState::Small));
  for (const Allocation& x : {a, b, c}) deallocate(kCPU, x);
}

TEST_CASE("a device without an allocator is named") {
  CHECK_THROWS_MATCHES(allocate(Device(DeviceType::CUDA, 77), 8), DeviceError,
                       Catch::Matchers::MessageMatches(Catch::Matchers::ContainsSubstring("cuda")));
  CHECK_THROWS_AS(memory_stats(Device(DeviceType::CUDA, 77)), DeviceError);
  CHECK_THROWS_AS(register_allocator(kCPU, nullptr), DeviceError);
}

TEST_CASE("a back end's allocator serves its device, on the stream it names") {
  static CachingAllocator other(Device(DeviceType::CUDA, 5), CachingConfig::cuda(),
                                malloc_source());
  register_allocator(Device(DeviceType::CUDA, 5), &other, [](int device) {
    return reinterpret_cast<StreamHandle>(static_cast<std::uintptr_t>(device + 2));
  });
  const Device device(DeviceType::CUDA, 5);
  const Allocation a = allocate(device, 100);
  CHECK(memory_stats(device).allocs == 1);
  CHECK(memory_snapshot(device)[0].stream == reinterpret_cast<StreamHandle>(std::uintptr_t{7}));
  deallocate(device, a);
  CHECK(memory_stats(device).in_use == 0);
  empty_cache(device);
  CHECK(memory_stats(device).reserved == 0);
  register_allocator(device, nullptr);
}

TEST_CASE("child: poisoned pass-through", "[.child]") {
  const AllocationMode mode = allocation_mode();
  CHECK(mode.passthrough);
  CHECK(mode.poison);
  const Allocation a = allocate(kCPU, 100);
  CHECK(a.handle != nullptr);
  CHECK(filled_with(a, 0xA5));
  deallocate(kCPU, a);
  CHECK(memory_stats().reserved == 0);
}

TEST_CASE("child: caching", "[.child]") {
  CHECK_NOTHROW(deallocate(kCPU, allocate(kCPU, 64)));
  CHECK_FALSE(allocation_mode().passthrough);
  CHECK_FALSE(allocation_mode().poison);
}

TEST_CASE("child: the default", "[.child]") {
  CHECK_NOTHROW(deallocate(kCPU, allocate(kCPU, 64)));
  CHECK(allocation_mode().passthrough == detail::small_passthrough());
  CHECK_FALSE(allocation_mode().poison);
}

TEST_CASE("child: the third fails", "[.child]") {
  small_free(small_alloc(64), 64);  // warms the list that the data comes from
  deallocate(kCPU, allocate(kCPU, 64));
  deallocate(kCPU, allocate(kCPU, 5000));
  CHECK_THROWS_AS(allocate(kCPU, 64), OutOfMemory);
  CHECK_NOTHROW(deallocate(kCPU, allocate(kCPU, 64)));
}

TEST_CASE("the environment sets the modes") {
  CHECK(run_child("WEFT_ALLOC=passthrough,poison", "child: poisoned pass-through").status == 0);
  if (!detail::small_passthrough())
    CHECK(run_child("WEFT_ALLOC=poison", "child: poisoned pass-through").status != 0);
  CHECK(run_child("WEFT_ALLOC=cache", "child: caching").status == 0);
  CHECK(run_child("WEFT_ALLOC_FAIL=3", "child: the third fails").status == 0);
}

TEST_CASE("child: tensors are refused", "[.child]") {
  CHECK(allocation_mode().passthrough == detail::small_passthrough());
  CHECK(get_num_threads() > 0);  // a default
  for (const std::size_t bytes : {64ul, 64ul, 5000ul, 4 * MiB})
    CHECK_THROWS_AS(allocate(kCPU, bytes), ValueError);
  std::string message;
  try {
    deallocate(kCPU, allocate(kCPU, 64));
  } catch (const Error& e) {
    message = e.what();
  }
  FAIL(message);  // the parent reads it
}

TEST_CASE("a variable of the environment with a value that is none is an error") {
  for (const auto& [variable, expected] : std::map<std::string, std::string>{
           {"WEFT_ALLOC=cache,poisoned", "[WEFT_ALLOC] got \"poisoned\", expected passthrough, "},
           {"WEFT_ALLOC_FAIL=abc", "[WEFT_ALLOC_FAIL] got \"abc\", expected 0 or a positive"},
           {"WEFT_ALLOC_FAIL=-1", "[WEFT_ALLOC_FAIL] got \"-1\", expected"},
           {"WEFT_ALLOC_FAIL=3x", "[WEFT_ALLOC_FAIL] got \"3x\", expected"},
           {"WEFT_NUM_THREADS=x", "[WEFT_NUM_THREADS] got \"x\", expected a number from 1 to"},
           {"WEFT_NUM_THREADS=0", "[WEFT_NUM_THREADS] got \"0\", expected"},
           {"WEFT_NUM_THREADS=1025", "[WEFT_NUM_THREADS] got \"1025\", expected"},
           {"WEFT_WINOGRAD=off", "[WEFT_WINOGRAD] got \"off\", expected 0 or 1"}}) {
    CAPTURE(variable);
    const auto child = run_child(variable, "child: tensors are refused");
    CHECK(child.output.find(expected) != std::string::npos);
    CHECK(child.output.find("CHECK") == std::string::npos);
  }
  const char* const none = "WEFT_ALLOC= WEFT_ALLOC_FAIL= WEFT_NUM_THREADS= WEFT_WINOGRAD=";
  CHECK(run_child(none, "child: the default").status == 0);
  CHECK(run_child("WEFT_NUM_THREADS=1024 WEFT_ALLOC_FAIL=0 WEFT_WINOGRAD=1 WEFT_ALLOC=cache",
                  "child: caching")
            .status == 0);
}
