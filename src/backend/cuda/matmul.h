// Matrix products on the GPU.
#pragma once

#include "backend/cuda/encoder.h"
#include "runtime/kernel_table.h"

namespace mlx::core::cuda {

/** out = alpha * a @ b + beta * c over the last two dimensions; `out` is allocated here. c may be
 * null. */
void multiply(Encoder& encoder, array a, array b, const array* c, array& out, float alpha,
              float beta);

void register_matmul(KernelTable& table);

}  // namespace mlx::core::cuda
