// Tasks of one's own on the CPU's streams, in order with the work that eval gives them.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <utility>

#include "mlx/api.h"
#include "mlx/event.h"
#include "mlx/stream.h"

namespace mlx::core::scheduler {

class MLX_API Scheduler {
 public:
  Scheduler() = default;
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /** Runs `task` once the work given to `stream` so far is done. What runs on the stream itself (a
   * primitive's eval_cpu) runs its tasks at once. Raises std::invalid_argument on a stream of
   * another device. An exception of the task is raised by `check_error` or `synchronize`. */
  void enqueue(Stream stream, std::function<void()> task);
  /** Enqueues `task(event)`, which is to wait for the event: an error of the work before the event
   * becomes one of `stream`. */
  void wait_event(Stream stream, Event event, std::function<void(Event&)> task);
  /** Enqueues `task(event)`, which is to signal the event. */
  void signal_event(Stream stream, Event event, std::function<void(Event&)> task);
  /** Raises the first error of the stream's work that nobody has been told yet. */
  void check_error(Stream stream);

  /** Tasks that were announced and have not ended; those of `enqueue` count. */
  int n_active_tasks() const;
  void notify_new_task(const Stream& stream);
  void notify_task_completion(const Stream& stream);
  /** Waits until a task ends when more than one is active. */
  void wait_for_one();

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  int n_active_tasks_ = 0;
};

MLX_API Scheduler& scheduler();

template <typename F>
void enqueue(Stream stream, F&& task) {
  scheduler().enqueue(stream, std::forward<F>(task));
}

template <typename F>
void wait_event(Stream stream, Event event, F&& task) {
  scheduler().wait_event(stream, std::move(event), std::forward<F>(task));
}

template <typename F>
void signal_event(Stream stream, Event event, F&& task) {
  scheduler().signal_event(stream, std::move(event), std::forward<F>(task));
}

inline void check_error(Stream stream) { scheduler().check_error(stream); }
inline int n_active_tasks() { return scheduler().n_active_tasks(); }
inline void notify_new_task(const Stream& stream) { scheduler().notify_new_task(stream); }
inline void notify_task_completion(const Stream& stream) {
  scheduler().notify_task_completion(stream);
}
inline void wait_for_one() { scheduler().wait_for_one(); }

}  // namespace mlx::core::scheduler
