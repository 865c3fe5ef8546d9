#include <weft/core/storage.h>

namespace weft {

IntrusivePtr<Storage> Storage::borrow(Device device, void* data, std::size_t bytes, Release release,
                                      void* context) {
  Allocation memory;
  memory.data = data;
  memory.bytes = bytes;
  IntrusivePtr<Storage> s(new Storage(device, memory));
  s->release_ = release ? release : [](void*) {};
  s->context_ = context;
  return s;
}

Storage::~Storage() {
  if (release_) {
    release_(context_);
  } else {
    deallocate(device_, memory_);
  }
}

}  // namespace weft
