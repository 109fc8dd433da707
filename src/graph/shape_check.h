// The check that primitives make when a shapeless trace is replayed with other shapes.
#pragma once

#include <vector>

#include "mlx/array.h"

namespace mlx::core {

/** Raises std::invalid_argument naming `op` and the inputs' shapes unless `fit`. */
void require_fit(bool fit, const char* op, const std::vector<array>& inputs);

/** Whether shapes are equal, `except` an axis if that is not negative. */
bool equal_shapes(const Shape& a, const Shape& b, int except = -1);

}  // namespace mlx::core
