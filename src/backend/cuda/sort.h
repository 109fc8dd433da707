// Sorting on the GPU.
#pragma once

#include "backend/cuda/encoder.h"
#include "runtime/kernel_table.h"

namespace mlx::core::cuda {

/** Sorts 64-bit `keys` (one row, overwritten) with their places: returns the sorted keys and the
 * places. */
std::pair<array, array> sort_pairs(Encoder& encoder, const array& keys);

void register_sort(KernelTable& table);

}  // namespace mlx::core::cuda
