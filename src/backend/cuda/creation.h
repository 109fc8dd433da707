// Ranges and random bits on the GPU.
#pragma once

#include "backend/cuda/encoder.h"
#include "runtime/kernel_table.h"

namespace mlx::core::cuda {

/** Random words from uint32 pairs of keys into `out`, which is allocated here. */
void draw_random_bits(Encoder& encoder, const array& keys, array& out);

void register_creation(KernelTable& table);

}  // namespace mlx::core::cuda
