// Devices and streams: defaults per thread, and the table of streams that exist.
#include "mlx/stream.h"

#include <atomic>
#include <map>
#include <mutex>

#include "base/errors.h"
#include "mlx/utils.h"
#include "runtime/device_runtime.h"
#include "runtime/stream_queue.h"

namespace mlx::core {

namespace {

std::mutex default_device_mutex;
std::atomic<int> default_device_code{-1};  // type * 1024 + index; -1: not chosen yet

int encode(const Device& device) {
  return (device.type == Device::cpu ? 0 : 1) * 1024 + device.index;
}

/** Streams that threads used as their default give their place back when the thread ends, so that
 * programs which start many threads do not pile up streams. */
struct ThreadStreams {
  std::map<Device, Stream> defaults;
  std::map<int, Stream> thread_local_streams;
  std::map<Device, Stream> owned;
  ~ThreadStreams() {
    for (auto& [device, stream] : owned) recycle_stream(stream);
  }
};

ThreadStreams& thread_streams() {
  static thread_local ThreadStreams streams;
  return streams;
}

std::atomic<int> next_thread_local_stream{0};

/** The stream of ops that name none, as this thread found it last: every op asks. */
struct RecentDefault {
  int device_code = -1;
  int stream_index = 0;
};
constinit thread_local RecentDefault recent_default;

}  // namespace

const Device& default_device() {
  static thread_local Device device(Device::cpu);
  int code = default_device_code.load();
  if (code < 0) {
    std::lock_guard lock(default_device_mutex);
    code = default_device_code.load();
    if (code < 0) {
      code = find_gpu_runtime() != nullptr ? 1024 : 0;
      default_device_code.store(code);
    }
  }
  device = Device(code >= 1024 ? Device::gpu : Device::cpu, code % 1024);
  return device;
}

void set_default_device(const Device& device) {
  if (!is_available(device)) {
    throw_invalid("set_default_device", "Cannot set {} device: no such device can be used.",
                  device.type == Device::cpu ? "this CPU" : "gpu");
  }
  default_device_code.store(encode(device));
}

int device_count(Device::DeviceType type) {
  if (type == Device::cpu) return 1;
  auto* gpu = find_gpu_runtime();
  return gpu == nullptr ? 0 : gpu->device_count();
}

bool is_available(const Device& device) {
  return device.index >= 0 && device.index < device_count(device.type);
}

const DeviceInfo& device_info(const Device& device) {
  return device_runtime(device.type).device_info(device.index);
}

std::optional<Stream> peek_default_stream(Device device) {
  auto& defaults = thread_streams().defaults;
  auto found = defaults.find(device);
  if (found == defaults.end()) return std::nullopt;
  return found->second;
}

Stream default_stream(Device device) {
  if (auto stream = peek_default_stream(device)) return *stream;
  if (!is_available(device)) {
    throw_invalid("default_stream", "Cannot get a stream on the gpu: no GPU can be used: {}",
                  gpu_unusable_reason());
  }
  auto& streams = thread_streams();
  Stream stream = take_thread_stream(device);
  streams.defaults.insert_or_assign(device, stream);
  streams.owned.insert_or_assign(device, stream);
  recent_default.device_code = -1;
  return stream;
}

void set_default_stream(Stream stream) {
  if (!is_available(stream.device)) {
    throw_invalid("set_default_stream",
                  "Cannot set the default stream of a device that cannot be used.");
  }
  recent_default.device_code = -1;
  thread_streams().defaults.insert_or_assign(stream.device, stream);
}

Stream new_stream(Device device) {
  if (!is_available(device)) {
    throw_invalid("new_stream", "Cannot make gpu stream without a GPU that can be used.");
  }
  return make_stream(device);
}

Stream new_thread_unsafe_stream(Device device) { return new_stream(device); }

ThreadLocalStream new_thread_local_stream(Device device) {
  if (!is_available(device)) {
    throw_invalid("new_thread_local_stream",
                  "Cannot make gpu stream without a GPU that can be used.");
  }
  return ThreadLocalStream(next_thread_local_stream.fetch_add(1), device);
}

Stream stream_from_thread_local_stream(ThreadLocalStream stream) {
  auto& known = thread_streams().thread_local_streams;
  auto found = known.find(stream.index);
  if (found == known.end()) found = known.emplace(stream.index, new_stream(stream.device)).first;
  return found->second;
}

std::vector<Stream> get_streams() { return all_streams(); }

void synchronize() { synchronize(default_stream(default_device())); }
void synchronize(Stream stream) { synchronize_stream(stream); }
void synchronize(ThreadLocalStream stream) {
  synchronize_stream(stream_from_thread_local_stream(stream));
}

void clear_streams() {
  auto& streams = thread_streams();
  for (auto& [device, stream] : streams.defaults) synchronize_stream(stream);
  for (auto& [device, stream] : streams.owned) recycle_stream(stream);
  recent_default.device_code = -1;
  streams.defaults.clear();
  streams.owned.clear();
  streams.thread_local_streams.clear();
}

Stream to_stream(StreamOrDevice s) {
  if (s.index() != 0) return to_stream(s, default_device());
  RecentDefault& recent = recent_default;
  const int code = default_device_code.load(std::memory_order_relaxed);
  if (code >= 0 && code == recent.device_code) [[likely]] {
    return Stream(recent.stream_index,
                  Device(code >= 1024 ? Device::gpu : Device::cpu, code % 1024));
  }
  const Device device = default_device();
  Stream stream = default_stream(device);
  recent = {encode(device), stream.index};
  return stream;
}

Stream to_stream(StreamOrDevice s, Device default_) {
  struct Visitor {
    Device fallback;
    Stream operator()(std::monostate) const { return default_stream(fallback); }
    Stream operator()(const Stream& stream) const { return stream; }
    Stream operator()(const ThreadLocalStream& stream) const {
      return stream_from_thread_local_stream(stream);
    }
    Stream operator()(const Device& device) const { return default_stream(device); }
    Stream operator()(Device::DeviceType type) const { return default_stream(Device(type)); }
  };
  return std::visit(Visitor{default_}, s);
}

}  // namespace mlx::core

namespace mlx::core {

StreamContext::StreamContext(StreamOrDevice s)
    : previous_device_(default_device()),
      previous_stream_(default_stream(previous_device_)),
      owner_(std::this_thread::get_id()) {
  if (std::holds_alternative<std::monostate>(s)) {
    throw_runtime("StreamContext", "Invalid argument, please specify a stream or device.");
  }
  Stream stream = to_stream(s);
  if (stream.device != previous_device_) {
    // Restoring sets the default stream of the previous device; this one's must come back too.
    previous_stream_ = default_stream(stream.device);
  } else {
    previous_stream_ = default_stream(previous_device_);
  }
  set_default_device(stream.device);
  set_default_stream(stream);
}

StreamContext::~StreamContext() noexcept(false) {
  if (std::this_thread::get_id() != owner_) {
    throw_runtime("StreamContext", "Destroyed in a different thread than it was constructed in.");
  }
  set_default_device(previous_device_);
  set_default_stream(previous_stream_);
}

}  // namespace mlx::core
