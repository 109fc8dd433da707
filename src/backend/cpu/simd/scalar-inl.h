// The formula vocabulary for scalars: integers, bool, double and complex64. Written so that plain
// loops over it are vectorised by the compiler. Included once per SIMD target, after
// vocabulary-inl.h.
#if defined(MLX_CPU_SIMD_SCALAR_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MLX_CPU_SIMD_SCALAR_INL_H_
#undef MLX_CPU_SIMD_SCALAR_INL_H_
#else
#define MLX_CPU_SIMD_SCALAR_INL_H_
#endif

#include "backend/cpu/simd/math-inl.h"
#include "backend/cpu/simd/scalar_math.h"
#include "mlx/types/complex.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {

template <class T>
concept Integer = std::is_integral_v<T>;
template <class T>
concept Plain = std::is_arithmetic_v<T> || std::is_same_v<T, complex64_t>;

// Integer arithmetic wraps; done on unsigned so that it is defined. bool takes part as an integer
// whose result is "not zero".
template <Integer T>
using Wide =
    std::conditional_t<(sizeof(T) < 4), uint32_t,
                       std::make_unsigned_t<std::conditional_t<std::is_same_v<T, bool>, int, T>>>;

template <Plain T>
HWY_INLINE T splat(T, double c) {
  return static_cast<T>(c);
}
template <Plain T>
HWY_INLINE T add(T a, T b) {
  if constexpr (Integer<T>)
    return static_cast<T>(Wide<T>(a) + Wide<T>(b));
  else
    return a + b;
}
template <Plain T>
HWY_INLINE T sub(T a, T b) {
  if constexpr (Integer<T>)
    return static_cast<T>(Wide<T>(a) - Wide<T>(b));
  else
    return a - b;
}
template <Plain T>
HWY_INLINE T mul(T a, T b) {
  if constexpr (Integer<T>)
    return static_cast<T>(Wide<T>(a) * Wide<T>(b));
  else
    return a * b;
}
template <Plain T>
HWY_INLINE T neg(T a) {
  if constexpr (Integer<T>)
    return static_cast<T>(Wide<T>(0) - Wide<T>(a));
  else
    return -a;
}
HWY_INLINE double div(double a, double b) { return a / b; }
HWY_INLINE complex64_t div(complex64_t a, complex64_t b) { return scalar::divide(a, b); }
/** A float type in which the quotient of two T, rounded, is on the right side of every integer. */
template <Integer T>
using QuotientFloat = std::conditional_t<(sizeof(T) <= 2), float, double>;

/** Quotient rounded to minus infinity; division by zero gives 0. */
template <Integer T>
HWY_INLINE T div(T a, T b) {
  if constexpr (sizeof(T) <= 4) {  // no branches: the compiler vectorises it
    using F = QuotientFloat<T>;
    using Middle = std::conditional_t<(sizeof(T) <= 2), int32_t, int64_t>;
    F q = static_cast<F>(a) / static_cast<F>(b == 0 ? T(1) : b);
    F whole;
    if constexpr (sizeof(F) == 4)
      whole = __builtin_floorf(q);
    else
      whole = __builtin_floor(q);
    return b == 0 ? T(0) : static_cast<T>(static_cast<Middle>(whole));
  } else {
    if (b == 0) return 0;
    if constexpr (std::is_signed_v<T>) {
      if (b == T(-1)) return neg(a);
      T q = static_cast<T>(a / b);
      return static_cast<T>(q - ((a % b != 0) && ((a < 0) != (b < 0))));
    } else {
      return static_cast<T>(a / b);
    }
  }
}
template <Integer T>
HWY_INLINE T floor_div(T a, T b) {
  return div(a, b);
}
HWY_INLINE double floor_div(double a, double b) { return __builtin_floor(a / b); }
HWY_INLINE complex64_t floor_div(complex64_t a, complex64_t b) { return scalar::divide(a, b); }
/** Has the sign of the divisor; by integer zero it is 0. */
template <Integer T>
HWY_INLINE T remainder(T a, T b) {
  if constexpr (sizeof(T) <= 4) {
    return b == 0 ? T(0) : sub(a, mul(div(a, b), b));
  } else {
    if (b == 0) return 0;
    if constexpr (std::is_signed_v<T>) {
      if (b == T(-1)) return 0;
      T r = static_cast<T>(a % b);
      return static_cast<T>((r != 0 && (r < 0) != (b < 0)) ? r + b : r);
    } else {
      return static_cast<T>(a % b);
    }
  }
}
HWY_INLINE double remainder(double a, double b) { return scalar::remainder(a, b); }

