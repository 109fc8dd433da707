// The formulas (exp, log, sin, erf, ...) compiled for the current SIMD target.
#if defined(MLX_CPU_SIMD_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MLX_CPU_SIMD_MATH_INL_H_
#undef MLX_CPU_SIMD_MATH_INL_H_
#else
#define MLX_CPU_SIMD_MATH_INL_H_
#endif

#include "backend/cpu/simd/math_double_trig-inl.h"
#include "backend/cpu/simd/native-inl.h"
#include "backend/cpu/simd/vocabulary-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {

#include "mlx/formulas/math_exp.h"
#include "mlx/formulas/math_log.h"
#include "mlx/formulas/math_trig.h"

}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#endif  // MLX_CPU_SIMD_MATH_INL_H_
