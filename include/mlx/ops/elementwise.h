// Element-wise operations. Operands are promoted to a common dtype and broadcast to a common shape.
#pragma once

#include <optional>
#include <vector>

#include "mlx/array.h"
#include "mlx/utils.h"

namespace mlx::core {

/** Converts to `dtype`; returns the array itself when it has that dtype already. */
MLX_API array astype(array a, Dtype dtype, StreamOrDevice s = {});
/** The same bytes as another dtype; the last axis grows or shrinks if the item sizes differ. */
MLX_API array view(const array& a, const Dtype& dtype, StreamOrDevice s = {});

// ---- one operand

MLX_API array abs(const array& a, StreamOrDevice s = {});
MLX_API array positive(const array& a, StreamOrDevice s = {});
MLX_API array negative(const array& a, StreamOrDevice s = {});
MLX_API array sign(const array& a, StreamOrDevice s = {});
MLX_API array logical_not(const array& a, StreamOrDevice s = {});
MLX_API array bitwise_invert(const array& a, StreamOrDevice s = {});
MLX_API array reciprocal(const array& a, StreamOrDevice s = {});
MLX_API array floor(const array& a, StreamOrDevice s = {});
MLX_API array ceil(const array& a, StreamOrDevice s = {});
/** Rounds towards zero. */
MLX_API array trunc(const array& a, StreamOrDevice s = {});
/** Rounds to a number of decimals (negative: to tens, hundreds, ...), halves to even. */
MLX_API array round(const array& a, int decimals, StreamOrDevice s = {});
inline array round(const array& a, StreamOrDevice s = {}) { return round(a, 0, s); }
MLX_API array square(const array& a, StreamOrDevice s = {});
MLX_API array exp(const array& a, StreamOrDevice s = {});
MLX_API array expm1(const array& a, StreamOrDevice s = {});
MLX_API array log(const array& a, StreamOrDevice s = {});
MLX_API array log2(const array& a, StreamOrDevice s = {});
MLX_API array log10(const array& a, StreamOrDevice s = {});
MLX_API array log1p(const array& a, StreamOrDevice s = {});
MLX_API array sqrt(const array& a, StreamOrDevice s = {});
MLX_API array rsqrt(const array& a, StreamOrDevice s = {});
MLX_API array sin(const array& a, StreamOrDevice s = {});
MLX_API array cos(const array& a, StreamOrDevice s = {});
MLX_API array tan(const array& a, StreamOrDevice s = {});
MLX_API array arcsin(const array& a, StreamOrDevice s = {});
MLX_API array arccos(const array& a, StreamOrDevice s = {});
MLX_API array arctan(const array& a, StreamOrDevice s = {});
MLX_API array sinh(const array& a, StreamOrDevice s = {});
MLX_API array cosh(const array& a, StreamOrDevice s = {});
MLX_API array tanh(const array& a, StreamOrDevice s = {});
MLX_API array arcsinh(const array& a, StreamOrDevice s = {});
MLX_API array arccosh(const array& a, StreamOrDevice s = {});
MLX_API array arctanh(const array& a, StreamOrDevice s = {});
MLX_API array degrees(const array& a, StreamOrDevice s = {});
MLX_API array radians(const array& a, StreamOrDevice s = {});
MLX_API array sigmoid(const array& a, StreamOrDevice s = {});
MLX_API array erf(const array& a, StreamOrDevice s = {});
MLX_API array erfinv(const array& a, StreamOrDevice s = {});
MLX_API array conjugate(const array& a, StreamOrDevice s = {});
MLX_API array real(const array& a, StreamOrDevice s = {});
MLX_API array imag(const array& a, StreamOrDevice s = {});

// ---- two operands

MLX_API array add(const array& a, const array& b, StreamOrDevice s = {});
MLX_API array subtract(const array& a, const array& b, StreamOrDevice s = {});
MLX_API array multiply(const array& a, const array& b, StreamOrDevice s = {});
MLX_API array divide(const array& a, const array& b, StreamOrDevice s = {});
/** The floored quotient and the remainder. */
MLX_API std::vector<array> divmod(const array& a, const array& b, StreamOrDevice s = {});
MLX_API array floor_divide(const array& a, const array& b, StreamOrDevice s = {});
MLX_API array remainder(const array& a, const array& b, StreamOrDevice s = {});
MLX_API array power(const array& a, const array& b, StreamOrDevice s = {});
MLX_API array maximum(const array& a, const array& b, StreamOrDevice s = {});
MLX_API array minimum(const array& a, const array& b, StreamOrDevice s = {});
MLX_API array logaddexp(const array& a, const array& b, StreamOrDevice s = {});
MLX_API array arctan2(const array& a, const array& b, StreamOrDevice s = {});
MLX_API array bitwise_and(const array& a, const array& b, StreamOrDevice s = {});
MLX_API array bitwise_or(const array& a, const array& b, StreamOrDevice s = {});
MLX_API array bitwise_xor(const array& a, const array& b, StreamOrDevice s = {});
MLX_API array left_shift(const array& a, const array& b, StreamOrDevice s = {});
MLX_API array right_shift(const array& a, const array& b, StreamOrDevice s = {});
MLX_API array logical_and(const array& a, const array& b, StreamOrDevice s = {});
MLX_API array logical_or(const array& a, const array& b, StreamOrDevice s = {});
MLX_API array logical_xor(const array& a, const array& b, StreamOrDevice s = {});
MLX_API array equal(const array& a, const array& b, StreamOrDevice s = {});
MLX_API array not_equal(const array& a, const array& b, StreamOrDevice s = {});
MLX_API array greater(const array& a, const array& b, StreamOrDevice s = {});
MLX_API array greater_equal(const array& a, const array& b, StreamOrDevice s = {});
MLX_API array less(const array& a, const array& b, StreamOrDevice s = {});
MLX_API array less_equal(const array& a, const array& b, StreamOrDevice s = {});

// ---- choices and tests

/** `x` where `condition` is true, else `y`. */
MLX_API array where(const array& condition, const array& x, const array& y, StreamOrDevice s = {});
/** Limits the elements to [a_min, a_max]; either may be left out. */
MLX_API array clip(const array& a, const std::optional<array>& a_min = std::nullopt,
                   const std::optional<array>& a_max = std::nullopt, StreamOrDevice s = {});
/** Replaces NaN and the infinities; by default the latter by the dtype's limits. */
MLX_API array nan_to_num(const array& a, float nan = 0.0f,
                         const std::optional<float> posinf = std::nullopt,
                         const std::optional<float> neginf = std::nullopt, StreamOrDevice s = {});
MLX_API array isnan(const array& a, StreamOrDevice s = {});
MLX_API array isinf(const array& a, StreamOrDevice s = {});
MLX_API array isfinite(const array& a, StreamOrDevice s = {});
MLX_API array isposinf(const array& a, StreamOrDevice s = {});
MLX_API array isneginf(const array& a, StreamOrDevice s = {});
/** |a - b| <= atol + rtol |b|; infinities are close to themselves. */
MLX_API array isclose(const array& a, const array& b, double rtol = 1e-5, double atol = 1e-8,
                      bool equal_nan = false, StreamOrDevice s = {});
MLX_API array allclose(const array& a, const array& b, double rtol = 1e-5, double atol = 1e-8,
                       bool equal_nan = false, StreamOrDevice s = {});
/** One bool: the same shape and the same elements. */
MLX_API array array_equal(const array& a, const array& b, bool equal_nan, StreamOrDevice s = {});
inline array array_equal(const array& a, const array& b, StreamOrDevice s = {}) {
  return array_equal(a, b, false, s);
}

}  // namespace mlx::core
