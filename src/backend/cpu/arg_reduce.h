// Positions of the smallest and largest elements along an axis.
#pragma once

#include "backend/cpu/reduce.h"

namespace mlx::core::cpu {

/** The position along `axis` of the first minimum (or maximum) of `x`; NaN wins. `out` is
 * row-contiguous over the other axes. The axis must not be empty. */
void arg_reduce(bool min, const StridedView& x, int axis, uint32_t* out);

}  // namespace mlx::core::cpu
