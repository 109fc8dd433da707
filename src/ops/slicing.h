// Slices along one axis.
#pragma once

#include <utility>

#include "mlx/ops/shape.h"

namespace mlx::core {

/** `a[..., start:stop, ...]` along one axis. */
inline array slice_axis(const array& a, int axis, int start, int stop, Stream s) {
  Shape from(a.ndim(), 0);
  Shape to = a.shape();
  from[axis] = start;
  to[axis] = stop;
  return slice(a, std::move(from), std::move(to), s);
}

}  // namespace mlx::core
