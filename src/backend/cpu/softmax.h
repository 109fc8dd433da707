// Softmax, logsumexp and cross entropy on the CPU.
#pragma once

#include "runtime/kernel_table.h"

namespace mlx::core::cpu {

void register_softmax(KernelTable& table);

}  // namespace mlx::core::cpu
