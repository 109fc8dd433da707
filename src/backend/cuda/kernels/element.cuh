// Element formulas on the GPU: the shared formula files over the device vocabulary, and double and complex functions.
#pragma once

#include "vocabulary.cuh"

namespace mlx_device {

#include "mlx/formulas/math_exp.h"
#include "mlx/formulas/math_log.h"
#include "mlx/formulas/math_trig.h"

/** The formula of math_log.h, step by step, without what its arguments cannot need: 1 - x^2 is a normal number up to 1,
 * and hardly ever below e^-5, so that most warps skip the second polynomial. */
inline float erfinv(float x) {
  int i = as_int(mul(1.0f - x, 1.0f + x));
  int k = shift_right<23>(i - 0x3f3504f3);
  float e = to_float(k);
  float f = as_float(i - shift_left<23>(k)) - 1.0f;
  float w = -join_log(e, f);
  float y;
  if (w < 5.0f) {
    y = polynomial(w - 2.5f, 1.50140941f, 0.246640295f, -0.00417751353f, -0.00125275692f, 0.000218431451f,
                   -4.95558879e-06f, -3.48705134e-06f, 4.64630318e-07f, 2.61792028e-08f, -8.68702887e-09f,
                   -1.26570573e-10f);
  } else {
    y = polynomial(sqrt(w) - 3.0f, 2.83297682f, 1.00167525f, 0.00944495574f, -0.00764299277f, 0.00568969175f,
                   -0.00356607046f, 0.00147045637f, -0.000121581194f, -0.000272752979f, 0.000161249525f,
                   -3.12247685e-05f);
  }
  y = x * y;
  if (abs(x) == 1.0f) y = x * kInfinity;
  return abs(x) <= 1.0f ? y : kNan;
}

// ---- float64 through the device's own library

inline double acos(double x) { return ::acos(x); }
inline double acosh(double x) { return ::acosh(x); }
inline double asin(double x) { return ::asin(x); }
inline double asinh(double x) { return ::asinh(x); }
inline double atan(double x) { return ::atan(x); }
inline double atanh(double x) { return ::atanh(x); }
inline double cos(double x) { return ::cos(x); }
inline double cosh(double x) { return ::cosh(x); }
inline double erf(double x) { return ::erf(x); }
inline double erfinv(double x) { return ::erfinv(x); }
inline double exp(double x) { return ::exp(x); }
inline double expm1(double x) { return ::expm1(x); }
inline double log(double x) { return ::log(x); }
inline double log10(double x) { return ::log10(x); }
inline double log1p(double x) { return ::log1p(x); }
inline double log2(double x) { return ::log2(x); }
inline double sin(double x) { return ::sin(x); }
inline double sinh(double x) { return ::sinh(x); }
inline double tan(double x) { return ::tan(x); }
inline double tanh(double x) { return ::tanh(x); }
inline double sigmoid(double x) {
  double e = ::exp(-::fabs(x));
  return (x < 0 ? e : 1.0) / (1.0 + e);
}
inline double atan2(double y, double x) { return ::atan2(y, x); }
inline double pow(double a, double b) { return ::pow(a, b); }
inline double logaddexp(double a, double b) {
  if (a != a || b != b) return a + b;
  double high = ::fmax(a, b);
  if (::fabs(high) == static_cast<double>(kInfinity)) return high;
  return high + ::log1p(::exp(::fmin(a, b) - high));
}

// ---- complex64, computed in double and rounded once

struct Complex {
  double re, im;
};
inline Complex wide(complex_t x) { return {static_cast<double>(x.re), static_cast<double>(x.im)}; }
inline complex_t close(Complex x) { return {static_cast<float>(x.re), static_cast<float>(x.im)}; }
inline Complex plus(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }
inline Complex minus(Complex a, Complex b) { return {a.re - b.re, a.im - b.im}; }
inline Complex times(Complex a, Complex b) { return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re}; }
inline Complex times_i(Complex a) { return {-a.im, a.re}; }
inline Complex over(Complex a, Complex b) {
  // Smith's division: no overflow in |b|^2.
  if (::fabs(b.re) >= ::fabs(b.im)) {
    double r = b.im / b.re, d = b.re + b.im * r;
    return {(a.re + a.im * r) / d, (a.im - a.re * r) / d};
  }
  double r = b.re / b.im, d = b.re * r + b.im;
  return {(a.re * r + a.im) / d, (a.im * r - a.re) / d};
}
inline double modulus(Complex a) { return ::hypot(a.re, a.im); }
inline Complex exp_of(Complex a) {
  double e = ::exp(a.re);
  if (a.im == 0.0) return {e, a.im};
  return {e * ::cos(a.im), e * ::sin(a.im)};
}
inline Complex log_of(Complex a) { return {::log(modulus(a)), ::atan2(a.im, a.re)}; }
inline Complex sqrt_of(Complex a) {
  double m = modulus(a);
  if (m == 0.0) return {0.0, a.im};
  double r = ::sqrt((m + ::fabs(a.re)) * 0.5);
  double i = ::fabs(a.im) / (2.0 * r);
  if (a.re < 0.0) {
    double t = r;
    r = i;
    i = t;
  }
  return {r, ::copysign(i, a.im)};
}
inline Complex sinh_of(Complex a) { return {::sinh(a.re) * ::cos(a.im), ::cosh(a.re) * ::sin(a.im)}; }
inline Complex cosh_of(Complex a) { return {::cosh(a.re) * ::cos(a.im), ::sinh(a.re) * ::sin(a.im)}; }
inline Complex tanh_of(Complex a) {
  if (::fabs(a.re) > 20.0) return {::copysign(1.0, a.re), 0.0 * a.im};
  double d = ::cosh(2.0 * a.re) + ::cos(2.0 * a.im);
  return {::sinh(2.0 * a.re) / d, ::sin(2.0 * a.im) / d};
}
inline Complex asinh_of(Complex a) {
  Complex s = sqrt_of({1.0 + a.im, -a.re});
  Complex t = sqrt_of({1.0 - a.im, a.re});
  return {::asinh(s.re * t.im - t.re * s.im), ::atan2(a.im, s.re * t.re - s.im * t.im)};
}
inline Complex acosh_of(Complex a) {
  Complex s = sqrt_of({a.re - 1.0, a.im});
  Complex t = sqrt_of({a.re + 1.0, a.im});
  return {::asinh(s.re * t.re + s.im * t.im), 2.0 * ::atan2(s.im, t.re)};
}
inline Complex atanh_of(Complex a) {
  Complex up = log_of({1.0 + a.re, a.im});
  Complex down = log_of({1.0 - a.re, -a.im});
  return {0.5 * (up.re - down.re), 0.5 * (up.im - down.im)};
}

