// Reduce and ArgReduce on the CPU.
#pragma once

#include "backend/cpu/reduce.h"
#include "mlx/primitives/reduce.h"
#include "runtime/kernel_table.h"

namespace mlx::core::cpu {

struct ReduceKind {
  ReduceOp op;
  bool truth;  // of elements as bool
};

ReduceKind reduce_kind(Reduce::ReduceType type);

void register_reduce(KernelTable& table);

}  // namespace mlx::core::cpu
