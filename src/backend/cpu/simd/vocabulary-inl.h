// The named functions in which formulas are written, for Highway vectors and for scalars. Included
// once per SIMD target; call from inside a HWY_BEFORE_NAMESPACE region.
#if defined(MLX_CPU_SIMD_VOCABULARY_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MLX_CPU_SIMD_VOCABULARY_INL_H_
#undef MLX_CPU_SIMD_VOCABULARY_INL_H_
#else
#define MLX_CPU_SIMD_VOCABULARY_INL_H_
#endif

#include <hwy/highway.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#ifndef MLX_FORMULA
#define MLX_FORMULA HWY_INLINE
#endif

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class V>
concept Scalar = std::is_arithmetic_v<V>;

// Vectors of any lane type. SVE's vectors are built-in types, hence "not a scalar".
template <class V>
concept Vector = !std::is_arithmetic_v<V> && requires(V v) {
  hn::DFromV<V>();
};

template <Vector V>
using Tag = hn::DFromV<V>;

// ---- constants and bits

template <Vector V>
HWY_INLINE V splat(V, double c) {
  return hn::Set(Tag<V>(), static_cast<hn::TFromV<V>>(c));
}
template <Vector V>
HWY_INLINE auto as_int(V x) {
  return hn::BitCast(hn::RebindToSigned<Tag<V>>(), x);
}
template <Vector V>
HWY_INLINE auto as_float(V i) {
  return hn::BitCast(hn::RebindToFloat<Tag<V>>(), i);
}
/** The integer nearest to zero of each float lane; out of range is unspecified but no trap. */
template <Vector V>
HWY_INLINE auto to_int(V x) {
  return hn::ConvertTo(hn::RebindToSigned<Tag<V>>(), x);
}
template <Vector V>
HWY_INLINE auto to_float(V i) {
  return hn::ConvertTo(hn::RebindToFloat<Tag<V>>(), i);
}

// ---- arithmetic

template <Vector V>
HWY_INLINE V add(V a, V b) {
  return hn::Add(a, b);
}
template <Vector V>
HWY_INLINE V sub(V a, V b) {
  return hn::Sub(a, b);
}
template <Vector V>
HWY_INLINE V mul(V a, V b) {
  return hn::Mul(a, b);
}
template <Vector V>
HWY_INLINE V div(V a, V b) {
  return hn::Div(a, b);
}
/** a / b within 0.51 ulp for finite, normal b, a quotient that neither over- nor underflows; does
 * not wait for the slow division unit. */
template <Vector V>
HWY_INLINE V divide_normal(V a, V b) {
#if HWY_TARGET <= HWY_AVX3
  V y = hn::ApproximateReciprocal(b);  // 14 bits, then doubled
  y = hn::MulAdd(y, hn::NegMulAdd(b, y, hn::Set(Tag<V>(), 1.0f)), y);
  V q = hn::Mul(a, y);
  return hn::MulAdd(hn::NegMulAdd(q, b, a), y, q);
#else
  return hn::Div(a, b);
#endif
}
template <Vector V>
HWY_INLINE V neg(V a) {
  return hn::Neg(a);
}
template <Vector V>
HWY_INLINE V abs(V a) {
  return hn::Abs(a);
}
/** a * b + c, rounded once. Formulas get the error of a product that way, so targets without the
 * instruction go through double. */
