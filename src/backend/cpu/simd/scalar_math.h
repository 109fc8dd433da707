// Scalar functions of double and complex64, compiled once for the baseline processor: vector code
// of several targets calls them, so nothing of theirs is inlined there.
#pragma once

#include "mlx/types/complex.h"

namespace mlx::core::cpu::scalar {

double acos(double x);
double acosh(double x);
double asin(double x);
double asinh(double x);
double atan(double x);
double atanh(double x);
double cos(double x);
double cosh(double x);
double erf(double x);
/** The inverse of erf: the float32 rational start refined by Newton steps. */
double erfinv(double x);
double exp(double x);
double expm1(double x);
double log(double x);
double log10(double x);
double log1p(double x);
double log2(double x);
double sigmoid(double x);
double sin(double x);
double sinh(double x);
double tan(double x);
double tanh(double x);

double atan2(double y, double x);
double logaddexp(double a, double b);
double pow(double base, double exponent);
double remainder(double a, double b);
float fmod(float a, float b);

// Complex functions are computed in double and rounded once.
complex64_t acos(complex64_t x);
complex64_t acosh(complex64_t x);
complex64_t asin(complex64_t x);
complex64_t asinh(complex64_t x);
complex64_t atan(complex64_t x);
complex64_t atanh(complex64_t x);
complex64_t cos(complex64_t x);
complex64_t cosh(complex64_t x);
complex64_t exp(complex64_t x);
complex64_t log(complex64_t x);
complex64_t log10(complex64_t x);
complex64_t log1p(complex64_t x);
complex64_t log2(complex64_t x);
complex64_t sin(complex64_t x);
complex64_t sinh(complex64_t x);
complex64_t sqrt(complex64_t x);
complex64_t tan(complex64_t x);
complex64_t tanh(complex64_t x);
complex64_t divide(complex64_t a, complex64_t b);
complex64_t logaddexp(complex64_t a, complex64_t b);
complex64_t pow(complex64_t base, complex64_t exponent);
complex64_t sign(complex64_t x);
float abs(complex64_t x);

}  // namespace mlx::core::cpu::scalar
