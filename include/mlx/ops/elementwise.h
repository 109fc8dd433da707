// Element-wise operations. Operands are promoted to a common dtype and broadcast to a common shape.
#pragma once

#include "mlx/array.h"
#include "mlx/utils.h"

namespace mlx::core {

/** Converts to `dtype`; returns the array itself when it has that dtype already. */
MLX_API array astype(array a, Dtype dtype, StreamOrDevice s = {});

MLX_API array negative(const array& a, StreamOrDevice s = {});
MLX_API array sin(const array& a, StreamOrDevice s = {});

MLX_API array add(const array& a, const array& b, StreamOrDevice s = {});
MLX_API array subtract(const array& a, const array& b, StreamOrDevice s = {});
MLX_API array multiply(const array& a, const array& b, StreamOrDevice s = {});

/** `x` where `condition` is true, else `y`. */
MLX_API array where(const array& condition, const array& x, const array& y, StreamOrDevice s = {});

}  // namespace mlx::core
