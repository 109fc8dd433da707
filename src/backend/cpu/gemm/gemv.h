// Products of a matrix and a vector: the matrix is read once, at the speed of memory.
#pragma once

#include <cstdint>

#include "mlx/dtype.h"

namespace mlx::core::cpu {

/** y[i] = sum over k of w(i, k) * x[k], for i < n, where w has unit stride along k or along i (the
 * other stride is `stride`, in elements). The matrix is float16, bfloat16 or float32. */
void gemv(float* y, const void* w, Dtype dtype, bool rows_contiguous, int64_t stride, int64_t n,
          int64_t k, const float* x);

// The kernels of one thread.

/** y[i] = dot product of row i and x. */
void dot_dense_rows(float* y, const void* rows, Dtype dtype, int64_t stride, int64_t num_rows,
                    int64_t k, const float* x);
/** y[i] += sum over j of x[j] * row j[i], in order of j. */
void add_scaled_rows(float* y, const void* rows, Dtype dtype, int64_t stride, int64_t num_rows,
                     int64_t n, const float* x);

}  // namespace mlx::core::cpu
