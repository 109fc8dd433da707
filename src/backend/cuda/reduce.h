// Reductions over axes on the GPU.
#pragma once

#include "backend/cuda/encoder.h"
#include "runtime/kernel_table.h"

namespace mlx::core::cuda {

/** Which operator; the names of the device structs. */
enum class ReduceOp { and_, or_, sum, prod, min, max };

/** `in`, row-major, seen as [outer, n, inner] and reduced over n into `out`, whose memory is
 * allocated. */
void reduce_middle(Encoder& encoder, ReduceOp op, const array& in, const array& out, int64_t outer,
                   int64_t n, int64_t inner);

void register_reduce(KernelTable& table);

}  // namespace mlx::core::cuda
