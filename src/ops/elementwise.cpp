// Public element-wise functions: which primitive each is, and the dtype rules beyond its OpInfo.
#include "mlx/ops/elementwise.h"

#include <cmath>

#include "base/errors.h"
#include "base/pool_allocator.h"
#include "mlx/ops/creation.h"
#include "mlx/ops/operators.h"
#include "mlx/primitives/binary.h"
#include "mlx/primitives/creation.h"
#include "mlx/primitives/ternary.h"
#include "mlx/primitives/unary.h"
#include "ops/families.h"

namespace mlx::core {

array astype(array a, Dtype dtype, StreamOrDevice s) {
  if (a.dtype() == dtype) return a;
  Stream stream = to_stream(s);
  Shape shape = a.shape();
  return array(std::move(shape), dtype, make_node<AsType>(stream, dtype), {std::move(a)});
}

array view(const array& a, const Dtype& dtype, StreamOrDevice s) {
  if (a.dtype() == dtype) return a;
  auto primitive = make_node<View>(to_stream(s), dtype);
  Shape shape = primitive->output_shapes({a})[0];
  return array(std::move(shape), dtype, std::move(primitive), {a});
}

array abs(const array& a, StreamOrDevice s) { return apply_unary<Abs>(a, s); }

#define MLX_BINARY(function, Op)                                     \
  array function(const array& a, const array& b, StreamOrDevice s) { \
    return apply_binary<Op>(a, b, s);                                \
  }
MLX_BINARY(add, Add)
MLX_BINARY(subtract, Subtract)
MLX_BINARY(multiply, Multiply)
MLX_BINARY(divide, Divide)
MLX_BINARY(floor_divide, FloorDivide)
MLX_BINARY(remainder, Remainder)
MLX_BINARY(power, Power)
MLX_BINARY(maximum, Maximum)
MLX_BINARY(minimum, Minimum)
MLX_BINARY(logaddexp, LogAddExp)
MLX_BINARY(arctan2, ArcTan2)
MLX_BINARY(equal, Equal)
MLX_BINARY(not_equal, NotEqual)
MLX_BINARY(greater, Greater)
MLX_BINARY(greater_equal, GreaterEqual)
MLX_BINARY(less, Less)
MLX_BINARY(less_equal, LessEqual)
#undef MLX_BINARY

// ---- primitives with a parameter

namespace {

template <class Op, class Parameter>
array apply_with(const array& a, Parameter parameter, StreamOrDevice s) {
  Stream stream = to_stream(s);
  array x = astype(a, operand_dtype(Op::info, a.dtype()), stream);
  Shape shape = x.shape();
  Dtype dtype = x.dtype();
  return array(std::move(shape), dtype, make_node<Op>(stream, parameter), {std::move(x)});
}

array apply_bitwise(BitwiseBinary::Op op, const char* function, const array& a, const array& b,
                    StreamOrDevice s) {
  Dtype dtype = promote_types(a.dtype(), b.dtype());
  if (dtype != bool_ && !issubdtype(dtype, integer)) {
    throw_runtime(function, "needs integers or bool: got {} and {}.", dtype_name(a.dtype()),
                  dtype_name(b.dtype()));
  }
  bool shifts = op == BitwiseBinary::LeftShift || op == BitwiseBinary::RightShift;
  if (shifts && dtype == bool_) dtype = uint8;
  Stream stream = to_stream(s);
  auto operands =
      broadcast_operands(function, {astype(a, dtype, stream), astype(b, dtype, stream)}, stream);
  Shape shape = operands[0].shape();
  return array(std::move(shape), dtype, make_node<BitwiseBinary>(stream, op), std::move(operands));
}

template <class Op>
array apply_logical(const array& a, const array& b, StreamOrDevice s) {
  return apply_binary<Op>(astype(a, bool_, s), astype(b, bool_, s), s);
}

/** A constant of a's dtype (float32 for integers) that takes no part in promotion. */
array constant_like(const array& a, double value) {
  return array(value, issubdtype(a.dtype(), inexact) ? a.dtype() : float32);
}

}  // namespace

array log(const array& a, StreamOrDevice s) { return apply_with<Log>(a, Log::e, s); }
array log2(const array& a, StreamOrDevice s) { return apply_with<Log>(a, Log::two, s); }
array log10(const array& a, StreamOrDevice s) { return apply_with<Log>(a, Log::ten, s); }
array sqrt(const array& a, StreamOrDevice s) { return apply_with<Sqrt>(a, false, s); }
array rsqrt(const array& a, StreamOrDevice s) { return apply_with<Sqrt>(a, true, s); }

array bitwise_and(const array& a, const array& b, StreamOrDevice s) {
  return apply_bitwise(BitwiseBinary::And, "bitwise_and", a, b, s);
}
array bitwise_or(const array& a, const array& b, StreamOrDevice s) {
  return apply_bitwise(BitwiseBinary::Or, "bitwise_or", a, b, s);
}
array bitwise_xor(const array& a, const array& b, StreamOrDevice s) {
  return apply_bitwise(BitwiseBinary::Xor, "bitwise_xor", a, b, s);
}
array left_shift(const array& a, const array& b, StreamOrDevice s) {
  return apply_bitwise(BitwiseBinary::LeftShift, "left_shift", a, b, s);
}
array right_shift(const array& a, const array& b, StreamOrDevice s) {
  return apply_bitwise(BitwiseBinary::RightShift, "right_shift", a, b, s);
}

array logical_not(const array& a, StreamOrDevice s) {
  return apply_unary<LogicalNot>(astype(a, bool_, s), s);
}
array logical_and(const array& a, const array& b, StreamOrDevice s) {
  return apply_logical<LogicalAnd>(a, b, s);
}
array logical_or(const array& a, const array& b, StreamOrDevice s) {
  return apply_logical<LogicalOr>(a, b, s);
}
array logical_xor(const array& a, const array& b, StreamOrDevice s) {
  return apply_logical<NotEqual>(a, b, s);
}

// ---- ops that some dtypes pass through unchanged

array positive(const array& a, StreamOrDevice) { return a; }

array floor(const array& a, StreamOrDevice s) {
  bool is_whole = !issubdtype(a.dtype(), inexact);
  return is_whole ? a : apply_unary<Floor>(a, s);
}

array ceil(const array& a, StreamOrDevice s) {
  bool is_whole = !issubdtype(a.dtype(), inexact);
  return is_whole ? a : apply_unary<Ceil>(a, s);
}

array trunc(const array& a, StreamOrDevice s) {
  if (a.dtype() == complex64) throw_invalid("trunc", "arrays of type complex64 are not supported.");
  if (!issubdtype(a.dtype(), inexact)) return a;
  return where(less(a, array(0.0, a.dtype()), s), ceil(a, s), floor(a, s), s);
}

array round(const array& a, int decimals, StreamOrDevice s) {
  bool is_whole = !issubdtype(a.dtype(), inexact);
  if (is_whole && decimals >= 0) return a;
  if (decimals == 0) return apply_unary<Round>(a, s);
  // Dividing by a power of ten is more exact than multiplying by its inverse.
  array scale = constant_like(a, std::pow(10.0, std::abs(decimals)));
  array scaled = decimals > 0 ? multiply(a, scale, s) : divide(a, scale, s);
  array whole = apply_unary<Round>(scaled, s);
  array result = decimals > 0 ? divide(whole, scale, s) : multiply(whole, scale, s);
  return astype(result, a.dtype(), s);
}

array conjugate(const array& a, StreamOrDevice s) {
  return a.dtype() == complex64 ? apply_unary<Conjugate>(a, s) : a;
}

array real(const array& a, StreamOrDevice s) {
  return a.dtype() == complex64 ? apply_unary<Real>(a, s) : a;
}

array imag(const array& a, StreamOrDevice s) {
  return a.dtype() == complex64 ? apply_unary<Imag>(a, s) : zeros_like(a, s);
}

// ---- compositions

array reciprocal(const array& a, StreamOrDevice s) { return divide(constant_like(a, 1.0), a, s); }

array degrees(const array& a, StreamOrDevice s) {
  return multiply(a, constant_like(a, 180.0 / M_PI), s);
}

array radians(const array& a, StreamOrDevice s) {
  return multiply(a, constant_like(a, M_PI / 180.0), s);
}

std::vector<array> divmod(const array& a, const array& b, StreamOrDevice s) {
  if (a.dtype() == complex64 || b.dtype() == complex64) {
    throw_invalid("divmod", "complex64 has no remainder.");
  }
  return {floor_divide(a, b, s), remainder(a, b, s)};
}

array where(const array& condition, const array& x, const array& y, StreamOrDevice s) {
  Stream stream = to_stream(s);
  Dtype dtype = promote_types(x.dtype(), y.dtype());
  auto operands = broadcast_operands(
      "where",
      {astype(condition, bool_, stream), astype(x, dtype, stream), astype(y, dtype, stream)},
      stream);
  Shape shape = operands[0].shape();
  return array(std::move(shape), dtype, make_node<Select>(stream), std::move(operands));
}

array clip(const array& a, const std::optional<array>& a_min, const std::optional<array>& a_max,
           StreamOrDevice s) {
  if (!a_min && !a_max) throw_invalid("clip", "at least one of a_min and a_max must be given.");
  array result = a;
  if (a_min) result = maximum(result, *a_min, s);
  if (a_max) result = minimum(result, *a_max, s);
  return result;
}

// ---- C++ operators

array operator-(const array& a) { return negative(a); }
array operator~(const array& a) { return bitwise_invert(a); }
array operator/(const array& a, const array& b) { return divide(a, b); }
array operator/(double a, const array& b) { return divide(array(a), b); }
array operator/(const array& a, double b) { return divide(a, array(b)); }
array operator&&(const array& a, const array& b) { return logical_and(a, b); }
array operator||(const array& a, const array& b) { return logical_or(a, b); }
array operator&(const array& a, const array& b) { return bitwise_and(a, b); }
array operator|(const array& a, const array& b) { return bitwise_or(a, b); }
array operator^(const array& a, const array& b) { return bitwise_xor(a, b); }
array operator<<(const array& a, const array& b) { return left_shift(a, b); }
array operator>>(const array& a, const array& b) { return right_shift(a, b); }

}  // namespace mlx::core
