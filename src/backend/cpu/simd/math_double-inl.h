// Exponentials and logarithms of float64 vectors: at most 2 ulp. Targets without a fused
// multiply-add call the C library for each lane. Included once per SIMD target, before the float32
// formulas, whose names it overloads. Coefficients come from tools/fit_polynomials.py.
#if defined(MLX_CPU_SIMD_MATH_DOUBLE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MLX_CPU_SIMD_MATH_DOUBLE_INL_H_
#undef MLX_CPU_SIMD_MATH_DOUBLE_INL_H_
#else
#define MLX_CPU_SIMD_MATH_DOUBLE_INL_H_
#endif

#include "backend/cpu/simd/scalar_math.h"
#include "backend/cpu/simd/vocabulary-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {

template <class V>
concept Doubles = Vector<V> && std::is_same_v < hn::TFromV<V>,
double > ;

#define MLX_DOUBLES_BY_LANE(name)           \
  template <Doubles V>                      \
  HWY_INLINE V name(V x) {                  \
    return for_each_lane(x, &scalar::name); \
  }

#if HWY_NATIVE_FMA

/** c0 + z c2 + z^2 c4 + ...: every second coefficient. */
template <Doubles V>
HWY_INLINE V every_second(V z, double c0) {
  return splat(z, c0);
}
template <Doubles V>
HWY_INLINE V every_second(V z, double c0, double) {
  return splat(z, c0);
}
template <Doubles V, class... C>
HWY_INLINE V every_second(V z, double c0, double, double c2, C... rest) {
  return fma(every_second(z, c2, rest...), z, splat(z, c0));
}

/** c0 + x c1 + x^2 c2 + ..., as two sums that do not wait for each other: the scheduler holds a few
 * long chains only. */
template <Doubles V, class... C>
HWY_INLINE V series(V x, double c0, C... rest) {
  V z = mul(x, x);
  return fma(every_second(z, rest...), x, every_second(z, c0, rest...));
}

/** Added to a number below 2^51 it leaves the nearest integer in the lowest bits. */
inline constexpr double kRounder = 6755399441055744.0;

/** p * 2^n for an integral |n| < 2100, rounded once. */
template <Doubles V>
HWY_INLINE V scale_double(V p, V n) {
#if HWY_TARGET <= HWY_AVX3
  if constexpr (sizeof(V) == 64) {
    return V{_mm512_scalef_pd(p.raw, n.raw)};
  } else
#endif
  {
    V rounder = splat(n, kRounder);
    V half = sub(fma(n, splat(n, 0.5), rounder), rounder);
    V bias = splat(n, kRounder + 1023.0);
    V first = as_float(shift_left<52>(as_int(add(half, bias))));
    V second = as_float(shift_left<52>(as_int(add(sub(n, half), bias))));
    return mul(mul(p, first), second);
  }
}

/** Splits x = n ln 2 + r with |r| <= ln(2) / 2; returns r. The first step is exact. */
template <Doubles V>
HWY_INLINE V reduce_double(V x, V& n) {
  V rounder = splat(x, kRounder);
  n = sub(fma(x, splat(x, 1.4426950408889634), rounder), rounder);
  V r = fnma(n, splat(x, 0.69314718055994529), x);
  return fnma(n, splat(x, 2.3190468138462996e-17), r);
}

/** exp(r) - 1 for |r| <= ln(2) / 2 */
template <Doubles V>
HWY_INLINE V expm1_of_reduced(V r) {
  V q = series(r, 0.5, 0.16666666666666669, 0.041666666666624129, 0.0083333333333300615,
               0.0013888888917213717, 0.00019841269863053618, 2.4801521295954376e-05,
               2.7557268459997064e-06, 2.7620088445409746e-07, 2.510038549551032e-08);
  return fma(mul(r, r), q, r);
}

template <Doubles V>
HWY_INLINE V exp(V x) {
  V n = x;
  V r = reduce_double(clamp(x, splat(x, -760.0), splat(x, 720.0)), n);
  // What rounds to zero is kept out of the scaling: processors are slow at underflow.
  auto gone = less(x, splat(x, -745.1332191019412));
  V y = add(expm1_of_reduced(r), splat(x, 1.0));
  return select(gone, splat(x, 0.0), scale_double(y, select(gone, splat(x, 0.0), n)));
}

/** exp(x) / 2 for x >= 0, which overflows a little later than exp(x). */
template <Doubles V>
HWY_INLINE V half_exp(V x) {
  V n = x;
  V r = reduce_double(lower(splat(x, 720.0), x), n);
  V one = splat(x, 1.0);
  return scale_double(add(expm1_of_reduced(r), one), sub(n, one));
}