template <Integer T>
HWY_INLINE T abs(T a) {
  if constexpr (std::is_signed_v<T>)
    return a < 0 ? neg(a) : a;
  else
    return a;
}
HWY_INLINE double abs(double a) { return __builtin_fabs(a); }
HWY_INLINE float abs(complex64_t a) { return scalar::abs(a); }
template <Plain T>
HWY_INLINE T sign(T a) {
  if constexpr (std::is_same_v<T, complex64_t>) {
    return scalar::sign(a);
  } else if constexpr (std::is_same_v<T, bool>) {
    return a;
  } else {
    return static_cast<T>((a > 0) - (a < 0));
  }
}
template <Integer T>
HWY_INLINE T floor(T a) {
  return a;
}
template <Integer T>
HWY_INLINE T ceil(T a) {
  return a;
}
template <Integer T>
HWY_INLINE T nearest(T a) {
  return a;
}
HWY_INLINE double floor(double a) { return __builtin_floor(a); }
HWY_INLINE double ceil(double a) { return __builtin_ceil(a); }
HWY_INLINE double nearest(double a) { return __builtin_rint(a); }
HWY_INLINE complex64_t nearest(complex64_t a) {
  return {__builtin_rintf(a.real()), __builtin_rintf(a.imag())};
}
HWY_INLINE double sqrt(double a) { return __builtin_sqrt(a); }

HWY_INLINE float real(complex64_t a) { return a.real(); }
HWY_INLINE float imag(complex64_t a) { return a.imag(); }
HWY_INLINE complex64_t conj(complex64_t a) { return {a.real(), -a.imag()}; }

// ---- comparisons

template <Plain T>
HWY_INLINE bool less(T a, T b) {
  return a < b;
}
template <Plain T>
HWY_INLINE bool less_equal(T a, T b) {
  return a <= b;
}
template <Plain T>
HWY_INLINE bool greater(T a, T b) {
  return a > b;
}
template <Plain T>
HWY_INLINE bool greater_equal(T a, T b) {
  return a >= b;
}
template <Plain T>
HWY_INLINE bool equal(T a, T b) {
  if constexpr (std::is_same_v<T, complex64_t>) {
    return (a.real() == b.real()) & (a.imag() == b.imag());
  } else {
    return a == b;
  }
}
template <Plain T>
HWY_INLINE bool not_equal(T a, T b) {
  return !equal(a, b);
}
template <Plain T>
HWY_INLINE bool is_nan(T a) {
  if constexpr (Integer<T>)
    return false;
  else
    return not_equal(a, a);
}
HWY_INLINE bool both(bool a, bool b) { return a & b; }
HWY_INLINE bool either(bool a, bool b) { return a | b; }
template <Plain T>
HWY_INLINE T select(bool mask, T yes, T no) {
  return mask ? yes : no;
}

// ---- bits

template <Integer T>
HWY_INLINE T bit_and(T a, T b) {
  return static_cast<T>(a & b);
}
template <Integer T>
HWY_INLINE T bit_or(T a, T b) {
  return static_cast<T>(a | b);
}
template <Integer T>
HWY_INLINE T bit_xor(T a, T b) {
  return static_cast<T>(a ^ b);
}
template <Integer T>
HWY_INLINE T bit_not(T a) {
  if constexpr (std::is_same_v<T, bool>)
    return !a;
  else
    return static_cast<T>(~a);
}
// Shift counts are taken modulo 32 (64 for 64-bit integers), so every count is defined.
template <Integer T>
HWY_INLINE T shl(T a, T b) {
  return static_cast<T>(Wide<T>(a) << (static_cast<uint32_t>(b) & (sizeof(T) == 8 ? 63u : 31u)));
}
template <Integer T>
HWY_INLINE T shr(T a, T b) {
  using W = std::conditional_t<std::is_signed_v<T>, std::make_signed_t<Wide<T>>, Wide<T>>;
  return static_cast<T>(static_cast<W>(a) >>
                        (static_cast<uint32_t>(b) & (sizeof(T) == 8 ? 63u : 31u)));
}
/** Integer power by squaring; a negative exponent gives 0. */
template <Integer T>
HWY_INLINE T pow(T base, T exponent) {
  if constexpr (std::is_same_v<T, bool>) {
    return base | !exponent;
  } else {
    if (exponent < T(0)) return 0;
    T result = 1;
    for (auto e = static_cast<std::make_unsigned_t<T>>(exponent); e != 0; e >>= 1) {
      if (e & 1) result = mul(result, base);
      base = mul(base, base);
    }
    return result;
  }
}

// ---- transcendental: double and complex64 go through scalar functions of the baseline build

#define MLX_SCALAR_UNARY(name)                                 \
  HWY_INLINE double name(double x) { return scalar::name(x); } \
  HWY_INLINE complex64_t name(complex64_t x) { return scalar::name(x); }
