// Circular functions and their inverses of float64 vectors: at most 2 ulp. Included once per SIMD
// target, before the float32 formulas, whose names it overloads.
#if defined(MLX_CPU_SIMD_MATH_DOUBLE_TRIG_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MLX_CPU_SIMD_MATH_DOUBLE_TRIG_INL_H_
#undef MLX_CPU_SIMD_MATH_DOUBLE_TRIG_INL_H_
#else
#define MLX_CPU_SIMD_MATH_DOUBLE_TRIG_INL_H_
#endif

#include "backend/cpu/simd/math_double-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {

#if HWY_NATIVE_FMA

/** Beyond, the C library reduces the argument, lane by lane. */
inline constexpr double kLargeAngle = 1e8;

// pi/2 in three parts
inline constexpr double kQuarter = 1.5707963267948966;
inline constexpr double kQuarterMiddle = 6.123233995736765e-17;
inline constexpr double kQuarterLow = 1.082856673921914e-32;

/** x less quarter turns: n of them, the lowest bits of as_int(shifted). */
template <Doubles V>
HWY_INLINE V reduce_by_quarter_turns(V x, V& shifted) {
  V rounder = splat(x, kRounder);
  shifted = fma(x, splat(x, 0.6366197723675814), rounder);
  V n = sub(shifted, rounder);
  V r = fnma(n, splat(x, kQuarter), x);  // exact
  r = fnma(n, splat(x, kQuarterMiddle), r);
  return fnma(n, splat(x, kQuarterLow), r);
}

/** What the rounding of r lost, for an r that is not small: beside a small one the difference here
 * would round more away than r did. */
template <Doubles V>
HWY_INLINE V lost_by_reduction(V x, V shifted, V r) {
  V n = sub(shifted, splat(x, kRounder));
  V lost = sub(fnma(n, splat(x, kQuarter), x), r);
  lost = fnma(n, splat(x, kQuarterLow), fnma(n, splat(x, kQuarterMiddle), lost));
  return select(greater(abs(r), splat(x, 0.1)), lost, splat(x, 0.0));
}

/** sin(r) and cos(r) for |r| <= pi/4, with what their last rounding lost. */
template <Doubles V>
HWY_INLINE V short_sin(V r, V& lost) {
  V z = mul(r, r);
  V p = series(z, -0.1666666666666663, 0.0083333333333221182, -0.00019841269829588956,
               2.7557313621159247e-06, -2.5050747724255802e-08, 1.5896227760943576e-10);
  V cube = mul(r, z);
  V y = fma(cube, p, r);
  lost = fma(cube, p, sub(r, y));
  return y;
}
template <Doubles V>
HWY_INLINE V short_cos(V r, V& lost) {
  V z = mul(r, r);
  V q = series(z, -0.5, 0.041666666666666595, -0.0013888888888873056, 2.4801587288850653e-05,
               -2.7557314178988574e-07, 2.0875700799352644e-09, -1.1358534274429555e-11);
  V one = splat(r, 1.0);
  V y = fma(z, q, one);
  lost = fma(z, q, sub(one, y));
  return y;
}

/** Whether the lowest bit of as_int(shifted) is set. */
template <Doubles V>
HWY_INLINE auto is_odd(V shifted) {
  auto i = shift_left<63>(as_int(shifted));
  return less(i, splat(i, 0));
}

/** sin(r + n pi/2), n the lowest bits of `quarters`; the sign of a zero is r's. */
template <Doubles V>
HWY_INLINE V sin_by_quarters(V r, V quarters) {
  V lost = r;
  V y = select_by_int(is_odd(quarters), short_cos(r, lost), copy_sign(short_sin(r, lost), r));
  auto second = shift_left<63>(shift_right<1>(as_int(quarters)));
  return as_float(bit_xor(as_int(y), second));
}

template <Doubles V>
HWY_INLINE V sin(V x) {
  V shifted = x;
  V r = reduce_by_quarter_turns(x, shifted);
  V y = sin_by_quarters(r, shifted);
  auto large = greater(abs(x), splat(x, kLargeAngle));
  if (HWY_UNLIKELY(any(large, x))) y = select(large, for_each_lane(x, &scalar::sin), y);
  return y;
}

template <Doubles V>
HWY_INLINE V cos(V x) {
  V shifted = x;
  V r = reduce_by_quarter_turns(x, shifted);
  V y = sin_by_quarters(r, add(shifted, splat(x, 1.0)));
  auto large = greater(abs(x), splat(x, kLargeAngle));
  if (HWY_UNLIKELY(any(large, x))) y = select(large, for_each_lane(x, &scalar::cos), y);
  return y;
}

