// Row kernels of softmax, logsumexp and cross entropy for float32, float16 and bfloat16.
#pragma once

#include <cstddef>

#include "mlx/dtype.h"

namespace mlx::core::cpu {

/** Rows given to a kernel at once, at most. */
inline constexpr size_t kSoftmaxRows = 64;

/** The kernels shift a row by one of its elements before they exponentiate: by the maximum, or by
 * one near enough that nothing overflows. */
struct SoftmaxKernels {
  /** out = softmax(x) of `count` rows of n elements; the results follow one another and may be the
   * rows themselves. `scratch` holds softmax_scratch(n) floats. */
  void (*softmax)(const void* const* rows, size_t count, size_t n, void* out, float* scratch,
                  bool stream);
  /** The shift of each row and the sum of exp(x - shift), of at most some ten thousand elements.
   * Only a maximum may be infinite. `scratch` holds softmax_sums_scratch(n) floats. */
  void (*sums)(const void* const* rows, size_t count, size_t n, float* shifts, float* sums,
               float* scratch);
  /** out = exp(x - shift) * factor */
  void (*scaled_exp)(const void* x, size_t n, float shift, float factor, void* out, bool stream);
};

/** Floats of scratch for rows of n elements. */
size_t softmax_scratch(size_t n);
size_t softmax_sums_scratch(size_t n);

/** Kernels of a float dtype of at most 32 bits. */
const SoftmaxKernels& softmax_kernels(Dtype dtype);

/** out[i] = shifts[i] + log(sums[i]) */
void log_of_sums(const float* shifts, const float* sums, size_t n, float* out);

}  // namespace mlx::core::cpu