#define MLX_SCALAR_UNARY_REAL(name) \
  HWY_INLINE double name(double x) { return scalar::name(x); }
MLX_SCALAR_UNARY(acos)
MLX_SCALAR_UNARY(acosh)
MLX_SCALAR_UNARY(asin)
MLX_SCALAR_UNARY(asinh)
MLX_SCALAR_UNARY(atan)
MLX_SCALAR_UNARY(atanh)
MLX_SCALAR_UNARY(cos)
MLX_SCALAR_UNARY(cosh)
MLX_SCALAR_UNARY(exp)
MLX_SCALAR_UNARY(log)
MLX_SCALAR_UNARY(log10)
MLX_SCALAR_UNARY(log1p)
MLX_SCALAR_UNARY(log2)
MLX_SCALAR_UNARY(sin)
MLX_SCALAR_UNARY(sinh)
MLX_SCALAR_UNARY(tan)
MLX_SCALAR_UNARY(tanh)
MLX_SCALAR_UNARY_REAL(erf)
MLX_SCALAR_UNARY_REAL(erfinv)
MLX_SCALAR_UNARY_REAL(expm1)
MLX_SCALAR_UNARY_REAL(sigmoid)
#undef MLX_SCALAR_UNARY
#undef MLX_SCALAR_UNARY_REAL
HWY_INLINE complex64_t sqrt(complex64_t x) { return scalar::sqrt(x); }
HWY_INLINE double atan2(double a, double b) { return scalar::atan2(a, b); }
HWY_INLINE double pow(double a, double b) { return scalar::pow(a, b); }
HWY_INLINE complex64_t pow(complex64_t a, complex64_t b) { return scalar::pow(a, b); }
HWY_INLINE double logaddexp(double a, double b) { return scalar::logaddexp(a, b); }
HWY_INLINE complex64_t logaddexp(complex64_t a, complex64_t b) { return scalar::logaddexp(a, b); }

// ---- the rest of the vocabulary for vectors: what formulas of whole ops need

template <Vector V>
HWY_INLINE V sign(V x) {
  V one = splat(x, 1);
  V zero = splat(x, 0);
  V y = hn::IfThenElseZero(hn::Gt(x, zero), one);
  return hn::IfThenElse(hn::Lt(x, zero), hn::Neg(one), y);
}
template <Vector V>
HWY_INLINE V floor_div(V a, V b) {
  return hn::Floor(hn::Div(a, b));
}
template <Doubles V>
HWY_INLINE V remainder(V a, V b) {
  return for_each_pair(a, b, &scalar::remainder);
}
/** Has the sign of the divisor. Quotients below 2^22 take the quotient's integer part and one fused
 * step, which is exact after one correction; the others are done lane by lane. */
template <Vector V>
HWY_INLINE V remainder(V a, V b) {
  hn::DFromV<V> d;
  V zero = hn::Zero(d);
  V ax = hn::Abs(a);
  V ay = hn::Abs(b);
  V q = hn::Floor(hn::Div(ax, ay));
#if HWY_TARGET == HWY_SSE4 || HWY_TARGET == HWY_SSSE3 || HWY_TARGET == HWY_SCALAR
  auto easy = hn::Lt(q, hn::Set(d, -1.0f));  // needs a fused multiply-add
#else
  auto easy = hn::And(hn::Lt(q, hn::Set(d, 4194304.0f)),
                      hn::And(hn::Gt(ay, hn::Set(d, 1e-30f)), hn::Lt(ay, hn::Set(d, 1e37f))));
#endif
  V r = hn::NegMulAdd(q, ay, ax);
  r = hn::IfThenElse(hn::Lt(r, zero), hn::Add(r, ay), r);
  r = hn::IfThenElse(hn::Ge(r, ay), hn::Sub(r, ay), r);
  r = hn::CopySign(r, a);
  if (HWY_UNLIKELY(!hn::AllTrue(d, easy))) {
    HWY_ALIGN float x[HWY_MAX_BYTES / 4], y[HWY_MAX_BYTES / 4];
    hn::Store(a, d, x);
    hn::Store(b, d, y);
    for (size_t i = 0; i < hn::Lanes(d); ++i) x[i] = scalar::fmod(x[i], y[i]);
    r = hn::IfThenElse(easy, r, hn::Load(d, x));
  }
  auto differ = hn::And(
      hn::Ne(r, zero),
      hn::Lt(hn::Mul(hn::CopySign(hn::Set(d, 1.0f), r), hn::CopySign(hn::Set(d, 1.0f), b)), zero));
  return hn::IfThenElse(differ, hn::Add(r, b), r);
}

#include "mlx/formulas/binary.h"
#include "mlx/formulas/unary.h"

}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#endif  // MLX_CPU_SIMD_SCALAR_INL_H_
