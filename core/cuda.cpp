#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include <weft/core/check.h>
#include <weft/core/cuda_capture.h>
#include <weft/core/cuda_plugin.h>
#include <weft/core/fork.h>

namespace weft::cuda {
namespace {

struct Loaded {
  const Plugin* plugin = nullptr;
  std::string why;
};
// Null until the first call is through with loading. In the child of a process that had a back end,
// or was loading it: none, since CUDA does not work there, and that is all that is asked from then
// on, so that no lock and no handle of the parent's is touched.
constinit std::atomic<const Loaded*> outcome{nullptr};
constinit std::atomic<bool> left_behind{false};

// By set_device(). The plug-in's device goes where the tensors of an operation are.
thread_local int chosen = 0;

// The folder of the file that holds libweft, with a slash at its end.
std::string own_folder() {
  Dl_info info;
  if (dladdr(reinterpret_cast<const void*>(&is_available), &info) == 0 || !info.dli_fname)
    return {};
  const std::string file = info.dli_fname;
  const std::size_t slash = file.rfind('/');
  return slash == std::string::npos ? "./" : file.substr(0, slash + 1);
}

void* open_library(std::string& why) {
  constexpr const char* kName = "libweft_cuda.so";
  const char* named = std::getenv("WEFT_CUDA_LIBRARY");
  std::vector<std::string> places;
  if (named && *named) {
    places = {named};
  } else {
    const std::string here = own_folder();
    // Beside it; from bin/; from the Python package in a build folder; in the wheel weft-cuda,
    // beside weft's; where the loader looks.
    places = {here + kName, here + "../lib/" + kName, here + "../../lib/" + kName,
              here + "../weft_cuda/" + kName, kName};
  }
  for (const std::string& place : places) {
    if (void* library = dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL)) return library;
    const char* said = dlerror();
    // Of a library that is there but lacks another: what the loader says about that.
    if (why.empty() && said && !std::strstr(said, (place + ": cannot open").c_str())) why = said;
  }
  if (why.empty()) why = fmt::format("{} not found", places.front());
  return nullptr;
}

void register_devices(const Plugin& plugin) {
  for (int i = 0; i < plugin.device_count; ++i) {
    const Device device(DeviceType::CUDA, i);
    register_allocator(
        device,
        new CachingAllocator(device, CachingConfig::cuda(), plugin.memory(i), &plugin.events(i)),
        plugin.current_stream);
  }
}

void prepare_for_fork() {
  static const auto& in_child = *new Loaded{
      nullptr,
      "this process was forked from one that used CUDA, expected one that was started anew, as "
      "multiprocessing's method \"spawn\" does"};
  pthread_atfork(nullptr, nullptr, [] {
    const Loaded* before = outcome.load();
    if (before && !before->plugin) return;
    outcome.store(&in_child);
    left_behind.store(true);
    for (int i = 0; before && i < before->plugin->device_count; ++i)
      register_allocator(Device(DeviceType::CUDA, i), nullptr);
  });
}

Loaded load() {
  static const Host host = {
      .allocate = allocate,
      .deallocate = deallocate,
      .deterministic = deterministic_algorithms,
      .matmul_precision = float32_matmul_precision,
      .cudnn_benchmark = cudnn_benchmark,
      .replayed_key = replayed_key,
      .capturing = is_current_stream_capturing,
      .any_order = detail::any_order,
  };
  Loaded loaded;
  void* library = open_library(loaded.why);
  if (!library) return loaded;
  const auto open = reinterpret_cast<Open*>(dlsym(library, kOpenName));
  char why[256] = "";
  const Plugin* plugin = open ? open(host, why, sizeof why) : nullptr;
  if (!plugin) {
    loaded.why = open ? why : "libweft_cuda.so is not Weft's";
  } else if (plugin->version != kPluginVersion) {
    loaded.why = "libweft_cuda.so is of another version of Weft";
  } else {
    register_devices(*plugin);
    loaded.plugin = plugin;
  }
  return loaded;
}

const Loaded& load_once() {
  static std::once_flag prepared;
  std::call_once(prepared, prepare_for_fork);
  static const Loaded result = load();
  outcome.store(&result);
  return result;
}

const Loaded& loaded() {
  const Loaded* known = outcome.load(std::memory_order_acquire);
  return known ? *known : load_once();
}

}  // namespace

void check_index(const char* op, int device) {
  const int count = plugin().device_count;
  if (device < 0 || device >= count)
    fail<DeviceError>(op, "got cuda:{}, expected one of the {} devices of this machine", device,
                      count);
}

const Plugin& plugin() {
  const Loaded& l = loaded();
  if (!l.plugin) fail<DeviceError>("cuda", "no device ({})", l.why);
  return *l.plugin;
}

const Plugin& plugin(Device device) {
  const Plugin& p = plugin();
  if (device.index != p.current_device()) {
    check_index("cuda", device.index);
    p.set_device(device.index);
  }
  return p;
}

bool is_available() noexcept { return device_count() > 0; }

int device_count() noexcept {
  try {
    return loaded().plugin ? loaded().plugin->device_count : 0;
  } catch (...) {
    return 0;
  }
}

std::string why_unavailable() { return loaded().why; }

DeviceProperties get_device_properties(int device) {
  check_index("get_device_properties", device);
  DeviceProperties properties;
  plugin().properties(device, properties);
  return properties;
}

void set_device(int device) {
  check_index("set_device", device);
  chosen = device;
}

int current_device() {
  plugin();
  return chosen;
}

int chosen_device() noexcept { return chosen; }

int device_of(const void* data) {
  const int device = plugin().device_of(data);
  if (device < 0) fail<DeviceError>("device_of", "got memory of no CUDA device");
  return device;
}

void synchronize(int device) {
  if (device != -1) check_index("synchronize", device);
  plugin().synchronize(device == -1 ? chosen : device);
}

}  // namespace weft::cuda

bool weft::detail::cuda_left_behind() noexcept {
  return weft::cuda::left_behind.load(std::memory_order_relaxed);
}
