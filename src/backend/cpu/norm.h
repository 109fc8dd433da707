// RMS and layer normalisation on the CPU.
#pragma once

#include "runtime/kernel_table.h"

namespace mlx::core::cpu {

void register_norm(KernelTable& table);

}  // namespace mlx::core::cpu
