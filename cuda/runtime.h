#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <weft/core/context.h>
#include <weft/core/device.h>
#include <weft/core/memory_stats.h>
#include <weft/core/philox.h>
#include <weft/core/shape.h>

// The thread's device and stream, and what kernels ask of libweft.
namespace weft::cuda {

int device() noexcept;  // of the calling thread
StreamHandle stream();  // its stream there
int multiprocessors();  // of that device
bool deterministic() noexcept;
bool any_order() noexcept;  // whether sums may be added up in any order
MatmulPrecision matmul_precision() noexcept;
bool benchmark() noexcept;  // whether convolutions' plans may be chosen by the clock

// After a launch: throws what was wrong with it. With WEFT_CUDA_SYNC=1 waits for it, so that an
// error of the kernel, or an index out of range, is reported here, under its operation's name.
void launched(const char* op);

// Of memory that a kernel is handed: simulated devices throw where it is not a device's.
#if defined(__CUDACC__)
inline void check_pointer(const void*) {}
#else
void check_pointer(const void* data);
#endif

// Waits for the thread's stream, and throws what went wrong on the device.
void wait(const char* op);
void wait_on(StreamHandle stream, const char* op);

// Memory that a kernel needs while it runs; given back in the order of the stream.
class Scratch {
 public:
  explicit Scratch(std::size_t bytes);
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch();
  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }

 private:
  void *data_, *handle_;
  std::size_t bytes_;
  int device_;
};

// Bytes to and from the host, done when it returns.
void to_host(void* to, const void* from, std::size_t bytes);
void to_device(void* to, const void* from, std::size_t bytes);

// Null, or where the device finds the key that a replay of the graph being captured uses in the
// place of this one.
const RandomKey* replayed_key(RandomKey key);

// Where a kernel notes an index out of range: the first is reported by the next call that waits.
struct IndexFault {
  const char* op;  // null: none yet
  std::int64_t index, low, high;
  int taken;  // by the thread that notes it
};
IndexFault* index_fault();  // host memory that the device can write

}  // namespace weft::cuda
