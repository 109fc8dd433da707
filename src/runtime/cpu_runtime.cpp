// The CPU's DeviceRuntime: a step is run where it is met, so its results are there at once.
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <mutex>

#include "base/environment.h"
#include "base/errors.h"
#include "runtime/buffer.h"
#include "runtime/device_runtime.h"
#include "runtime/kernel_table.h"

namespace mlx::core {

namespace {

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "CPU";
}

std::string architecture() {
#if defined(__x86_64__)
  return "x86_64";
#elif defined(__aarch64__)
  return "aarch64";
#else
  return "unknown";
#endif
}

class CpuRuntime : public DeviceRuntime {
 public:
  int device_count() override { return 1; }

  const DeviceInfo& device_info(int) override {
    static const DeviceInfo info{{"device_name", processor_name()},
                                 {"architecture", architecture()},
                                 {"memory_size", static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) *
                                                     static_cast<size_t>(sysconf(_SC_PAGESIZE))}};
    return info;
  }

  void run_step(Stream, Step& step) override {
    step.primitive->eval_cpu(step.inputs, step.outputs);
    // An output may share a block that has a copy on a device, and may have been written over it.
    for (auto& output : step.outputs) {
      auto* block = static_cast<Block*>(output.buffer().ptr());
      if (block != nullptr && block->device_valid && block->host_valid) block->device_valid = false;
    }
  }
  void end_job(Stream, Event& done) override {
    if (done.valid()) done.state()->signal();
  }
  bool results_are_immediate() const override { return true; }

  std::shared_ptr<EventState> make_event(Stream stream) override {
    return std::make_shared<EventState>(stream);
  }
  void wait_event(Stream, EventState& event) override {
    event.wait();
    event.check_error();
  }
  void signal_event(Stream, EventState& event) override { event.signal(); }
  void synchronize(Stream) override {}
};

std::once_flag gpu_once;
DeviceRuntime* gpu_runtime = nullptr;
std::string* gpu_reason = nullptr;
GpuRuntimeFactory gpu_factory = nullptr;

}  // namespace

void set_gpu_runtime_factory(GpuRuntimeFactory factory) { gpu_factory = factory; }

DeviceRuntime* find_gpu_runtime() {
  std::call_once(gpu_once, [] {
    wire_backends();
    gpu_reason = new std::string("this build has no GPU backend.");
    if (environment_int("MLX_DISABLE_GPU").value_or(0) != 0) {
      *gpu_reason = "MLX_DISABLE_GPU is set.";
    } else if (gpu_factory != nullptr) {
      gpu_runtime = gpu_factory(*gpu_reason);
    }
  });
  return gpu_runtime;
}

const std::string& gpu_unusable_reason() {
  find_gpu_runtime();
  return *gpu_reason;
}

DeviceRuntime& device_runtime(Device::DeviceType type) {
  if (type == Device::cpu) {
    static auto* cpu = new CpuRuntime;
    return *cpu;
  }
  auto* gpu = find_gpu_runtime();
  if (gpu == nullptr) throw_runtime("gpu", "No GPU can be used: {}", *gpu_reason);
  return *gpu;
}

}  // namespace mlx::core
