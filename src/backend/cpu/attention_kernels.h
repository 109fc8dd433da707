// Row kernels of blocked attention: masks and the running softmax over tiles of scores.
#pragma once

#include <cstdint>

#include "mlx/dtype.h"

namespace mlx::core::cpu {

/** The score of a masked position: finite, so that a row with nothing to see averages everything.
 */
inline constexpr float kMaskedScore = -3.402823466e+38f;

/** Masks `count` scores by a row of a mask, `stride` elements apart: a bool mask hides where false,
 * others are added. */
void mask_scores(float* scores, const void* mask, Dtype mask_dtype, int64_t stride, int64_t count);

/** The running softmax of one row: `scores` become exp(score - max), where max is the largest score
 * so far; `sum` is rescaled and takes their sum. Returns the factor for what was summed before. */
float softmax_step(float* scores, int64_t count, float* max, float* sum);

/** values[i] *= factor */
void scale_values(float* values, int64_t count, float factor);

}  // namespace mlx::core::cpu
