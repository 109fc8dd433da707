// EventState: the shared part of an Event; the base class is the host-side event.
#pragma once

#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>

#include "mlx/event.h"

namespace mlx::core {

class EventState {
 public:
  explicit EventState(Stream stream) : stream_(stream) {}
  virtual ~EventState() = default;

  /** Blocks until signaled. */
  virtual void wait();
  virtual bool is_signaled() const { return signaled_.load(std::memory_order_acquire); }

  /** Signals from the host, optionally with the error of the work before it. */
  void signal(std::exception_ptr error = nullptr);
  void check_error() const;
  const Stream& stream() const { return stream_; }

 protected:
  Stream stream_;
  std::atomic<bool> signaled_{false};
  std::exception_ptr error_;  // written before signaled_ is set
  std::mutex mutex_;
  std::condition_variable condition_;
};

}  // namespace mlx::core
