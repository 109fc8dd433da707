// The lookups of the block kernel families, each in a source of its own.
#pragma once

#include "backend/cpu/element/kernels.h"

namespace mlx::core::cpu {

/** The op's kernel from the family that has it, or null; casts and select excepted. It is for the
 * SIMD target that is in force now, as all of these. */
BlockKernel element_kernel(int op, Dtype::Val dtype);

BlockKernel arithmetic_kernel(int op, Dtype::Val dtype);
BlockKernel cast_kernel(Dtype::Val from, Dtype::Val to);
BlockKernel comparison_kernel(int op, Dtype::Val dtype);
BlockKernel exponential_kernel(int op, Dtype::Val dtype);
BlockKernel logarithm_kernel(int op, Dtype::Val dtype);
BlockKernel power_kernel(int op, Dtype::Val dtype);
BlockKernel select_kernel(size_t itemsize);
BlockKernel trigonometry_kernel(int op, Dtype::Val dtype);
BlockKernel unary_basic_kernel(int op, Dtype::Val dtype);

}  // namespace mlx::core::cpu