template <Doubles V>
HWY_INLINE V tan(V x) {
  V shifted = x;
  V r = reduce_by_quarter_turns(x, shifted);
  V s_low = r, c_low = r;
  V s = copy_sign(short_sin(r, s_low), r);
  V c = short_cos(r, c_low);
  V low = lost_by_reduction(x, shifted, r);
  s_low = fma(low, c, s_low);
  c_low = fnma(low, s, c_low);
  // (a + a_low) / (b + b_low), with one correction of the quotient
  auto odd = is_odd(shifted);
  V a = select_by_int(odd, neg(c), s), a_low = select_by_int(odd, neg(c_low), s_low);
  V b = select_by_int(odd, s, c), b_low = select_by_int(odd, s_low, c_low);
  V inverse = div(splat(x, 1.0), b);
  V y = mul(a, inverse);
  V rest = fnma(y, b_low, add(fnma(y, b, a), a_low));
  y = select(equal(x, splat(x, 0.0)), x, fma(rest, inverse, y));
  auto large = greater(abs(x), splat(x, kLargeAngle));
  if (HWY_UNLIKELY(any(large, x))) y = select(large, for_each_lane(x, &scalar::tan), y);
  return y;
}

/** asin on [0, 1/2], given z = x^2 */
template <Doubles V>
HWY_INLINE V asin_tail_of_double(V x, V z) {
  return mul(mul(x, z), series(z, 0.16666666666666669, 0.074999999999984246, 0.04464285714637338,
                               0.030381944137085216, 0.022372173002005596, 0.017352391265909227,
                               0.013971235301124539, 0.011478952690257387, 0.010324318288744113,
                               0.0054508781877205502, 0.017419357964884856, -0.014881409392818066,
                               0.02877844261259304));
}

template <Doubles V>
HWY_INLINE V asin(V x) {
  V ax = abs(x);
  V half = splat(x, 0.5);
  auto far = greater(ax, half);
  // Beyond 1/2: asin(x) = pi/2 - 2 asin(sqrt((1 - x) / 2))
  V z = select(far, fnma(half, ax, half), mul(x, x));
  V s = select(far, sqrt(z), ax);
  V tail = asin_tail_of_double(s, z);
  V head = sub(splat(x, 1.5707963267948966), add(s, s));
  V lost = sub(sub(splat(x, 1.5707963267948966), head), add(s, s));
  V rest = sub(add(lost, splat(x, 6.123233995736766e-17)), add(tail, tail));
  return copy_sign(select(far, add(head, rest), add(s, tail)), x);
}

template <Doubles V>
HWY_INLINE V acos(V x) {
  V ax = abs(x);
  V half = splat(x, 0.5);
  auto far = greater(ax, half);
  V z = select(far, fnma(half, ax, half), mul(x, x));
  V s = select(far, sqrt(z), ax);
  V tail = asin_tail_of_double(s, z);
  V y = add(s, tail);
  V twice = add(y, y);
  V pi_low = splat(x, 1.2246467991473532e-16);
  V far_value =
      select(less(x, splat(x, 0.0)), sub(splat(x, 3.141592653589793), sub(twice, pi_low)), twice);
  V signed_y = copy_sign(y, x);
  V near_value = sub(splat(x, 1.5707963267948966), sub(signed_y, splat(x, 6.123233995736766e-17)));
  return select(far, far_value, near_value);
}

/** As series(), but one chain: two would cancel where the coefficients alternate and fall slowly.
 */
template <Doubles V>
HWY_INLINE V chain(V x, double c0) {
  return splat(x, c0);
}
template <Doubles V, class... C>
HWY_INLINE V chain(V x, double c0, C... rest) {
  return fma(chain(x, rest...), x, splat(x, c0));
}

template <Doubles V>
HWY_INLINE V atan(V x) {
  V ax = abs(x);
  V one = splat(x, 1.0);
  auto far = greater(ax, one);
  V r = select(far, div(one, ax), ax);
  V z = mul(r, r);
  V p = chain(z, -0.33333333333333331, 0.19999999999999554, -0.14285714285648404,
              0.11111111107234799, -0.090909089695574027, 0.076923053546786552,
              -0.066666364357776925, 0.058820749563712943, -0.052612657357094542,
              0.04752086773576656, -0.04308119655330471, 0.038726402140426323,
              -0.033750132001619734, 0.027567942297344678, -0.020238706986393514,
              0.012756172907694298, -0.006575683344151699, 0.0026229778919060892,
              -0.00075184725269738216, 0.0001368724853148122, -1.1832505417555692e-05);
  V y = fma(mul(r, z), p, r);
  V complement = sub(splat(x, 1.5707963267948966), sub(y, splat(x, 6.123233995736766e-17)));
  return copy_sign(select(far, complement, y), x);
}

#else

MLX_DOUBLES_BY_LANE(acos)
MLX_DOUBLES_BY_LANE(asin)
MLX_DOUBLES_BY_LANE(atan)
MLX_DOUBLES_BY_LANE(cos)
MLX_DOUBLES_BY_LANE(sin)
MLX_DOUBLES_BY_LANE(tan)

#endif  // HWY_NATIVE_FMA

template <Doubles V>
HWY_INLINE V atan2(V y, V x) {
  return for_each_pair(y, x, &scalar::atan2);
}

#undef MLX_DOUBLES_BY_LANE

}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#endif  // MLX_CPU_SIMD_MATH_DOUBLE_TRIG_INL_H_
