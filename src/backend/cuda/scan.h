// Running reductions on the GPU.
#pragma once

#include "backend/cuda/encoder.h"
#include "mlx/primitives/scan.h"
#include "runtime/kernel_table.h"

namespace mlx::core::cuda {

/** Runs a scan of `in` into `out`, which is allocated here. */
void run_scan(Encoder& encoder, const Scan& scan, const array& in, array& out);

void register_scan(KernelTable& table);

}  // namespace mlx::core::cuda