template <Doubles V>
HWY_INLINE V expm1(V x) {
  V n = x;
  V r = reduce_double(clamp(x, splat(x, -40.0), splat(x, 709.9)), n);
  V p = expm1_of_reduced(r);
  // 2^n (p + 1) - 1, through half of it: n may be 1024.
  V half = scale_double(splat(x, 0.5), n);
  V y = fma(p, half, sub(half, splat(x, 0.5)));
  return copy_sign(select(equal(n, splat(x, 0.0)), p, add(y, y)), x);
}

/** 1 / (1 + exp(-x)) */
template <Doubles V>
HWY_INLINE V sigmoid(V x) {
  V one = splat(x, 1.0);
  auto negative = less(x, splat(x, 0.0));
  V e = exp(select(negative, x, neg(lower(splat(x, 700.0), x))));
  return div(select(negative, e, one), add(one, e));
}

template <Doubles V>
HWY_INLINE V tanh(V x) {
  V ax = abs(x);
  V one = splat(x, 1.0);
  V z = mul(x, x);
  V near = fma(mul(ax, z),
               series(z, -0.3333333333333231, 0.13333333333168249, -0.053968253875853182,
                      0.021869485969366945, -0.0088631944304898465, 0.0035917190980845693,
                      -0.0014532137608768961, 0.00057912802515380508, -0.00021028753770129899,
                      5.1011080936949983e-05),
               ax);
  // 1 - 2 / (exp(2 x) + 1); lower() gives its second operand for NaN
  V n = x;
  V r = reduce_double(lower(splat(x, 40.0), add(ax, ax)), n);
  V e = scale_double(add(expm1_of_reduced(r), one), n);
  V far = sub(one, div(splat(x, 2.0), add(e, one)));
  return copy_sign(select(less(ax, splat(x, 0.55)), near, far), x);
}

template <Doubles V>
HWY_INLINE V sinh(V x) {
  V ax = abs(x);
  V z = mul(x, x);
  V near = fma(mul(ax, z),
               series(z, 0.16666666666666671, 0.0083333333333321675, 0.00019841269842084869,
                      2.7557318958312382e-06, 2.5052153601214166e-08, 1.6054969781504065e-10,
                      7.8258963303453119e-13),
               ax);
  V half = half_exp(ax);
  V far = sub(half, div(splat(x, 0.25), half));
  return copy_sign(select(less(ax, splat(x, 1.0)), near, far), x);
}

template <Doubles V>
HWY_INLINE V cosh(V x) {
  V half = half_exp(abs(x));
  return add(half, div(splat(x, 0.25), half));
}

/** |erf(x)| is x + x P(x^2) below 1, then 1 - 2^P(x). */
template <Doubles V>
HWY_INLINE V erf(V x) {
  V ax = abs(x);
  V z = mul(x, x);
  V near = series(z, 0.12837916709551259, -0.37612638903183748, 0.11283791670954879,
                  -0.026866170645076792, 0.0052239776248180145, -0.000854832698083379,
                  0.0001205533111164271, -1.4925595266831182e-05, 1.6461000484121368e-06,
                  -1.6350312701054695e-07, 1.4659775274047436e-08, -1.1372848856791674e-09,
                  5.9571761477489113e-11);
  near = fma(ax, near, ax);
  V u = sub(lower(splat(x, 6.0), ax), splat(x, 1.0));  // NaN stays
  V p = series(u, -2.6684166967815997, -3.8072253458536043, -1.2163466576861373,
               -0.059959990039357182, 0.014475750114652764, -0.0028535102638055062,
               0.00034238412485515876, 3.7910508186232449e-05, -3.9181397281114042e-05,
               1.3861352045631396e-05, -2.970133894264121e-06, 2.0491165466124913e-07,
               1.4146916914935614e-07, -7.5407130872723685e-08, 2.1621699363001886e-08,
               -4.157199676965511e-09, 5.3517999103592291e-10, -4.1934156862666757e-11,
               1.5142475100779147e-12);
  V rounder = splat(x, kRounder);
  V n = sub(add(p, rounder), rounder);
  V power = series(sub(p, n), 1.0, 0.69314718055994529, 0.24022650695910158, 0.055504108664821625,
                   0.0096181291075872564, 0.0013333558146406471, 0.00015403530463724353,
                   1.5252733841556773e-05, 1.3215432535912375e-06, 1.0178057087733941e-07,
                   7.0741942972885211e-09, 4.4558179083360645e-10);
  V far = sub(splat(x, 1.0), scale_double(power, n));
  return copy_sign(select(less(ax, splat(x, 1.0)), near, far), x);
}

