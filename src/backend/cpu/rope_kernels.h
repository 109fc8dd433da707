// Row kernels of the rotary position encoding for float32, float16 and bfloat16.
#pragma once

#include <cstddef>

#include "mlx/dtype.h"

namespace mlx::core::cpu {

/** Rotates the first 2 * half of n features of a row by angles with these cosines and sines; copies
 * the rest. `traditional` pairs neighbours, else feature i goes with i + half. x and out may be the
 * same. */
using RopeKernel = void (*)(const void* x, size_t n, size_t half, const float* cosines,
                            const float* sines, bool traditional, void* out, bool stream);

RopeKernel rope_kernel(Dtype dtype);

/** The cosines and sines of n angles. */
void cos_sin(const float* angles, size_t n, float* cosines, float* sines);

}  // namespace mlx::core::cpu
