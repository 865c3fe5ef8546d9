#pragma once

#include <weft/core/cuda_stream.h>

// For .cpp files only.
namespace weft::cuda {

// A stream that nobody else has while this lives: Stream() never gives it. For what would go wrong
// if others queued work there (captures), or would hold it up (loaders).
class WEFT_API OwnStream {
 public:
  explicit OwnStream(int device = -1);
  ~OwnStream();
  OwnStream(const OwnStream&) = delete;
  OwnStream& operator=(const OwnStream&) = delete;
  const Stream& get() const { return stream_; }

 private:
  Stream stream_;
};

}  // namespace weft::cuda
