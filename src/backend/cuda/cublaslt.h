// Products by cuBLASLt: one plan (descriptors and algorithm) for each kind of product, kept.
#pragma once

#include <cstdint>

#include "backend/cuda/encoder.h"
#include "mlx/dtype.h"

namespace mlx::core::cuda {

/** A matrix operand as cuBLASLt sees it: column-major with a leading dimension, possibly
 * transposed. */
struct LtOperand {
  CuDevicePtr data = 0;
  int64_t ld = 0;
  int64_t batch_stride = 0;
  bool transposed = false;
};

/** d = alpha * op(a) @ op(b) + beta * c, all column-major; d is m x n. */
struct LtProduct {
  Dtype dtype = float32;
  int64_t m = 0, n = 0, k = 0;
  int64_t batch = 1;
  LtOperand a, b, c, d;
  float alpha = 1.0f;
  float beta = 0.0f;
};

/** Records the product; the operands' arrays must have been given to `encoder` as inputs and
 * outputs. */
void record_product(Encoder& encoder, const LtProduct& product);

}  // namespace mlx::core::cuda
