// Order-preserving maps between elements and unsigned integers, which the sorts compare.
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

#include "mlx/types/complex.h"
#include "mlx/types/half_types.h"

namespace mlx::core::cpu {

template <typename T>
struct SortKey;

template <typename T>
requires std::is_integral_v<T>
struct SortKey<T> {
  using Bits = std::conditional_t<std::is_same_v<T, bool>, uint8_t, T>;
  using Key = std::make_unsigned_t<Bits>;
  static constexpr bool kIsFloat = false;
  static constexpr Key kSign = std::is_signed_v<T> ? Key(1) << (8 * sizeof(T) - 1) : Key(0);
  static Key exact(T x) { return static_cast<Key>(x) ^ kSign; }
  static Key folded(T x) { return exact(x); }
  static T value(Key key) { return static_cast<T>(static_cast<Key>(key ^ kSign)); }
};

/** Floats by their bits: non-negative ones with the sign bit set, negative ones inverted. */
template <typename T, typename K, K kInfinity>
struct FloatSortKey {
  using Key = K;
  static constexpr bool kIsFloat = true;
  static constexpr Key kInfinityBits = kInfinity;
  static constexpr Key kSign = Key(1) << (8 * sizeof(Key) - 1);
  static constexpr Key kNan = static_cast<Key>(~Key(0));
  static constexpr Key kNegativeZero = kSign - 1;

  static Key bits(T x) { return std::bit_cast<Key>(x); }
  static bool is_nan(Key bits) { return static_cast<Key>(bits & ~kSign) > kInfinityBits; }
  static Key ordered(Key bits) {
    Key key = static_cast<Key>(bits & kSign ? ~bits : bits | kSign);
    return is_nan(bits) ? kNan : key;
  }
  /** Distinguishes -0 from 0 (as less) so that values can be told from keys. */
  static Key exact(T x) { return ordered(bits(x)); }
  static Key folded(T x) {
    Key b = bits(x);
    return ordered(b == kSign ? Key(0) : b);
  }
  static T value(Key key) {
    return std::bit_cast<T>(static_cast<Key>(key & kSign ? key ^ kSign : ~key));
  }
};

template <>
struct SortKey<float16_t> : FloatSortKey<float16_t, uint16_t, 0x7c00> {};
template <>
struct SortKey<bfloat16_t> : FloatSortKey<bfloat16_t, uint16_t, 0x7f80> {};
template <>
struct SortKey<float> : FloatSortKey<float, uint32_t, 0x7f800000> {};
template <>
struct SortKey<double> : FloatSortKey<double, uint64_t, 0x7ff0000000000000> {};

/** By real part, then imaginary part; any NaN goes last. */
template <>
struct SortKey<complex64_t> {
  using Key = uint64_t;
  static constexpr bool kIsFloat = false;
  static Key folded(complex64_t x) {
    Key real = SortKey<float>::folded(x.real());
    Key imag = SortKey<float>::folded(x.imag());
    constexpr Key kNan = SortKey<float>::kNan;
    return real == kNan || imag == kNan ? ~Key(0) : real << 32 | imag;
  }
};

}  // namespace mlx::core::cpu
