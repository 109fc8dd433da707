// Registration of the reductions.
#pragma once

#include "runtime/kernel_table.h"

namespace mlx::core::cpu {

void register_reduce(KernelTable& table);

}  // namespace mlx::core::cpu
