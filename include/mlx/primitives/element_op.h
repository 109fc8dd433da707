// ElementOp: the numbers of the element-wise formulas, as tapes and kernel tables use them.
#pragma once

#include <cstdint>

namespace mlx::core {

enum class ElementOp : uint16_t {
  // one source
  abs, arccos, arccosh, arcsin, arcsinh, arctan, arctanh, bitwise_invert, cast, ceil, conjugate,
  cos, cosh, erf, erfinv, exp, expm1, floor, imag, log, log10, log1p, log2, logical_not, negative,
  real, round, rsqrt, sigmoid, sign, sin, sinh, sqrt, square, tan, tanh,
  // two sources
  add, arctan2, bitwise_and, bitwise_or, bitwise_xor, divide, equal, floor_divide, greater,
  greater_equal, left_shift, less, less_equal, logaddexp, logical_and, logical_or, maximum, minimum,
  multiply, nan_equal, not_equal, power, remainder, right_shift, subtract,
  // three sources: select(condition, if_true, if_false)
  select,
};

inline constexpr int kNumElementOps = static_cast<int>(ElementOp::select) + 1;

}  // namespace mlx::core
