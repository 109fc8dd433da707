// float16_t and bfloat16_t: 16-bit storage types whose arithmetic is done in float and rounded
// once.
#pragma once

#include <bit>
#include <cmath>
#include <compare>
#include <cstdint>
#include <limits>
#include <ostream>
#include <type_traits>

namespace mlx::core {

namespace detail {

/** IEEE binary16 bits of `value`, rounded to nearest even. */
inline uint16_t float_to_half_bits(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  uint32_t sign = (bits >> 16) & 0x8000u;
  uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) {
    return static_cast<uint16_t>(sign | 0x7e00u | ((magnitude >> 13) & 0x1ffu));
  }
  if (magnitude >= 0x477ff000u) {  // 65520 and above round to infinity
    return static_cast<uint16_t>(sign | 0x7c00u);
  }
  if (magnitude < 0x38800000u) {  // subnormal in half: let float addition do the rounding
    float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(shifted) - 0x3f000000u));
  }
  uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u);
  return static_cast<uint16_t>(sign | ((rounded - 0x38000000u) >> 13));
}

inline float half_bits_to_float(uint16_t half) {
  uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
  uint32_t magnitude = half & 0x7fffu;
  if (magnitude >= 0x7c00u) {
    return std::bit_cast<float>(sign | 0x7f800000u | ((magnitude & 0x3ffu) << 13));
  }
  if (magnitude < 0x400u) {
    float value = static_cast<float>(magnitude) * 0x1p-24f;
    return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(value));
  }
  return std::bit_cast<float>(sign | ((magnitude << 13) + 0x38000000u));
}

/** bfloat16 bits of `value`, rounded to nearest even; a NaN stays a NaN. */
inline uint16_t float_to_bfloat_bits(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) {
    return static_cast<uint16_t>((bits >> 16) | 0x40u);
  }
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

inline float bfloat_bits_to_float(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

}  // namespace detail

/** A 16-bit float: 16 bits of storage, converted to float for every operation. */
template <uint16_t (*Encode)(float), float (*Decode)(uint16_t)>
struct half_float {
  uint16_t bits_ = 0;

  half_float() = default;
  template <typename T>
  requires std::is_arithmetic_v<T>
  constexpr half_float(T value) : bits_(Encode(static_cast<float>(value))) {}
  template <uint16_t (*E)(float), float (*D)(uint16_t)>
  requires(E != Encode) explicit half_float(half_float<E, D> other)
      : half_float(static_cast<float>(other)) {}

  operator float() const { return Decode(bits_); }

  half_float& operator+=(half_float other) {
    return *this = half_float(float(*this) + float(other));
  }
  half_float& operator-=(half_float other) {
    return *this = half_float(float(*this) - float(other));
  }
  half_float& operator*=(half_float other) {
    return *this = half_float(float(*this) * float(other));
  }
  half_float& operator/=(half_float other) {
    return *this = half_float(float(*this) / float(other));
  }
  friend half_float operator+(half_float a, half_float b) { return a += b; }
  friend half_float operator-(half_float a, half_float b) { return a -= b; }
  friend half_float operator*(half_float a, half_float b) { return a *= b; }
  friend half_float operator/(half_float a, half_float b) { return a /= b; }
  friend half_float operator-(half_float a) {
    half_float result;
    result.bits_ = a.bits_ ^ 0x8000u;
    return result;
  }
  friend bool operator==(half_float a, half_float b) { return float(a) == float(b); }
  friend auto operator<=>(half_float a, half_float b) { return float(a) <=> float(b); }
};

using float16_t = half_float<detail::float_to_half_bits, detail::half_bits_to_float>;
using bfloat16_t = half_float<detail::float_to_bfloat_bits, detail::bfloat_bits_to_float>;

static_assert(sizeof(float16_t) == 2 && sizeof(bfloat16_t) == 2);

}  // namespace mlx::core

namespace mlx::core::detail {
template <typename T>
constexpr T half_from_bits(uint16_t bits) {
  T result;
  result.bits_ = bits;
  return result;
}
}  // namespace mlx::core::detail

template <>
struct std::numeric_limits<mlx::core::float16_t> : std::numeric_limits<float> {
  using T = mlx::core::float16_t;
  static T lowest() { return mlx::core::detail::half_from_bits<T>(0xfbff); }
  static T min() { return mlx::core::detail::half_from_bits<T>(0x0400); }
  static T max() { return mlx::core::detail::half_from_bits<T>(0x7bff); }
  static T epsilon() { return mlx::core::detail::half_from_bits<T>(0x1400); }
  static T infinity() { return mlx::core::detail::half_from_bits<T>(0x7c00); }
  static T quiet_NaN() { return mlx::core::detail::half_from_bits<T>(0x7e00); }
};

template <>
struct std::numeric_limits<mlx::core::bfloat16_t> : std::numeric_limits<float> {
  using T = mlx::core::bfloat16_t;
  static T lowest() { return mlx::core::detail::half_from_bits<T>(0xff7f); }
  static T min() { return mlx::core::detail::half_from_bits<T>(0x0080); }
  static T max() { return mlx::core::detail::half_from_bits<T>(0x7f7f); }
  static T epsilon() { return mlx::core::detail::half_from_bits<T>(0x3c00); }
  static T infinity() { return mlx::core::detail::half_from_bits<T>(0x7f80); }
  static T quiet_NaN() { return mlx::core::detail::half_from_bits<T>(0x7fc0); }
};
