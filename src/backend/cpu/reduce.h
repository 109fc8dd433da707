// Reductions over any axes of strided arrays: sum, prod, min, max, all, any.
#pragma once

#include <vector>

#include "backend/cpu/reduce_kernels.h"
#include "backend/cpu/strided.h"

namespace mlx::core::cpu {

/** A strided input of a row kernel; strides in elements. */
struct StridedView {
  const void* data;
  Dtype dtype;
  const Shape& shape;
  const Strides& strides;
};

/** Reduces `x` over the axes where `reduced` is true into `out` (row-contiguous over the kept axes).
 * With `truth`, the elements count as `x != 0` (min is then all, max any) and out_dtype is bool.
 * The order of the operations depends on the shape and axes only. */
void reduce(ReduceOp op, bool truth, const StridedView& x, const std::vector<bool>& reduced,
            void* out, Dtype out_dtype);

}  // namespace mlx::core::cpu
