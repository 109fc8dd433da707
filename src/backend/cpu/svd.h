// The singular value decomposition on the CPU.
#pragma once

#include "runtime/kernel_table.h"

namespace mlx::core::cpu {

void register_svd(KernelTable& table);

}  // namespace mlx::core::cpu
