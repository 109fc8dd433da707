// Random bits from counters by Threefry-2x32-20 (Salmon et al., 2011).
#pragma once

#include <cstdint>

#include "runtime/kernel_table.h"

namespace mlx::core::cpu {

/** Fills `num_keys` rows of `bytes_per_key` bytes; row r depends on the pair of words at keys + 2r
 * alone. With W words of 4 bytes to a row (the last may be cut off) and H = W / 2 (rounded up),
 * words i and H + i come from counter (i, H + i); an odd W has its middle word from counter (H - 1,
 * 0). */
void random_bits(const uint32_t* keys, int64_t num_keys, void* out, int64_t bytes_per_key);

void register_random(KernelTable& table);

}  // namespace mlx::core::cpu
