// Connects the encoder to the scheduler: steps, events, synchronisation, device information.
#include "backend/cuda/runtime.h"

#include "backend/cuda/copy.h"
#include "backend/cuda/device.h"
#include "backend/cuda/element.h"
#include "backend/cuda/encoder.h"
#include "backend/cuda/library.h"
#include "backend/cuda/register.h"
#include "base/errors.h"
#include "graph/shape.h"
#include "runtime/kernel_table.h"

namespace mlx::core::cuda {

namespace {

/** An event of a GPU stream: a moment in its encoder's order, known once the stream's job is
 * recorded. */
class GpuEvent : public EventState {
 public:
  using EventState::EventState;

  void wait() override {
    if (EventState::is_signaled()) return;
    Moment moment = wait_recorded();
    if (moment.encoder == nullptr) return;  // signaled from the host, perhaps with an error
    moment.encoder->wait_done(moment.epoch);
    signaled_.store(true, std::memory_order_release);
  }

  bool is_signaled() const override {
    if (EventState::is_signaled()) return true;
    Moment moment = peek();
    return moment.encoder != nullptr && moment.encoder->poll_done(moment.epoch);
  }

  void record(Moment moment) {
    {
      std::lock_guard lock(moment_mutex_);
      moment_ = moment;
    }
    recorded_.notify_all();
  }

  /** Blocks until the job has been recorded; the encoder is null when the host signaled instead. */
  Moment wait_recorded() {
    std::unique_lock lock(moment_mutex_);
    // The host signals through the base class, whose condition this one does not share.
    while (moment_.encoder == nullptr && !EventState::is_signaled()) {
      recorded_.wait_for(lock, std::chrono::milliseconds(1));
    }
    return moment_;
  }

  Moment peek() const {
    std::lock_guard lock(moment_mutex_);
    return moment_;
  }

 private:
  mutable std::mutex moment_mutex_;
  std::condition_variable recorded_;
  Moment moment_;
};

class GpuRuntime : public DeviceRuntime {
 public:
  int device_count() override { return 1; }

  const DeviceInfo& device_info(int) override {
    static const DeviceInfo info{
        {"device_name", gpu_device().name},
        {"architecture", gpu_device().arch},
        {"compute_capability_major", static_cast<size_t>(gpu_device().major)},
        {"compute_capability_minor", static_cast<size_t>(gpu_device().minor)},
        {"total_memory", gpu_device().total_bytes},
        {"memory_size", gpu_device().total_bytes}};
    return info;
  }

  void begin_job(Stream) override { make_current(); }

  void run_step(Stream stream, Step& step) override {
    try {
      step.primitive->eval_gpu(step.inputs, step.outputs);
    } catch (...) {
      Encoder::of(stream).forget_uses();
      throw;
    }
  }

  void end_job(Stream stream, Event& done) override {
    Encoder& encoder = Encoder::of(stream);
    Moment moment{&encoder, encoder.epoch()};
    encoder.commit();
    if (done.valid()) signal_at(*done.state(), moment);
  }

  bool results_are_immediate() const override { return false; }

  std::shared_ptr<EventState> make_event(Stream stream) override {
    return std::make_shared<GpuEvent>(stream);
  }

  void wait_event(Stream stream, EventState& event) override {
    if (auto* other = dynamic_cast<GpuEvent*>(&event)) {
      Moment moment = other->wait_recorded();
      if (moment.encoder != nullptr) Encoder::of(stream).wait_for(moment);
    } else {
      event.wait();
    }
    event.check_error();
  }

  void signal_event(Stream stream, EventState& event) override {
    Encoder& encoder = Encoder::of(stream);
    Moment moment{&encoder, encoder.epoch()};
    encoder.commit();
    signal_at(event, moment);
  }

  void* device_data(const array& a) override {
    make_current();
    Encoder& encoder = Encoder::of(Stream(0, Device::gpu));
    Block& block = block_of(a.buffer());
    DeviceSide& side = MemoryPool::instance().to_device(block, encoder);
    if (side.last_write.encoder != nullptr)
      side.last_write.encoder->wait_done(side.last_write.epoch);
    // The other library may write there.
    block.host_valid.store(false, std::memory_order_release);
    return reinterpret_cast<void*>(side.base + static_cast<CuDevicePtr>(a.offset()));
  }

  array wrap_device_memory(void* data, Shape shape, Strides strides, Dtype dtype,
                           std::function<void()> release) override {
    make_current();
    check(driver().ctx_synchronize(), "waiting for the other library's work");
    size_t span = 1;
    for (size_t i = 0; i < shape.size(); ++i) {
      if (shape[i] == 0) return array(std::initializer_list<float>{}, shape, dtype);
      span += static_cast<size_t>(shape[i] - 1) * static_cast<size_t>(strides[i]);
    }
    Block* block = MemoryPool::wrap(reinterpret_cast<CuDevicePtr>(data), span * dtype.size(),
                                    Encoder::of(Stream(0, Device::gpu)));
    auto deleter = [release = std::move(release)](allocator::Buffer buffer) {
      allocator::release(buffer);
      if (release) release();
    };
    array::Flags flags = view_flags(shape, strides, span);
    array result = array::placeholder(std::move(shape), dtype);
    result.set_data(allocator::Data(allocator::Buffer(block), deleter), span, strides, flags);
    result.set_status(array::available);
    return result;
  }

  void synchronize(Stream stream) override { Encoder::of(stream).synchronize(); }

 private:
  static void signal_at(EventState& event, Moment moment) {
    if (auto* gpu = dynamic_cast<GpuEvent*>(&event)) {
      gpu->record(moment);
    } else {
      moment.encoder->wait_done(moment.epoch);
      event.signal();
    }
  }
};

}  // namespace

DeviceRuntime* make_runtime(std::string& reason) {
  try {
    driver();
    gpu_device();
    nvrtc();
  } catch (const std::exception& error) {
    reason = error.what();
    return nullptr;
  }
  register_kernels(kernel_table(Device::gpu));
  static auto* runtime = new GpuRuntime;
  return runtime;
}

}  // namespace mlx::core::cuda
