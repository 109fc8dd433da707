// The formula vocabulary for one element on the GPU: the named functions that include/mlx/formulas is written in.
// float32 follows the portable vector code of the CPU step by step, so both give the same bits (but where the CPU
// has a native formula: backend/cpu/simd/native-inl.h).
#pragma once

#include "types.cuh"

#define MLX_FORMULA inline
#ifdef __CUDACC_RTC__
#define __builtin_inff() (::mlx_device::kInfinity)
#define __builtin_nanf(text) (::mlx_device::kNan)
#endif

namespace mlx_device {

constexpr float kNan = __builtin_bit_cast(float, 0x7fffffffu);

template <class T>
struct IntegerTraits {
  static constexpr bool is_integer = false;
};
template <class Unsigned, class Wide_, class SignedWide, bool kSigned>
struct IntegerInfo {
  static constexpr bool is_integer = true;
  static constexpr bool is_signed = kSigned;
  using unsigned_type = Unsigned;
  using wide = Wide_;
  using signed_wide = SignedWide;
};
template <> struct IntegerTraits<bool> : IntegerInfo<uint8_t, uint32_t, int32_t, false> {};
template <> struct IntegerTraits<uint8_t> : IntegerInfo<uint8_t, uint32_t, int32_t, false> {};
template <> struct IntegerTraits<uint16_t> : IntegerInfo<uint16_t, uint32_t, int32_t, false> {};
template <> struct IntegerTraits<uint32_t> : IntegerInfo<uint32_t, uint32_t, int32_t, false> {};
template <> struct IntegerTraits<uint64_t> : IntegerInfo<uint64_t, uint64_t, int64_t, false> {};
template <> struct IntegerTraits<int8_t> : IntegerInfo<uint8_t, uint32_t, int32_t, true> {};
template <> struct IntegerTraits<int16_t> : IntegerInfo<uint16_t, uint32_t, int32_t, true> {};
template <> struct IntegerTraits<int32_t> : IntegerInfo<uint32_t, uint32_t, int32_t, true> {};
template <> struct IntegerTraits<int64_t> : IntegerInfo<uint64_t, uint64_t, int64_t, true> {};

template <class T>
concept Integer = IntegerTraits<T>::is_integer;
template <Integer T>
using Wide = typename IntegerTraits<T>::wide;

template <class A, class B>
struct Same {
  static constexpr bool value = false;
};
template <class A>
struct Same<A, A> {
  static constexpr bool value = true;
};
template <class T>
concept Floating = Same<T, float>::value || Same<T, double>::value;

// ---- constants and bits

template <Floating T>
inline T splat(T, double c) {
  return static_cast<T>(c);
}
template <Integer T>
inline T splat(T, double c) {
  return static_cast<T>(c);
}
inline complex_t splat(complex_t, double c) { return {static_cast<float>(c), 0.0f}; }
inline int as_int(float x) { return __float_as_int(x); }
inline float as_float(int i) { return __int_as_float(i); }
inline int to_int(float x) { return static_cast<int>(x); }
inline float to_float(int i) { return static_cast<float>(i); }
template <int kBits>
inline int shift_left(int a) {
  return static_cast<int>(static_cast<unsigned>(a) << kBits);
}
template <int kBits>
inline int shift_right(int a) {
  return a >> kBits;
}

// ---- arithmetic; integers wrap, bool results are "not zero"

template <Integer T> inline T add(T a, T b) { return static_cast<T>(Wide<T>(a) + Wide<T>(b)); }
template <Integer T> inline T sub(T a, T b) { return static_cast<T>(Wide<T>(a) - Wide<T>(b)); }
template <Integer T> inline T mul(T a, T b) { return static_cast<T>(Wide<T>(a) * Wide<T>(b)); }
template <Integer T> inline T neg(T a) { return static_cast<T>(Wide<T>(0) - Wide<T>(a)); }
template <Floating T> inline T add(T a, T b) { return a + b; }
template <Floating T> inline T sub(T a, T b) { return a - b; }
template <Floating T> inline T mul(T a, T b) { return a * b; }
template <Floating T> inline T div(T a, T b) { return a / b; }
inline float divide_normal(float a, float b) { return a / b; }
template <Floating T> inline T neg(T a) { return -a; }
inline complex_t add(complex_t a, complex_t b) { return {a.re + b.re, a.im + b.im}; }
inline complex_t sub(complex_t a, complex_t b) { return {a.re - b.re, a.im - b.im}; }
inline complex_t mul(complex_t a, complex_t b) {
  return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}
inline complex_t neg(complex_t a) { return {-a.re, -a.im}; }

template <Integer T>
inline T div(T a, T b) {
  if (b == T(0)) return T(0);
  if constexpr (IntegerTraits<T>::is_signed) {
    if (b == T(-1)) return neg(a);
    T q = static_cast<T>(a / b);
    return static_cast<T>(q - ((a % b != 0) && ((a < 0) != (b < 0))));
  } else {
    return static_cast<T>(a / b);
  }
}
template <Integer T> inline T floor_div(T a, T b) { return div(a, b); }
inline float floor_div(float a, float b) { return ::floorf(a / b); }
inline double floor_div(double a, double b) { return ::floor(a / b); }
template <Integer T>
inline T remainder(T a, T b) {
  if (b == T(0)) return T(0);
  if constexpr (IntegerTraits<T>::is_signed) {
    if (b == T(-1)) return T(0);
    T r = static_cast<T>(a % b);
    return static_cast<T>((r != 0 && (r < 0) != (b < 0)) ? r + b : r);
  } else {
    return static_cast<T>(a % b);
  }
}
inline float remainder(float a, float b) {
  float r = ::fmodf(a, b);
  return (r != 0.0f && (r < 0.0f) != (b < 0.0f)) ? r + b : r;
}
inline double remainder(double a, double b) {
  double r = ::fmod(a, b);
  return (r != 0.0 && (r < 0.0) != (b < 0.0)) ? r + b : r;
}

inline float fma(float a, float b, float c) { return ::fmaf(a, b, c); }
inline float fnma(float a, float b, float c) { return ::fmaf(-a, b, c); }

template <Integer T>
inline T abs(T a) {
  if constexpr (IntegerTraits<T>::is_signed) return a < 0 ? neg(a) : a;
  else return a;
}
inline float abs(float a) { return ::fabsf(a); }
inline double abs(double a) { return ::fabs(a); }
template <Integer T>
inline T sign(T a) {
  return static_cast<T>((a > T(0)) - (a < T(0)));
}
template <Floating T>
inline T sign(T a) {
  return static_cast<T>((a > T(0)) - (a < T(0)));
}
template <Integer T> inline T floor(T a) { return a; }
template <Integer T> inline T ceil(T a) { return a; }
template <Integer T> inline T nearest(T a) { return a; }
inline float floor(float a) { return ::floorf(a); }
inline float ceil(float a) { return ::ceilf(a); }
inline float nearest(float a) { return ::rintf(a); }
inline double floor(double a) { return ::floor(a); }
inline double ceil(double a) { return ::ceil(a); }
inline double nearest(double a) { return ::rint(a); }
inline complex_t nearest(complex_t a) { return {::rintf(a.re), ::rintf(a.im)}; }
inline float sqrt(float a) { return ::sqrtf(a); }
inline double sqrt(double a) { return ::sqrt(a); }
inline float copy_sign(float magnitude, float sign) { return ::copysignf(magnitude, sign); }
inline float lower(float a, float b) { return a < b ? a : b; }
inline float upper(float a, float b) { return a > b ? a : b; }
/** x limited to [lo, hi]; a NaN stays. */
inline float clamp(float x, float lo, float hi) {
  x = x < lo ? lo : x;
  return x > hi ? hi : x;
}
inline int clamp(int x, int lo, int hi) { return x < lo ? lo : x > hi ? hi : x; }
inline float real(complex_t a) { return a.re; }
inline float imag(complex_t a) { return a.im; }
inline complex_t conj(complex_t a) { return {a.re, -a.im}; }
template <Floating T> inline T real(T a) { return a; }
template <Floating T> inline T conj(T a) { return a; }

// ---- comparisons; complex numbers order by real part, then imaginary part

template <class T> inline bool less(T a, T b) { return a < b; }
template <class T> inline bool less_equal(T a, T b) { return a <= b; }
template <class T> inline bool greater(T a, T b) { return a > b; }
template <class T> inline bool greater_equal(T a, T b) { return a >= b; }
template <class T> inline bool equal(T a, T b) { return a == b; }
inline bool less(complex_t a, complex_t b) { return a.re < b.re || (a.re == b.re && a.im < b.im); }
inline bool greater(complex_t a, complex_t b) { return less(b, a); }
inline bool less_equal(complex_t a, complex_t b) { return !less(b, a); }
inline bool greater_equal(complex_t a, complex_t b) { return !less(a, b); }
inline bool equal(complex_t a, complex_t b) { return a.re == b.re && a.im == b.im; }
template <class T> inline bool not_equal(T a, T b) { return !equal(a, b); }
template <class T>
inline bool is_nan(T a) {
  if constexpr (Integer<T>) return false;
  else return !equal(a, a);
}
inline bool both(bool a, bool b) { return a & b; }
inline bool either(bool a, bool b) { return a | b; }
template <class T> inline T select(bool mask, T yes, T no) { return mask ? yes : no; }
template <class T> inline T select_by_int(bool mask, T yes, T no) { return mask ? yes : no; }
template <class T> inline bool any(bool mask, T) { return mask; }
template <class T> inline bool all(bool mask, T) { return mask; }

// ---- bits

template <Integer T> inline T bit_and(T a, T b) { return static_cast<T>(a & b); }
template <Integer T> inline T bit_or(T a, T b) { return static_cast<T>(a | b); }
template <Integer T> inline T bit_xor(T a, T b) { return static_cast<T>(a ^ b); }
template <Integer T>
inline T bit_not(T a) {
  if constexpr (Same<T, bool>::value) return !a;
  else return static_cast<T>(~a);
}
template <Integer T>
inline T shl(T a, T b) {
  return static_cast<T>(Wide<T>(a) << (static_cast<uint32_t>(b) & (sizeof(T) == 8 ? 63u : 31u)));
}
template <Integer T>
inline T shr(T a, T b) {
  uint32_t count = static_cast<uint32_t>(b) & (sizeof(T) == 8 ? 63u : 31u);
  if constexpr (IntegerTraits<T>::is_signed) {
    return static_cast<T>(static_cast<typename IntegerTraits<T>::signed_wide>(a) >> count);
  } else {
    return static_cast<T>(Wide<T>(a) >> count);
  }
}
template <Integer T>
inline T pow(T base, T exponent) {
  if constexpr (Same<T, bool>::value) {
    return base | !exponent;
  } else {
    if (exponent < T(0)) return T(0);
    T result = T(1);
    for (auto e = static_cast<typename IntegerTraits<T>::unsigned_type>(exponent); e != 0; e >>= 1) {
      if (e & 1) result = mul(result, base);
      base = mul(base, base);
    }
    return result;
  }
}

/** p * 2^n for an integral n, rounded once, also into subnormals and infinity. */
inline float scale_by_power_of_two(float p, float n) {
  int i = to_int(clamp(n, -252.0f, 252.0f));
  int half = i >> 1;
  float first = as_float(shift_left<23>(half + 127));
  float second = as_float(shift_left<23>(i - half + 127));
  return p * first * second;
}
inline float sin_of_large(float x) { return static_cast<float>(::sin(static_cast<double>(x))); }
inline float cos_of_large(float x) { return static_cast<float>(::cos(static_cast<double>(x))); }
inline float tan_of_large(float x) { return static_cast<float>(::tan(static_cast<double>(x))); }

}  // namespace mlx_device
