// Reductions over axes.
#pragma once

#include <vector>

#include "mlx/array.h"
#include "mlx/utils.h"

namespace mlx::core {

/** The sum over `axes` (all of them when none are given). */
MLX_API array sum(const array& a, const std::vector<int>& axes, bool keepdims = false,
                  StreamOrDevice s = {});

}  // namespace mlx::core
