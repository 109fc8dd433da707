// The matrix-product primitives on the CPU.
#pragma once

#include "runtime/kernel_table.h"

namespace mlx::core::cpu {

void register_matmul(KernelTable& table);

}  // namespace mlx::core::cpu
