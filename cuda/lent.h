#pragma once

#include <mutex>
#include <vector>

namespace weft::cuda {

// The thread's own T. When the thread ends, the next one that asks gets it as it is; none is ever
// destroyed, for the library that it calls may be gone by then.
template <class T>
T& lent() {
  struct Spare {
    std::mutex mutex;
    std::vector<T*> all;
  };
  static auto& spare = *new Spare;
  struct Mine {
    T* state = nullptr;
    Mine() {
      const std::lock_guard lock(spare.mutex);
      if (!spare.all.empty()) {
        state = spare.all.back();
        spare.all.pop_back();
      } else {
        spare.all.reserve(spare.all.capacity() + 1);  // so that giving back does not throw
        state = new T;
      }
    }
    ~Mine() {
      const std::lock_guard lock(spare.mutex);
      spare.all.push_back(state);
    }
    Mine(const Mine&) = delete;
    Mine& operator=(const Mine&) = delete;
  };
  thread_local Mine mine;
  return *mine.state;
}

}  // namespace weft::cuda
