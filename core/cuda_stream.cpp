#include <weft/core/cuda_stream.h>

#include <deque>
#include <mutex>
#include <utility>

#include <weft/core/check.h>
#include <weft/core/cuda_capture.h>
#include <weft/core/cuda_own_stream.h>
#include <weft/core/cuda_plugin.h>
#include <weft/core/fork.h>

namespace weft::cuda {

namespace {

int device_or_current(const char* op, int device) {
  if (device == -1) return current_device();
  check_index(op, device);
  return device;
}

// What OwnStream hands out, again and again: never destroyed, since memory may be waiting for work.
struct Owned {
  struct One {
    Stream stream;
    bool taken;
  };
  std::mutex mutex;
  std::deque<One> all;
};
Owned& owned() {
  static auto& o = *new Owned;
  return o;
}

Stream take_owned(int device) {
  Owned& o = owned();
  const std::lock_guard lock(o.mutex);
  for (auto& [stream, taken] : o.all)
    if (!taken && stream.device() == device) return taken = true, stream;
  return o.all.emplace_back(Stream(device, plugin().new_stream(device)), true).stream;
}

}  // namespace

Stream::Stream(int device, int priority) : device_(device_or_current("Stream", device)) {
  if (priority != 0 && priority != -1)
    fail<ValueError>("Stream", "got priority {}, expected 0 or -1", priority);
  handle_ = plugin().stream(device_, priority);
}

bool Stream::query() const { return plugin().stream_done(device_, handle_); }
void Stream::synchronize() const { plugin().wait_for_stream(device_, handle_); }

void Stream::wait_stream(const Stream& other) const {
  if (other == *this) return;
  Event event;
  event.record(other);
  wait_event(event);
}

void Stream::wait_event(const Event& event) const {
  if (event.handle()) plugin().stream_after(device_, handle_, event.handle());
}

Stream current_stream(int device) {
  const int d = device_or_current("current_stream", device);
  return {d, plugin().current_stream(d)};
}

Stream default_stream(int device) {
  return {device_or_current("default_stream", device), StreamHandle{}};
}

void set_stream(const Stream& stream) {
  if (is_current_stream_capturing() && stream != current_stream(stream.device()))
    fail<Error>("set_stream", "got another stream while a graph is captured, expected none");
  set_device(stream.device());
  plugin().set_stream(stream.device(), stream.handle());
}

StreamGuard::StreamGuard(const Stream& stream)
    : device_before_(current_device()), before_(current_stream(stream.device())) {
  set_stream(stream);
}

StreamGuard::~StreamGuard() {
  if (detail::cuda_left_behind()) return;
  plugin().set_stream(before_.device(), before_.handle());
  set_device(device_before_);
}

OwnStream::OwnStream(int device) : stream_(take_owned(device_or_current("Stream", device))) {}

OwnStream::~OwnStream() {
  if (detail::cuda_left_behind()) return;
  Owned& o = owned();
  const std::lock_guard lock(o.mutex);
  for (auto& [stream, taken] : o.all)
    if (stream == stream_) taken = false;
}

Event::Event(Event&& other) noexcept
    : timing_(other.timing_),
      device_(other.device_),
      handle_(std::exchange(other.handle_, nullptr)) {}

Event& Event::operator=(Event&& other) noexcept {
  std::swap(timing_, other.timing_);
  std::swap(device_, other.device_);
  std::swap(handle_, other.handle_);
  return *this;
}

Event::~Event() {
  if (handle_ && !detail::cuda_left_behind()) plugin().free_event(handle_);
}

void Event::record(const Stream& stream) {
  const Plugin& p = plugin();
  if (handle_ && device_ != stream.device()) {
    fail<DeviceError>("Event.record", "got a stream of cuda:{}, expected cuda:{} as before",
                      stream.device(), device_);
  }
  if (!handle_) handle_ = p.event(stream.device(), timing_);
  device_ = stream.device();
  p.record(device_, handle_, stream.handle());
}

bool Event::query() const { return !handle_ || plugin().event_done(handle_); }

void Event::synchronize() const {
  if (handle_) plugin().wait_for_event(handle_);
}

float Event::elapsed_time(const Event& end) const {
  if (!timing_ || !end.timing_)
    fail<ValueError>("Event.elapsed_time", "got an event without timing, expected two with it");
  if (!handle_ || !end.handle_ || !query() || !end.query())
    fail<Error>("Event.elapsed_time", "got an event that was not passed, expected two that were");
  return plugin().elapsed(handle_, end.handle_);
}

}  // namespace weft::cuda
