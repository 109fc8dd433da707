// Ranges and views on the CPU.
#pragma once

#include "runtime/kernel_table.h"

namespace mlx::core::cpu {

void register_creation(KernelTable& table);

}  // namespace mlx::core::cpu
