// Event: a point in a stream's order that others can wait for; it also carries the error of failed
// work.
#pragma once

#include <memory>

#include "mlx/api.h"
#include "mlx/stream.h"

namespace mlx::core {

/** The shared part of an event, implemented per device in the runtime. */
class EventState;

class MLX_API Event {
 public:
  Event() = default;
  explicit Event(Stream stream);
  explicit Event(std::shared_ptr<EventState> state) : state_(std::move(state)) {}

  /** Blocks the calling thread until the event is signaled. */
  void wait();
  /** Makes later work of `stream` wait for the event. */
  void wait(Stream stream);
  /** Signals once all work given to `stream` so far is done. */
  void signal(Stream stream);
  bool is_signaled() const;
  /** Rethrows the error of the work before the event, if it failed. */
  void check_error() const;

  bool valid() const { return state_ != nullptr; }
  const Stream& stream() const;
  EventState* state() const { return state_.get(); }

 private:
  std::shared_ptr<EventState> state_;
};

}  // namespace mlx::core
