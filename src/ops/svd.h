// The singular value decomposition, for functions that are composed of it.
#pragma once

#include <vector>

#include "mlx/array.h"
#include "mlx/utils.h"

namespace mlx::core {

/** (U, S, V^T) of the float32 or float64 matrices in the last two axes, or (S) without
 * `compute_uv`. */
std::vector<array> singular_values(const array& a, bool compute_uv, StreamOrDevice s);

}  // namespace mlx::core