// ---- logarithms

/** Splits a positive x = 2^e (1 + f) with f in about [-0.29, 0.5]; returns f. */
template <Doubles V>
HWY_INLINE V split_double(V x, V& e) {
  V one = splat(x, 1.0);
#if HWY_TARGET <= HWY_AVX3
  if constexpr (sizeof(V) == 64) {
    V m = V{_mm512_getmant_pd(x.raw, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_zero)};
    e = V{_mm512_getexp_pd(x.raw)};
    e = select(less(m, one), add(e, one), e);
    return sub(m, one);
  } else
#endif
  {
    auto tiny = less(x, splat(x, 2.2250738585072014e-308));
    V scaled = select(tiny, mul(x, splat(x, 0x1p54)), x);
    const hn::RebindToUnsigned<Tag<V>> du;
    auto bits = hn::BitCast(du, scaled);
    // The exponent counts from sqrt(1/2); above 1, where it is 0, it is biased to stay positive.
    auto from_root = bits - hn::Set(du, 0x3fe6a09e667f3bcdull) + hn::Set(du, 1024ull << 52);
    auto k = hn::ShiftRight<52>(from_root);
    e = sub(hn::BitCast(Tag<V>(), k + hn::Set(du, 0x4338000000000000ull)),
            splat(x, kRounder + 1024.0));
    V m = hn::BitCast(Tag<V>(), bits - hn::ShiftLeft<52>(k) + hn::Set(du, 1024ull << 52));
    e = sub(e, select(tiny, splat(x, 54.0), splat(x, 0.0)));
    return sub(m, one);
  }
}

/** f - log(1 + f) = f^2 / 2 - s (f^2 / 2 + s^2 P(s^2)) with s = f / (2 + f) */
template <Doubles V>
HWY_INLINE V log_defect(V f) {
  V s = div(f, add(f, splat(f, 2.0)));
  V z = mul(s, s);
  V p =
      series(z, 0.66666666666666663, 0.40000000000007857, 0.28571428567313978, 0.22222223042012851,
             0.18181738124060123, 0.15388847910642214, 0.132100997526584, 0.13606021764231466);
  V half_square = mul(mul(f, splat(f, 0.5)), f);
  return fnma(s, fma(z, p, half_square), half_square);
}

template <Doubles V>
HWY_INLINE V fix_log_of_double(V x, V y) {
  V zero = splat(x, 0.0);
  V inf = splat(x, std::numeric_limits<double>::infinity());
  auto usual = both(greater(x, zero), less(x, inf));
  if (HWY_UNLIKELY(!all(usual, x))) {
    V low = select(equal(x, zero), neg(inf), splat(x, std::numeric_limits<double>::quiet_NaN()));
    V bounded = select(greater(x, zero), y, low);
    y = select(either(is_nan(x), equal(x, inf)), x, bounded);
  }
  return y;
}

/** e ln 2 + log(1 + f) + extra, which is small beside f or e. */
template <Doubles V>
HWY_INLINE V join_double(V e, V f, V extra) {
  extra = fma(e, splat(f, 2.3190468138462996e-17), extra);
  return fma(e, splat(f, 0.69314718055994529), sub(f, sub(log_defect(f), extra)));
}

template <Doubles V>
HWY_INLINE V log(V x) {
  V e = x;
  V f = split_double(x, e);
  return fix_log_of_double(x, join_double(e, f, splat(x, 0.0)));
}

/** log(1 + f) * (high + low), the product kept to one rounding of its larger part, plus e * (unit +
 * unit_low). */
template <Doubles V>
HWY_INLINE V log_of_double_in_base(V x, double high, double low, double unit, double unit_low) {
  V e = x;
  V f = split_double(x, e);
  V defect = log_defect(f);
  V sum = sub(f, defect);
  V lost = sub(sub(f, sum), defect);
  V small = fma(sum, splat(x, low), mul(lost, splat(x, high)));
  V scaled = fma(sum, splat(x, high), fma(e, splat(x, unit_low), small));
  return fix_log_of_double(x, fma(e, splat(x, unit), scaled));
}
template <Doubles V>
HWY_INLINE V log2(V x) {
  return log_of_double_in_base(x, 1.4426950408889634, 2.0355273740931033e-17, 1.0, 0.0);
}
template <Doubles V>
HWY_INLINE V log10(V x) {
  return log_of_double_in_base(x, 0.4342944819032518, 1.098319650216765e-17, 0.3010299956639812,
                               -2.8037281277851704e-18);
}