template <Vector V>
HWY_INLINE V fma(V a, V b, V c) {
#if HWY_TARGET == HWY_SSE4 || HWY_TARGET == HWY_SSSE3
  const Tag<V> d;
  const hn::Half<Tag<V>> half;
  const hn::Repartition<double, Tag<V>> wide;
  auto part = [&](auto x, auto y, auto z) HWY_ATTR {
    return hn::DemoteTo(half, hn::Add(hn::Mul(hn::PromoteTo(wide, x), hn::PromoteTo(wide, y)),
                                      hn::PromoteTo(wide, z)));
  };
  auto low = part(hn::LowerHalf(half, a), hn::LowerHalf(half, b), hn::LowerHalf(half, c));
  auto high = part(hn::UpperHalf(half, a), hn::UpperHalf(half, b), hn::UpperHalf(half, c));
  return hn::Combine(d, high, low);
#elif HWY_TARGET == HWY_SCALAR
  if constexpr (std::is_same_v<hn::TFromV<V>, float>) {
    double product = static_cast<double>(a.raw) * static_cast<double>(b.raw);
    return V(static_cast<float>(product + static_cast<double>(c.raw)));
  } else {
    return hn::MulAdd(a, b, c);
  }
#else
  return hn::MulAdd(a, b, c);
#endif
}
/** c - a * b, rounded once. */
template <Vector V>
HWY_INLINE V fnma(V a, V b, V c) {
#if HWY_TARGET == HWY_SSE4 || HWY_TARGET == HWY_SSSE3 || HWY_TARGET == HWY_SCALAR
  return fma(hn::Neg(a), b, c);
#else
  return hn::NegMulAdd(a, b, c);
#endif
}
template <Vector V>
HWY_INLINE V sqrt(V a) {
  return hn::Sqrt(a);
}
/** To the nearest integer, ties to even. */
template <Vector V>
HWY_INLINE V nearest(V a) {
  return hn::Round(a);
}
template <Vector V>
HWY_INLINE V trunc(V a) {
  return hn::Trunc(a);
}
template <Vector V>
HWY_INLINE V copy_sign(V magnitude, V sign) {
  return hn::CopySign(magnitude, sign);
}
template <Vector V>
HWY_INLINE V floor(V a) {
#if HWY_TARGET == HWY_SCALAR
  return copy_sign(hn::Floor(a), a);  // -0 loses its sign otherwise
#else
  return hn::Floor(a);
#endif
}
template <Vector V>
HWY_INLINE V ceil(V a) {
#if HWY_TARGET == HWY_SCALAR
  return copy_sign(hn::Ceil(a), a);
#else
  return hn::Ceil(a);
#endif
}
/** The smaller; NaN if the second is NaN, unspecified if only the first is. The instructions of x86
 * do so; others return the number of the two. */
template <Vector V>
HWY_INLINE V lower(V a, V b) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR
  return hn::Min(a, b);
#else
  return hn::IfThenElse(hn::Lt(a, b), a, b);
#endif
}
template <Vector V>
HWY_INLINE V upper(V a, V b) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR
  return hn::Max(a, b);
#else
  return hn::IfThenElse(hn::Gt(a, b), a, b);
#endif
}
/** x limited to [lo, hi]; a NaN stays. */
template <Vector V>
HWY_INLINE V clamp(V x, V lo, V hi) {
  return lower(hi, upper(lo, x));
}

// ---- masks

template <Vector V>
HWY_INLINE auto less(V a, V b) {
  return hn::Lt(a, b);
}
template <Vector V>
HWY_INLINE auto less_equal(V a, V b) {
  return hn::Le(a, b);
}
template <Vector V>
HWY_INLINE auto greater(V a, V b) {
  return hn::Gt(a, b);
}
template <Vector V>
HWY_INLINE auto greater_equal(V a, V b) {
  return hn::Ge(a, b);
}
template <Vector V>
HWY_INLINE auto equal(V a, V b) {
  return hn::Eq(a, b);
}
template <Vector V>
HWY_INLINE auto not_equal(V a, V b) {
  return hn::Not(hn::Eq(a, b));  // Ne is false for NaN on some targets
}
template <Vector V>
HWY_INLINE auto is_nan(V a) {
  return hn::IsNaN(a);
}
template <class M>
requires(!std::is_arithmetic_v<M>) HWY_INLINE M both(M a, M b) { return hn::And(a, b); }
template <class M>
requires(!std::is_arithmetic_v<M>) HWY_INLINE M either(M a, M b) { return hn::Or(a, b); }
template <class M, Vector V>
HWY_INLINE V select(M mask, V yes, V no) {
  return hn::IfThenElse(mask, yes, no);
}
/** `yes` (floats) where the integer condition holds. */
template <class M, Vector V>
HWY_INLINE V select_by_int(M mask, V yes, V no) {
  return hn::IfThenElse(hn::RebindMask(Tag<V>(), mask), yes, no);
}
/** True if the mask holds for any lane; `like` names the vector the mask came from. */
template <class M, Vector V>
HWY_INLINE bool any(M mask, V) {
  return !hn::AllFalse(Tag<V>(), mask);
}
template <class M, Vector V>
HWY_INLINE bool all(M mask, V) {
  return hn::AllTrue(Tag<V>(), mask);
}

