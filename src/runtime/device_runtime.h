// DeviceRuntime: what a device type does with the steps of a job; one object per type.
#pragma once

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "mlx/array.h"
#include "mlx/primitives/primitive.h"
#include "runtime/event.h"

namespace mlx::core {

using DeviceInfo = std::unordered_map<std::string, std::variant<std::string, size_t>>;

/** One node (or fused group) of a scheduled graph. */
struct Step {
  std::shared_ptr<Primitive> primitive;
  std::vector<array> inputs;
  std::vector<array> outputs;
  std::vector<Event> waits;  // of other streams, before the step
  Event signal;              // after the step, when another stream needs it
};

class DeviceRuntime {
 public:
  virtual ~DeviceRuntime() = default;

  virtual int device_count() = 0;
  virtual const DeviceInfo& device_info(int index) = 0;

  /** Runs (CPU) or records (GPU) one step. The outputs get their data here. */
  virtual void run_step(Stream stream, Step& step) = 0;
  /** Before the first and after the last step of a job. At the end recorded work is handed to the
   * device. `done`, when valid, is signaled once all of the job's work is complete. */
  virtual void begin_job(Stream stream) {}
  virtual void end_job(Stream stream, Event& done) = 0;
  /** True when the outputs of a step that has run can be read at once. */
  virtual bool results_are_immediate() const = 0;

  virtual std::shared_ptr<EventState> make_event(Stream stream) = 0;
  virtual void wait_event(Stream stream, EventState& event) = 0;
  virtual void signal_event(Stream stream, EventState& event) = 0;
  /** The device address of an evaluated array's first element, all work on it done; see
   * mlx::core::cu. */
  virtual void* device_data(const array& a) {
    throw std::runtime_error("not a device with memory of its own");
  }
  /** An array over device memory of someone else. */
  virtual array wrap_device_memory(void* data, Shape shape, Strides strides, Dtype dtype,
                                   std::function<void()> release) {
    throw std::runtime_error("not a device with memory of its own");
  }
  /** Waits for all work handed to the device for this stream. */
  virtual void synchronize(Stream stream) = 0;
};

/** The runtime of a device type; raises when that type cannot be used on this machine. */
DeviceRuntime& device_runtime(Device::DeviceType type);

/** Registers the GPU's runtime factory (from wiring.cpp): called on first use of the GPU; returns
 * null when no GPU works here, and then leaves the reason in `reason`. */
using GpuRuntimeFactory = DeviceRuntime* (*)(std::string& reason);
void set_gpu_runtime_factory(GpuRuntimeFactory factory);

/** The GPU's runtime, or null where none works. Looks for one on first call. */
DeviceRuntime* find_gpu_runtime();
/** Why there is none. */
const std::string& gpu_unusable_reason();

}  // namespace mlx::core
