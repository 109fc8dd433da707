// Rotary position encoding on the CPU.
#pragma once

#include "runtime/kernel_table.h"

namespace mlx::core::cpu {

void register_rope(KernelTable& table);

}  // namespace mlx::core::cpu
