// Scaled dot-product attention on the CPU.
#pragma once

#include "runtime/kernel_table.h"

namespace mlx::core::cpu {

void register_attention(KernelTable& table);

}  // namespace mlx::core::cpu
