// Element-wise primitives and fused tapes on the CPU.
#pragma once

#include "runtime/kernel_table.h"

namespace mlx::core::cpu {

void register_elementwise(KernelTable& table);

}  // namespace mlx::core::cpu
