// Row kernels of RMS and layer normalisation and their derivatives for float32, float16 and
// bfloat16.
#pragma once

#include <cstddef>

#include "mlx/dtype.h"

namespace mlx::core::cpu {

/** All pointers but the float ones are of the kernels' dtype. `weight` and `bias` may be null (1
 * and 0). */
struct NormKernels {
  void (*rms)(const void* x, const void* weight, size_t n, float eps, void* out, bool stream);
  void (*layer)(const void* x, const void* weight, const void* bias, size_t n, float eps, void* out,
                bool stream);
  /** Stores the gradient of the row and adds those of the parameters (unless null). */
  void (*rms_vjp)(const void* x, const void* weight, const void* cotangent, size_t n, float eps,
                  void* dx, float* dweight);
  void (*layer_vjp)(const void* x, const void* weight, const void* cotangent, size_t n, float eps,
                    void* dx, float* dweight, float* dbias);
};

const NormKernels& norm_kernels(Dtype dtype);

}  // namespace mlx::core::cpu