inline complex_t exp(complex_t x) { return close(exp_of(wide(x))); }
inline complex_t log(complex_t x) { return close(log_of(wide(x))); }
inline complex_t log2(complex_t x) {
  Complex y = log_of(wide(x));
  return close({y.re / 0.69314718055994531, y.im / 0.69314718055994531});
}
inline complex_t log10(complex_t x) {
  Complex y = log_of(wide(x));
  return close({y.re / 2.30258509299404568, y.im / 2.30258509299404568});
}
inline complex_t log1p(complex_t x) {
  double re = x.re, im = x.im;
  double norm = re * (2 + re) + im * im;
  double m = norm > -0.5 ? 0.5 * ::log1p(norm) : ::log(::hypot(1 + re, im));
  return close({m, ::atan2(im, 1 + re)});
}
inline complex_t sqrt(complex_t x) { return close(sqrt_of(wide(x))); }
inline complex_t sinh(complex_t x) { return close(sinh_of(wide(x))); }
inline complex_t cosh(complex_t x) { return close(cosh_of(wide(x))); }
inline complex_t tanh(complex_t x) { return close(tanh_of(wide(x))); }
inline complex_t sin(complex_t x) {
  Complex y = sinh_of(times_i(wide(x)));
  return close({y.im, -y.re});
}
inline complex_t cos(complex_t x) { return close(cosh_of(times_i(wide(x)))); }
inline complex_t tan(complex_t x) {
  Complex y = tanh_of(times_i(wide(x)));
  return close({y.im, -y.re});
}
inline complex_t asinh(complex_t x) { return close(asinh_of(wide(x))); }
inline complex_t acosh(complex_t x) { return close(acosh_of(wide(x))); }
inline complex_t atanh(complex_t x) { return close(atanh_of(wide(x))); }
inline complex_t asin(complex_t x) {
  Complex y = asinh_of(times_i(wide(x)));
  return close({y.im, -y.re});
}
inline complex_t acos(complex_t x) {
  Complex y = asinh_of(times_i(wide(x)));
  return close({1.5707963267948966 - y.im, y.re});
}
inline complex_t atan(complex_t x) {
  Complex y = atanh_of(times_i(wide(x)));
  return close({y.im, -y.re});
}
inline complex_t div(complex_t a, complex_t b) { return close(over(wide(a), wide(b))); }
inline complex_t floor_div(complex_t a, complex_t b) { return div(a, b); }
inline float abs(complex_t x) { return static_cast<float>(modulus(wide(x))); }
inline complex_t sign(complex_t x) {
  if (x.re == 0.0f && x.im == 0.0f) return x;
  Complex w = wide(x);
  double m = modulus(w);
  return close({w.re / m, w.im / m});
}
inline complex_t pow(complex_t a, complex_t b) {
  if (a.re == 0.0f && a.im == 0.0f) {
    if (b.re == 0.0f && b.im == 0.0f) return {1.0f, 0.0f};
    if (b.im == 0.0f && b.re > 0.0f) return {0.0f, 0.0f};
  }
  return close(exp_of(times(wide(b), log_of(wide(a)))));
}
inline complex_t logaddexp(complex_t a, complex_t b) {
  if (is_nan(a) || is_nan(b)) return add(a, b);
  complex_t high = less(a, b) ? b : a;
  complex_t low = less(a, b) ? a : b;
  if (::fabsf(high.re) == kInfinity || ::fabsf(low.re) == kInfinity) {
    return ::fabsf(high.re) == kInfinity && high.re > 0.0f ? high : low.re == high.re ? low : high;
  }
  Complex one{1.0, 0.0};
  return close(plus(wide(high), log_of(plus(one, exp_of(minus(wide(low), wide(high)))))));
}

#include "mlx/formulas/binary.h"
#include "mlx/formulas/unary.h"

struct Select {
  template <class T>
  T operator()(bool condition, T yes, T no) const {
    return condition ? yes : no;
  }
};

}  // namespace mlx_device
