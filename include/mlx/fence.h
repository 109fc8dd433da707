// Fence: makes streams wait for arrays that another stream computes.
#pragma once

#include <cstdint>
#include <memory>

#include "mlx/api.h"
#include "mlx/array.h"
#include "mlx/stream.h"

namespace mlx::core {

/** `update` names a point in a stream's order, `wait` makes later work of another stream wait for
 * it. Copies share the points. Any thread may call both. */
class MLX_API Fence {
 public:
  Fence() = default;
  explicit Fence(Stream stream);

  /** Marks the point at which the work given to `stream` so far is done, that of `x` included;
   * returns its number, counted from 1. */
  uint32_t update(Stream stream, const array& x, bool cross_device);
  /** Makes later work of `stream` wait for the point `value` of an update. */
  void wait(Stream stream, const array& x, uint32_t value);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace mlx::core
