// Fence: an event for each update.
#include "mlx/fence.h"

#include <map>
#include <mutex>

#include "base/errors.h"
#include "mlx/event.h"

namespace mlx::core {

struct Fence::State {
  std::mutex mutex;
  uint32_t count = 0;
  std::map<uint32_t, Event> pending;  // a number that is not here any more has been signaled
};

Fence::Fence(Stream) : state_(std::make_shared<State>()) {}

uint32_t Fence::update(Stream stream, const array&, bool) {
  internal_check(state_ != nullptr, "update of a fence without a stream");
  Event event(stream);
  uint32_t value;
  {
    std::lock_guard lock(state_->mutex);
    std::erase_if(state_->pending, [](auto& point) { return point.second.is_signaled(); });
    value = ++state_->count;
    state_->pending.emplace(value, event);
  }
  event.signal(stream);
  return value;
}

void Fence::wait(Stream stream, const array&, uint32_t value) {
  internal_check(state_ != nullptr, "wait on a fence without a stream");
  Event event;
  {
    std::lock_guard lock(state_->mutex);
    if (value > state_->count) {
      throw_invalid("Fence::wait", "no update has the number {}: got {} updates so far.", value,
                    state_->count);
    }
    auto found = state_->pending.find(value);
    if (found != state_->pending.end()) event = found->second;
  }
  if (event.valid()) event.wait(stream);
}

}  // namespace mlx::core
