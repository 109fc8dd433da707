// complex64_t: a pair of float32, with the ordering (real part first) that sorting and max need.
#pragma once

#include <complex>

#include "mlx/types/half_types.h"

namespace mlx::core {

struct complex64_t : public std::complex<float> {
  complex64_t() = default;
  complex64_t(float real, float imag) : std::complex<float>(real, imag) {}
  complex64_t(const std::complex<float>& value) : std::complex<float>(value) {}
  template <typename T>
  requires(std::is_arithmetic_v<T> || std::is_same_v<T, float16_t> || std::is_same_v<T, bfloat16_t>)
      complex64_t(T real)
      : std::complex<float>(static_cast<float>(real)) {}

  template <typename T>
  requires(std::is_arithmetic_v<T> || std::is_same_v<T, float16_t> ||
           std::is_same_v<T, bfloat16_t>) explicit
  operator T() const {
    return static_cast<T>(real());
  }
};

inline bool operator<(const complex64_t& a, const complex64_t& b) {
  return a.real() < b.real() || (a.real() == b.real() && a.imag() < b.imag());
}
inline bool operator>(const complex64_t& a, const complex64_t& b) { return b < a; }
inline bool operator<=(const complex64_t& a, const complex64_t& b) { return !(b < a); }
inline bool operator>=(const complex64_t& a, const complex64_t& b) { return !(a < b); }

inline complex64_t operator-(const complex64_t& a) { return {-a.real(), -a.imag()}; }
inline complex64_t operator+(const complex64_t& a, const complex64_t& b) {
  return {a.real() + b.real(), a.imag() + b.imag()};
}
inline complex64_t operator-(const complex64_t& a, const complex64_t& b) {
  return {a.real() - b.real(), a.imag() - b.imag()};
}
inline complex64_t operator*(const complex64_t& a, const complex64_t& b) {
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}

}  // namespace mlx::core