template <Doubles V>
HWY_INLINE V log1p(V x) {
  V one = splat(x, 1.0);
  V u = add(x, one);
  // What the sum lost, relative to it; lost from 1 if x is the larger.
  V lost = select(greater(x, one), sub(one, sub(u, x)), sub(x, sub(u, one)));
  V e = x;
  V f = split_double(u, e);
  auto near = equal(e, splat(x, 0.0));
  V y = join_double(e, select(near, x, f), select(near, splat(x, 0.0), div(lost, u)));
  return select(equal(x, splat(x, 0.0)), x, fix_log_of_double(u, y));
}

/** x^y for x > 0 as exp(y log x), the logarithm carried in two numbers. */
template <Doubles V>
HWY_INLINE V pow_of_positive(V x, V y) {
  V e = x;
  V f = split_double(x, e);
  // log(1 + f) = 2 s + s^3 (2 / 3 + w), w = s^2 P(s^2), s = f / (2 + f) = s + s_low
  V d = add(f, splat(x, 2.0));
  V d_low = sub(f, sub(d, splat(x, 2.0)));
  V inverse = div(splat(x, 1.0), d);
  V s = mul(f, inverse);
  V s_low = mul(sub(fnma(s, d, f), mul(s, d_low)), inverse);
  V z = mul(s, s);
  V z_low = fma(add(s, s), s_low, fnma(neg(s), s, neg(z)));
  V cube = mul(z, s);
  V cube_low = fma(z, s_low, fma(z_low, s, fma(z, s, neg(cube))));
  V w = mul(z, series(z, 0.39999999999999997, 0.28571428571435692, 0.22222222218494542,
                      0.18181818924502108, 0.15384542859863476, 0.13337167335407815,
                      0.11653089296479778, 0.12193631243796438));
  V two_thirds = splat(x, 0.66666666666666663);
  V c = add(two_thirds, w);
  V c_low = add(sub(w, sub(c, two_thirds)), splat(x, 3.7007434154171886e-17));
  V p = mul(c, cube);
  V p_low = fma(c_low, cube, fma(c, cube_low, fma(c, cube, neg(p))));
  // (high + low) = e ln 2 + 2 s + p, largest first; e ln 2 is exact in its first part
  V a = mul(e, splat(x, 0.6931471805598903));
  V b = add(s, s);
  V sum = add(a, b);
  V low = sub(b, sub(sum, a));
  low = select(greater(abs(b), abs(a)), sub(a, sub(sum, b)), low);
  V sum2 = add(sum, p);
  low = add(low, sub(p, sub(sum2, sum)));
  low = add(low, fma(e, splat(x, 5.497923018708371e-14), add(add(s_low, s_low), p_low)));
  V high = add(sum2, low);
  low = sub(low, sub(high, sum2));
  // t + t_low = y log(x)
  V t = mul(y, high);
  V t_low = fma(y, low, fma(y, high, neg(t)));
  V far = splat(x, 800.0);
  V n = x;
  V r = reduce_double(clamp(t, neg(far), far), n);
  r = select(less(abs(t), far), add(r, t_low), r);
  return scale_double(add(expm1_of_reduced(r), splat(x, 1.0)), n);
}

#else

MLX_DOUBLES_BY_LANE(cosh)
MLX_DOUBLES_BY_LANE(erf)
MLX_DOUBLES_BY_LANE(exp)
MLX_DOUBLES_BY_LANE(expm1)
MLX_DOUBLES_BY_LANE(log)
MLX_DOUBLES_BY_LANE(log10)
MLX_DOUBLES_BY_LANE(log1p)
MLX_DOUBLES_BY_LANE(log2)
MLX_DOUBLES_BY_LANE(sigmoid)
MLX_DOUBLES_BY_LANE(sinh)
MLX_DOUBLES_BY_LANE(tanh)
template <Doubles V>
HWY_INLINE V pow(V x, V y) {
  return for_each_pair(x, y, &scalar::pow);
}

#endif  // HWY_NATIVE_FMA

MLX_DOUBLES_BY_LANE(acosh)
MLX_DOUBLES_BY_LANE(asinh)
MLX_DOUBLES_BY_LANE(atanh)
MLX_DOUBLES_BY_LANE(erfinv)

}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#endif  // MLX_CPU_SIMD_MATH_DOUBLE_INL_H_
