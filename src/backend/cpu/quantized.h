// Primitives of quantised matrices on the CPU.
#pragma once

#include "runtime/kernel_table.h"

namespace mlx::core::cpu {

void register_quantized(KernelTable& table);

}  // namespace mlx::core::cpu
