// Formulas for whole AVX-512 vectors that replace the portable ones of mlx/formulas: polynomials by
// interval, whose coefficients are looked up in registers. Included once per SIMD target, before
// them.
#if defined(MLX_CPU_SIMD_NATIVE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MLX_CPU_SIMD_NATIVE_INL_H_
#undef MLX_CPU_SIMD_NATIVE_INL_H_
#else
#define MLX_CPU_SIMD_NATIVE_INL_H_
#endif

#include "backend/cpu/simd/tables.h"
#include "backend/cpu/simd/vocabulary-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {

#if HWY_TARGET <= HWY_AVX3

using Floats16 = hn::Vec512<float>;

/** An odd function that is 1 from 31.5 / scale on: x times the
 * polynomials of `table` by interval. */
template <int kTerms>
HWY_INLINE Floats16 odd_by_interval(Floats16 x, const float (&table)[kTerms][32], float scale,
                                    float limit) {
  const Floats16 one = splat(x, 1.0);
  const Floats16 ax = lower(splat(x, limit), abs(x));  // gives its second operand for NaN
  const Floats16 magic = splat(x, 12582912.0);         // leaves an integer in the lowest bits
  const Floats16 shifted = fma(ax, splat(x, scale), magic);
  const Floats16 u = hn::MulSub(ax, splat(x, scale), sub(shifted, magic));
  auto coefficient = [&](int term) HWY_ATTR {
    return Floats16{_mm512_permutex2var_ps(_mm512_load_ps(table[term]),
                                           _mm512_castps_si512(shifted.raw),
                                           _mm512_load_ps(table[term] + 16))};
  };
  Floats16 y = coefficient(kTerms - 1);
  for (int term = kTerms - 2; term >= 0; --term) y = fma(y, u, coefficient(term));
  return copy_sign(lower(one, mul(ax, y)), x);
}

HWY_INLINE Floats16 erf(Floats16 x) { return odd_by_interval(x, kErfTable, kErfScale, kErfLimit); }
HWY_INLINE Floats16 tanh(Floats16 x) {
  return odd_by_interval(x, kTanhTable, kTanhScale, kTanhLimit);
}

HWY_INLINE Floats16 exp(Floats16 x) {
  // x = n ln 2 + r with n in sixteenths, which stand in the lowest bits of `shifted`.
  const Floats16 magic = splat(x, 786432.0);
  const Floats16 bounded = lower(splat(x, 92.0), x);
  const Floats16 shifted = fma(bounded, splat(x, 1.44269504), magic);
  const Floats16 n = sub(shifted, magic);
  const Floats16 r = fnma(n, splat(x, -2.12194440e-4), fnma(n, splat(x, 0.693359375), bounded));
  const Floats16 power = {
      _mm512_permutexvar_ps(_mm512_castps_si512(shifted.raw), _mm512_load_ps(kPowersOfTwo))};
  const Floats16 tail = fma(r, splat(x, 0.166667), splat(x, 0.5));
  const Floats16 y = fma(power, fma(mul(r, r), tail, r), power);
  // What rounds to zero is kept out of the scaling: processors are slow at underflow. No lower
  // bound is needed, then.
  const __mmask16 kept = _mm512_cmp_ps_mask(x.raw, _mm512_set1_ps(-103.972084f), _CMP_NLT_UQ);
  return Floats16{_mm512_maskz_scalef_ps(kept, y.raw, n.raw)};
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#endif  // MLX_CPU_SIMD_NATIVE_INL_H_
