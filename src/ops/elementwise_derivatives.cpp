// Derivatives of the element-wise primitives, and the public functions of those that are one row.
#include <cmath>

#include "mlx/ops/creation.h"
#include "mlx/ops/elementwise.h"
#include "mlx/ops/operators.h"
#include "mlx/ops/shape.h"
#include "mlx/ops/shape_like.h"
#include "mlx/primitives/binary.h"
#include "mlx/primitives/ternary.h"
#include "mlx/primitives/unary.h"
#include "ops/families.h"

namespace mlx::core {

namespace {

array scalar(const array& like, double value) { return array(value, like.dtype()); }

array scalar_like(const array& x, double value, Stream s) {
  return detail::broadcast_like(scalar(x, value), x, s);
}

array one_over(const array& x, Stream s) { return divide(scalar(x, 1.0), x, s); }

/** c + sign x^2 */
array shifted_square(double c, double sign, const array& x, Stream s) {
  array square_of = square(x, s);
  return sign > 0 ? add(square_of, scalar(x, c), s) : subtract(scalar(x, c), square_of, s);
}

}  // namespace

// ---- one operand

#define MLX_SLOPE(Op, expression) \
  array Op::derivative(const array& x, const array& y, Stream s) { return expression; }
/** The public function of an op that is nothing but its formula, and its derivative. */
#define MLX_UNARY(function, Op, expression)                                          \
  array function(const array& a, StreamOrDevice s) { return apply_unary<Op>(a, s); } \
  MLX_SLOPE(Op, expression)
MLX_UNARY(arccos, ArcCos, negative(rsqrt(shifted_square(1, -1, x, s), s), s))
MLX_UNARY(arccosh, ArcCosh,
          multiply(rsqrt(subtract(x, scalar(x, 1.0), s), s), rsqrt(add(x, scalar(x, 1.0), s), s),
                   s))
MLX_UNARY(arcsin, ArcSin, rsqrt(shifted_square(1, -1, x, s), s))
MLX_UNARY(arcsinh, ArcSinh, rsqrt(shifted_square(1, 1, x, s), s))
MLX_UNARY(arctan, ArcTan, one_over(shifted_square(1, 1, x, s), s))
MLX_UNARY(arctanh, ArcTanh, one_over(shifted_square(1, -1, x, s), s))
MLX_UNARY(bitwise_invert, BitwiseInvert, scalar_like(x, 0.0, s))
MLX_SLOPE(Ceil, scalar_like(x, 0.0, s))
MLX_UNARY(cos, Cos, negative(sin(x, s), s))
MLX_UNARY(cosh, Cosh, sinh(x, s))
MLX_UNARY(erf, Erf, multiply(scalar(x, M_2_SQRTPI), exp(negative(square(x, s), s), s), s))
MLX_UNARY(erfinv, ErfInv, multiply(scalar(x, 1.0 / M_2_SQRTPI), exp(square(y, s), s), s))
MLX_UNARY(exp, Exp, y)
MLX_UNARY(expm1, Expm1, add(y, scalar(x, 1.0), s))
MLX_SLOPE(Floor, scalar_like(x, 0.0, s))
MLX_UNARY(log1p, Log1p, one_over(add(x, scalar(x, 1.0), s), s))
MLX_SLOPE(LogicalNot, scalar_like(x, 0.0, s))
MLX_UNARY(negative, Negative, scalar_like(x, -1.0, s))
MLX_SLOPE(Round, scalar_like(x, 0.0, s))
MLX_UNARY(sigmoid, Sigmoid, multiply(y, subtract(scalar(x, 1.0), y, s), s))
MLX_UNARY(sign, Sign, scalar_like(x, 0.0, s))
MLX_UNARY(sin, Sin, cos(x, s))
MLX_UNARY(sinh, Sinh, cosh(x, s))
MLX_UNARY(square, Square, multiply(scalar(x, 2.0), x, s))
MLX_UNARY(tan, Tan, shifted_square(1, 1, y, s))
MLX_UNARY(tanh, Tanh, shifted_square(1, -1, y, s))
#undef MLX_UNARY
#undef MLX_SLOPE

// ---- one operand, where the rule is not a slope

#define MLX_PULL(Op, expression)                                                            \
  std::vector<array> Op::vjp(const std::vector<array>& primals,                             \
                             const std::vector<array>& cotangents, const std::vector<int>&, \
                             const std::vector<array>& outputs) {                           \
    [[maybe_unused]] const array& x = primals[0];                                           \
    const array& c = cotangents[0];                                                         \
    return {expression};                                                                    \
  }
#define MLX_PUSH(Op, expression)                                                            \
  std::vector<array> Op::jvp(const std::vector<array>& primals,                             \
                             const std::vector<array>& tangents, const std::vector<int>&) { \
    [[maybe_unused]] const array& x = primals[0];                                           \
    const array& t = tangents[0];                                                           \
    return {expression};                                                                    \
  }
MLX_PULL(Abs, multiply(c, core::sign(x, stream()), stream()))
MLX_PUSH(Abs, real(multiply(t, conjugate(core::sign(x, stream()), stream()), stream()), stream()))
MLX_PULL(Conjugate, conjugate(c, stream()))
MLX_PUSH(Conjugate, conjugate(t, stream()))
MLX_PULL(Real, astype(c, x.dtype(), stream()))
MLX_PUSH(Real, real(t, stream()))
MLX_PULL(Imag, multiply(c, array(std::complex<float>(0, 1)), stream()))
MLX_PUSH(Imag, imag(t, stream()))
#undef MLX_PULL
#undef MLX_PUSH

namespace {

array log_slope(Log::Base base, const array& x, Stream s) {
  double unit = base == Log::e ? 1.0 : base == Log::two ? M_LN2 : M_LN10;
  return divide(scalar(x, 1.0 / unit), x, s);
}

array sqrt_slope(bool recip, const array& x, const array& y, Stream s) {
  return recip ? multiply(scalar(x, -0.5), divide(y, x, s), s) : divide(scalar(x, 0.5), y, s);
}

array conjugated(const array& slope, Stream s) { return conjugate(slope, s); }

}  // namespace

const char* Log::name() const { return base_ == e ? "Log" : base_ == two ? "Log2" : "Log10"; }
int Log::element_op() const {
  return base_ == e ? op_index<Log>() : base_ == two ? op_index<Log2>() : op_index<Log10>();
}
std::vector<array> Log::vjp(const std::vector<array>& primals, const std::vector<array>& cotangents,
                            const std::vector<int>&, const std::vector<array>&) {
  array slope = conjugated(log_slope(base_, primals[0], stream()), stream());
  return {multiply(cotangents[0], slope, stream())};
}
std::vector<array> Log::jvp(const std::vector<array>& primals, const std::vector<array>& tangents,
                            const std::vector<int>&) {
  return {multiply(tangents[0], log_slope(base_, primals[0], stream()), stream())};
}

int Sqrt::element_op() const { return recip_ ? op_index<Rsqrt>() : op_index<Sqrt>(); }
std::vector<array> Sqrt::vjp(const std::vector<array>& primals,
                             const std::vector<array>& cotangents, const std::vector<int>&,
                             const std::vector<array>& outputs) {
  array slope = conjugated(sqrt_slope(recip_, primals[0], outputs[0], stream()), stream());
  return {multiply(cotangents[0], slope, stream())};
}
std::vector<array> Sqrt::jvp(const std::vector<array>& primals, const std::vector<array>& tangents,
                             const std::vector<int>&) {
  array y = recip_ ? rsqrt(primals[0], stream()) : sqrt(primals[0], stream());
  return {multiply(tangents[0], sqrt_slope(recip_, primals[0], y, stream()), stream())};
}

// ---- two operands

#define MLX_SLOPES(Op, by_a, by_b)                                                             \
  array Op::derivative(int argnum, const array& a, const array& b, const array& y, Stream s) { \
    return argnum == 0 ? by_a : by_b;                                                          \
  }
#define MLX_FLAT(Op) MLX_SLOPES(Op, scalar_like(a, 0.0, s), scalar_like(b, 0.0, s))
MLX_SLOPES(Add, scalar_like(a, 1.0, s), scalar_like(b, 1.0, s))
MLX_SLOPES(ArcTan2, divide(b, add(square(a, s), square(b, s), s), s),
           negative(divide(a, add(square(a, s), square(b, s), s), s), s))
MLX_SLOPES(Divide, one_over(b, s), negative(divide(y, b, s), s))
MLX_FLAT(Equal)
MLX_FLAT(FloorDivide)
MLX_FLAT(Greater)
MLX_FLAT(GreaterEqual)
MLX_FLAT(Less)
MLX_FLAT(LessEqual)
MLX_FLAT(LogicalAnd)
MLX_FLAT(LogicalOr)
MLX_FLAT(NotEqual)
MLX_SLOPES(LogAddExp, exp(subtract(a, y, s), s), exp(subtract(b, y, s), s))
// At a tie the second operand is the one that was taken.
MLX_SLOPES(Maximum, astype(greater(a, b, s), a.dtype(), s),
           astype(less_equal(a, b, s), a.dtype(), s))
MLX_SLOPES(Minimum, astype(less(a, b, s), a.dtype(), s),
           astype(greater_equal(a, b, s), a.dtype(), s))
MLX_SLOPES(Multiply, b, a)
MLX_SLOPES(Power, multiply(b, power(a, subtract(b, scalar(b, 1.0), s), s), s),
           where(equal(y, scalar(y, 0.0), s), scalar(y, 0.0), multiply(y, log(a, s), s), s))
MLX_SLOPES(Remainder, scalar_like(a, 1.0, s), negative(floor_divide(a, b, s), s))
MLX_SLOPES(Subtract, scalar_like(a, 1.0, s), scalar_like(b, -1.0, s))
#undef MLX_FLAT
#undef MLX_SLOPES

int Equal::element_op() const { return equal_nan_ ? op_index<NanEqual>() : op_index<Equal>(); }

const char* BitwiseBinary::name() const {
  switch (op_) {
    case And:
      return "BitwiseAnd";
    case Or:
      return "BitwiseOr";
    case Xor:
      return "BitwiseXor";
    case LeftShift:
      return "LeftShift";
    case RightShift:
      return "RightShift";
  }
  return "BitwiseBinary";
}

int BitwiseBinary::element_op() const {
  switch (op_) {
    case And:
      return op_index<core::BitwiseAnd>();
    case Or:
      return op_index<core::BitwiseOr>();
    case Xor:
      return op_index<core::BitwiseXor>();
    case LeftShift:
      return op_index<core::LeftShift>();
    case RightShift:
      return op_index<core::RightShift>();
  }
  return -1;
}

std::vector<array> BitwiseBinary::vjp(const std::vector<array>& primals, const std::vector<array>&,
                                      const std::vector<int>& argnums, const std::vector<array>&) {
  std::vector<array> result;
  for (int argnum : argnums) result.push_back(scalar_like(primals[argnum], 0.0, stream()));
  return result;
}

std::vector<array> BitwiseBinary::jvp(const std::vector<array>& primals, const std::vector<array>&,
                                      const std::vector<int>&) {
  return {scalar_like(primals[0], 0.0, stream())};
}

// ---- conversion and choice

std::vector<array> AsType::vjp(const std::vector<array>& primals,
                               const std::vector<array>& cotangents, const std::vector<int>&,
                               const std::vector<array>&) {
  return {astype(cotangents[0], primals[0].dtype(), stream())};
}

std::vector<array> AsType::jvp(const std::vector<array>&, const std::vector<array>& tangents,
                               const std::vector<int>&) {
  return {astype(tangents[0], dtype_, stream())};
}

std::pair<std::vector<array>, std::vector<int>> AsType::vmap(const std::vector<array>& inputs,
                                                             const std::vector<int>& axes) {
  return {{astype(inputs[0], dtype_, stream())}, axes};
}

std::vector<array> Select::vjp(const std::vector<array>& primals,
                               const std::vector<array>& cotangents,
                               const std::vector<int>& argnums, const std::vector<array>&) {
  std::vector<array> result;
  for (int argnum : argnums) {
    array zero = scalar_like(cotangents[0], 0.0, stream());
    if (argnum == 0) {
      result.push_back(scalar_like(primals[0], 0.0, stream()));
    } else if (argnum == 1) {
      result.push_back(where(primals[0], cotangents[0], zero, stream()));
    } else {
      result.push_back(where(primals[0], zero, cotangents[0], stream()));
    }
  }
  return result;
}

std::vector<array> Select::jvp(const std::vector<array>& primals,
                               const std::vector<array>& tangents,
                               const std::vector<int>& argnums) {
  array x = scalar_like(primals[1], 0.0, stream());
  array y = x;
  for (size_t i = 0; i < argnums.size(); ++i) {
    if (argnums[i] == 1) x = tangents[i];
    if (argnums[i] == 2) y = tangents[i];
  }
  return {where(primals[0], x, y, stream())};
}

}  // namespace mlx::core
