// Tapes that end in a reduction.
#pragma once

#include "runtime/kernel_table.h"

namespace mlx::core::cpu {

void register_fused_reduce(KernelTable& table);

}  // namespace mlx::core::cpu
