// Operations that order computations.
#pragma once

#include <vector>

#include "mlx/array.h"

namespace mlx::core {

/** The `inputs`, available only after the `dependencies` are computed. */
MLX_API std::vector<array> depends(const std::vector<array>& inputs,
                                   const std::vector<array>& dependencies);

}  // namespace mlx::core
