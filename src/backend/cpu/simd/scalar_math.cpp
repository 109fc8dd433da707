// Scalar double and complex64 functions, through the C++ library.
#include "backend/cpu/simd/scalar_math.h"

#include <cmath>
#include <limits>

namespace mlx::core::cpu::scalar {

namespace {

using Complex = std::complex<double>;

complex64_t narrow(const Complex& x) {
  return {static_cast<float>(x.real()), static_cast<float>(x.imag())};
}
Complex widen(complex64_t x) { return {x.real(), x.imag()}; }

}  // namespace

#define MLX_REAL(name) \
  double name(double x) { return std::name(x); }
#define MLX_COMPLEX(name) \
  complex64_t name(complex64_t x) { return narrow(std::name(widen(x))); }
MLX_REAL(acos)
MLX_REAL(acosh)
MLX_REAL(asin)
MLX_REAL(asinh)
MLX_REAL(atan)
MLX_REAL(atanh)
MLX_REAL(cos)
MLX_REAL(cosh)
MLX_REAL(erf)
MLX_REAL(exp)
MLX_REAL(expm1)
MLX_REAL(log)
MLX_REAL(log10)
MLX_REAL(log1p)
MLX_REAL(log2)
MLX_REAL(sin)
MLX_REAL(sinh)
MLX_REAL(tan)
MLX_REAL(tanh)
MLX_COMPLEX(acos)
MLX_COMPLEX(acosh)
MLX_COMPLEX(asin)
MLX_COMPLEX(asinh)
MLX_COMPLEX(atan)
MLX_COMPLEX(atanh)
MLX_COMPLEX(cos)
MLX_COMPLEX(cosh)
MLX_COMPLEX(exp)
MLX_COMPLEX(log)
MLX_COMPLEX(log10)
MLX_COMPLEX(sin)
MLX_COMPLEX(sinh)
MLX_COMPLEX(sqrt)
MLX_COMPLEX(tan)
MLX_COMPLEX(tanh)
#undef MLX_REAL
#undef MLX_COMPLEX

double sigmoid(double x) {
  double e = std::exp(-std::abs(x));
  return (x < 0 ? e : 1.0) / (1.0 + e);
}

double erfinv(double x) {
  if (!(std::abs(x) < 1)) {
    return std::abs(x) == 1 ? std::copysign(std::numeric_limits<double>::infinity(), x)
                            : std::numeric_limits<double>::quiet_NaN();
  }
  if (x == 0) return x;
  // Winitzki's closed form, then Newton on erfc of the tail, where no digits cancel.
  double a = std::abs(x);
  double log_term = std::log1p(-a * a);
  double b = 2 / (M_PI * 0.147) + log_term / 2;
  double y = std::sqrt(std::sqrt(b * b - log_term / 0.147) - b);
  for (int i = 0; i < 4; ++i) {
    double error = a < 0.5 ? std::erf(y) - a : (1 - a) - std::erfc(y);
    double step = error / (M_2_SQRTPI * std::exp(-y * y));
    y -= step / (1 + y * step);
  }
  return std::copysign(y, x);
}

double atan2(double y, double x) { return std::atan2(y, x); }
double pow(double base, double exponent) { return std::pow(base, exponent); }
float fmod(float a, float b) { return std::fmod(a, b); }

double remainder(double a, double b) {
  double r = std::fmod(a, b);
  return (r != 0 && (r < 0) != (b < 0)) ? r + b : r;
}

double logaddexp(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return a + b;
  double high = std::fmax(a, b);
  if (std::isinf(high)) return high;
  return high + std::log1p(std::exp(std::fmin(a, b) - high));
}

complex64_t log1p(complex64_t x) {
  // |1 + z|^2 = 1 + x (2 + x) + y^2, which loses nothing near z = 0
  double re = x.real(), im = x.imag();
  double norm = re * (2 + re) + im * im;
  double modulus = norm > -0.5 ? 0.5 * std::log1p(norm) : std::log(std::hypot(1 + re, im));
  return {static_cast<float>(modulus), static_cast<float>(std::atan2(im, 1 + re))};
}

complex64_t log2(complex64_t x) { return narrow(std::log(widen(x)) / M_LN2); }
complex64_t divide(complex64_t a, complex64_t b) { return narrow(widen(a) / widen(b)); }

complex64_t pow(complex64_t base, complex64_t exponent) {
  return narrow(std::pow(widen(base), widen(exponent)));
}

complex64_t logaddexp(complex64_t a, complex64_t b) {
  if (a != a || b != b) return a + b;
  complex64_t high = a < b ? b : a;
  complex64_t low = a < b ? a : b;
  if (std::isinf(high.real()) || std::isinf(low.real())) {
    return std::isinf(high.real()) && high.real() > 0 ? high
           : low.real() == high.real()                ? low
                                                      : high;
  }
  return narrow(widen(high) + std::log(1.0 + std::exp(widen(low) - widen(high))));
}

complex64_t sign(complex64_t x) {
  if (x == complex64_t(0.0f, 0.0f)) return x;
  return narrow(widen(x) / std::abs(widen(x)));
}

float abs(complex64_t x) { return static_cast<float>(std::abs(widen(x))); }

}  // namespace mlx::core::cpu::scalar
