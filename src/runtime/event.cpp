// Events: waiting and signaling, on the host or through the stream's device.
#include "runtime/event.h"

#include "base/errors.h"
#include "runtime/device_runtime.h"
#include "runtime/stream_queue.h"

namespace mlx::core {

void EventState::wait() {
  if (is_signaled()) return;
  std::unique_lock lock(mutex_);
  condition_.wait(lock, [this] { return is_signaled(); });
}

void EventState::signal(std::exception_ptr error) {
  {
    std::lock_guard lock(mutex_);
    error_ = std::move(error);
    signaled_.store(true, std::memory_order_release);
  }
  condition_.notify_all();
}

void EventState::check_error() const {
  if (signaled_.load(std::memory_order_acquire) && error_) std::rethrow_exception(error_);
}

Event::Event(Stream stream) : state_(device_runtime(stream.device.type).make_event(stream)) {}

void Event::wait() {
  internal_check(valid(), "wait on an invalid event");
  state_->wait();
}

void Event::wait(Stream stream) {
  internal_check(valid(), "wait on an invalid event");
  stream_queue(stream).enqueue_task(
      [state = state_, stream] { device_runtime(stream.device.type).wait_event(stream, *state); });
}

void Event::signal(Stream stream) {
  internal_check(valid(), "signal of an invalid event");
  stream_queue(stream).enqueue_task([state = state_, stream] {
    device_runtime(stream.device.type).signal_event(stream, *state);
  });
}

bool Event::is_signaled() const { return valid() && state_->is_signaled(); }

void Event::check_error() const {
  if (valid()) state_->check_error();
}

const Stream& Event::stream() const {
  internal_check(valid(), "stream of an invalid event");
  return state_->stream();
}

}  // namespace mlx::core
