// Copies between layouts on the CPU.
#pragma once

#include "mlx/array.h"

namespace mlx::core::cpu {

/** Gives `out` (same size and dtype, no data yet) a row-contiguous copy of the elements of `in`. */
void copy_contiguous(const array& in, array& out);

}  // namespace mlx::core::cpu
