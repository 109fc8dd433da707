// Row kernels of softmax, logsumexp and cross entropy for float32, float16 and bfloat16.
#pragma once

#include <cstddef>

#include "mlx/dtype.h"

namespace mlx::core::cpu {

struct SoftmaxKernels {
  /** out = softmax(x); `scratch` holds n floats. x and out may be the same row. */
  void (*softmax)(const void* x, size_t n, void* out, float* scratch, bool stream);
  /** The maximum of x and the sum of exp(x - maximum), of at most some ten thousand elements. */
  void (*max_and_sum)(const void* x, size_t n, float* max, float* sum);
  /** out = exp(x - max) * factor */
  void (*scaled_exp)(const void* x, size_t n, float max, float factor, void* out, bool stream);
};

/** Kernels of a float dtype of at most 32 bits. */
const SoftmaxKernels& softmax_kernels(Dtype dtype);

}  // namespace mlx::core::cpu
