// Tasks of extensions on the streams' queues.
#include "mlx/scheduler.h"

#include <exception>

#include "base/errors.h"
#include "runtime/event.h"
#include "runtime/stream_queue.h"

namespace mlx::core::scheduler {

void Scheduler::enqueue(Stream stream, std::function<void()> task) {
  if (stream.device != Device::cpu) {
    throw_invalid("scheduler::enqueue", "takes a stream of the CPU: got one of the gpu.");
  }
  notify_new_task(stream);
  stream_queue(stream).enqueue_task([this, stream, task = std::move(task)] {
    struct Completion {
      Scheduler* scheduler;
      Stream stream;
      ~Completion() { scheduler->notify_task_completion(stream); }
    } completion{this, stream};
    task();
  });
}

void Scheduler::wait_event(Stream stream, Event event, std::function<void(Event&)> task) {
  enqueue(stream, [event = std::move(event), task = std::move(task)]() mutable {
    task(event);
    event.check_error();
  });
}

void Scheduler::signal_event(Stream stream, Event event, std::function<void(Event&)> task) {
  enqueue(stream, [event = std::move(event), task = std::move(task)]() mutable {
    try {
      task(event);
    } catch (...) {
      if (event.valid()) event.state()->signal(std::current_exception());
      throw;
    }
  });
}

void Scheduler::check_error(Stream stream) { stream_queue(stream).check_error(); }

int Scheduler::n_active_tasks() const {
  std::lock_guard lock(mutex_);
  return n_active_tasks_;
}

void Scheduler::notify_new_task(const Stream&) {
  std::lock_guard lock(mutex_);
  ++n_active_tasks_;
}

void Scheduler::notify_task_completion(const Stream&) {
  {
    std::lock_guard lock(mutex_);
    --n_active_tasks_;
  }
  changed_.notify_all();
}

void Scheduler::wait_for_one() {
  std::unique_lock lock(mutex_);
  int before = n_active_tasks_;
  if (before > 1) changed_.wait(lock, [&] { return n_active_tasks_ < before; });
}

Scheduler& scheduler() {
  static auto* instance = new Scheduler;  // workers may outlive static objects
  return *instance;
}

}  // namespace mlx::core::scheduler
