// Running reductions on the CPU.
#pragma once

#include "runtime/kernel_table.h"

namespace mlx::core::cpu {

void register_scan(KernelTable& table);

}  // namespace mlx::core::cpu
