#pragma once

#include <weft/core/device.h>
#include <weft/core/memory_stats.h>

// Queues of work on CUDA devices, and marks in them. Operations go to the calling thread's current
// stream of their device, and come back before the device has done them; work on one stream is done
// in order, work on two is not. A tensor belongs to the stream on which it was made: let another
// wait before it reads (wait_stream), and call Tensor::record_stream before letting go of a tensor
// that another may still be reading.
namespace weft::cuda {

class Event;

class WEFT_API Stream {
 public:
  // One of 32 of the device (-1: the current one) and priority (0, or -1 for work that goes before
  // that of others), in turn. Throws DeviceError, ValueError.
  explicit Stream(int device = -1, int priority = 0);
  // One that exists.
  Stream(int device, StreamHandle handle) : device_(device), handle_(handle) {}

  int device() const { return device_; }
  StreamHandle handle() const { return handle_; }  // a cudaStream_t

  bool query() const;  // whether all its work is done
  void synchronize() const;
  // What is queued from now on starts when the other's work of now, or the event, is done.
  void wait_stream(const Stream& other) const;
  void wait_event(const Event& event) const;

  friend bool operator==(const Stream&, const Stream&) = default;

 private:
  int device_;
  StreamHandle handle_;
};

// Of the calling thread; -1: of its current device.
WEFT_API Stream current_stream(int device = -1);
WEFT_API Stream default_stream(int device = -1);
// Makes the stream, and its device, the calling thread's.
WEFT_API void set_stream(const Stream& stream);

// The stream, and its device, for a scope.
class WEFT_API StreamGuard {
 public:
  explicit StreamGuard(const Stream& stream);
  ~StreamGuard();
  StreamGuard(const StreamGuard&) = delete;
  StreamGuard& operator=(const StreamGuard&) = delete;

 private:
  int device_before_;
  Stream before_;  // of the guarded stream's device
};

// A mark in a stream's work. One that was never recorded counts as passed.
class WEFT_API Event {
 public:
  // Only events with timing tell elapsed_time(), and cost a little more.
  explicit Event(bool enable_timing = false) : timing_(enable_timing) {}
  Event(Event&& other) noexcept;
  Event& operator=(Event&& other) noexcept;
  ~Event();

  void record(const Stream& stream);
  void record() { record(current_stream()); }
  bool query() const;  // whether the work before it is done
  void synchronize() const;
  // Milliseconds from this event to `end`, both recorded and passed. Throws Error otherwise.
  float elapsed_time(const Event& end) const;
  EventHandle handle() const { return handle_; }  // a cudaEvent_t; null before record()

 private:
  bool timing_;
  int device_ = 0;
  EventHandle handle_ = nullptr;
};

}  // namespace weft::cuda
