// The creation family's entry into the GPU's kernel table.
#pragma once

#include "runtime/kernel_table.h"

namespace mlx::core::cuda {

void register_creation(KernelTable& table);

}  // namespace mlx::core::cuda
