// Copies between layouts on the CPU.
#pragma once

#include "mlx/array.h"

namespace mlx::core::cpu {

/** Gives `out` (same size and dtype, no data yet) a row-contiguous copy of the elements of `in`. */
void copy_contiguous(const array& in, array& out);

/** Copies the elements of `in` to `to`, whose element (i, j, ...) is `to_strides` elements apart;
 * same item size on both sides. */
void copy_into(const array& in, void* to, const Strides& to_strides);

}  // namespace mlx::core::cpu