// ---- integer bits

template <Vector V>
HWY_INLINE V bit_and(V a, V b) {
  return hn::And(a, b);
}
template <Vector V>
HWY_INLINE V bit_or(V a, V b) {
  return hn::Or(a, b);
}
template <Vector V>
HWY_INLINE V bit_xor(V a, V b) {
  return hn::Xor(a, b);
}
template <int kBits, Vector V>
HWY_INLINE V shift_left(V a) {
  return hn::ShiftLeft<kBits>(a);
}
/** Arithmetic for signed lanes, logical for unsigned ones. */
template <int kBits, Vector V>
HWY_INLINE V shift_right(V a) {
  return hn::ShiftRight<kBits>(a);
}

/** p * 2^n for an integral n, rounded once, also into subnormals and infinity. */
template <Vector V>
HWY_INLINE V scale_by_power_of_two(V p, V n) {
#if HWY_TARGET <= HWY_AVX3
  if constexpr (sizeof(V) == 64 && std::is_same_v<hn::TFromV<V>, float>) {
    return V{_mm512_scalef_ps(p.raw, n.raw)};
  } else
#endif
  {
    auto i = to_int(clamp(n, splat(n, -252.0), splat(n, 252.0)));
    auto half = shift_right<1>(i);
    auto rest = sub(i, half);
    auto bias = hn::Set(Tag<decltype(i)>(), 127);
    V first = as_float(shift_left<23>(add(half, bias)));
    V second = as_float(shift_left<23>(add(rest, bias)));
    return mul(mul(p, first), second);
  }
}

/** Calls the double-precision function for each lane: for the arguments that the vector formula
 * does not cover. */
template <Vector V>
HWY_INLINE V for_each_lane(V x, double (*f)(double)) {
  using T = hn::TFromV<V>;
  HWY_ALIGN T lanes[HWY_MAX_BYTES / sizeof(T)];
  hn::Store(x, Tag<V>(), lanes);
  for (size_t i = 0; i < hn::Lanes(Tag<V>()); ++i) {
    lanes[i] = static_cast<T>(f(static_cast<double>(lanes[i])));
  }
  return hn::Load(Tag<V>(), lanes);
}
template <Vector V>
HWY_INLINE V for_each_pair(V x, V y, double (*f)(double, double)) {
  using T = hn::TFromV<V>;
  HWY_ALIGN T a[HWY_MAX_BYTES / sizeof(T)], b[HWY_MAX_BYTES / sizeof(T)];
  hn::Store(x, Tag<V>(), a);
  hn::Store(y, Tag<V>(), b);
  for (size_t i = 0; i < hn::Lanes(Tag<V>()); ++i) {
    a[i] = static_cast<T>(f(static_cast<double>(a[i]), static_cast<double>(b[i])));
  }
  return hn::Load(Tag<V>(), a);
}
template <Vector V>
HWY_INLINE V sin_of_large(V x) {
  return for_each_lane(x, &std::sin);
}
template <Vector V>
HWY_INLINE V cos_of_large(V x) {
  return for_each_lane(x, &std::cos);
}
template <Vector V>
HWY_INLINE V tan_of_large(V x) {
  return for_each_lane(x, &std::tan);
}

}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#endif  // MLX_CPU_SIMD_VOCABULARY_INL_H_
