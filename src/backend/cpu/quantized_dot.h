// Products of affine-quantised rows with vectors.
#pragma once

#include <cstdint>

#include "backend/cpu/quantized_codes.h"
#include "mlx/dtype.h"

namespace mlx::core::cpu {

/** A vector prepared for products with quantised rows of `k` codes. */
struct PreparedVector {
  const float* permuted;  // in the order in which the kernel meets the codes
  const float* sums;      // of each group
  const float* factors;   // of each group, where x was cut into bytes
  int digits;             // bytes of each element then
};

/** Floats of scratch that prepare_vector and dot_rows need. */
int64_t prepared_size(int64_t k, const QuantizedFormat& format);

/** `dtype` is the one x had before it became float: narrow types need fewer digits. */
PreparedVector prepare_vector(const float* x, Dtype dtype, int64_t k, const QuantizedFormat& format,
                              float* scratch);

/** y[i] = sum over k of x[k] * value(row i, k), for rows [0, rows). Strides in bytes between rows.
 */
void dot_rows(float* y, const PreparedVector& x, int64_t k, const void* packed,
              int64_t packed_stride, const void* scales, const void* biases, int64_t scale_stride,
              Dtype scale_dtype, const QuantizedFormat& format, int64_t rows);

}  // namespace mlx::core::cpu
