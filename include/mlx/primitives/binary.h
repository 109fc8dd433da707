// Element-wise primitives of two operands.
#pragma once

#include "mlx/primitives/families.h"

namespace mlx::core {

class MLX_API Add : public Binary<Add> {
 public:
  using Binary::Binary;
  static constexpr OpInfo info{.name = "Add",
                               .function = "add",
                               .doc = "Element-wise sum of two arrays; logical or for bool."};
  static array derivative(int argnum, const array& a, const array& b, const array& y, Stream s);
};

class MLX_API ArcTan2 : public Binary<ArcTan2> {
 public:
  using Binary::Binary;
  static constexpr OpInfo info{
      .name = "ArcTan2",
      .function = "arctan2",
      .accepts = Accepts::real,
      .result = Result::promoted_to_float,
      .doc = "The angle of the point (b, a) in (-pi, pi]: arctan(a / b) in the right quadrant."};
  static array derivative(int argnum, const array& a, const array& b, const array& y, Stream s);
};

class MLX_API Divide : public Binary<Divide> {
 public:
  using Binary::Binary;
  static constexpr OpInfo info{.name = "Divide",
                               .function = "divide",
                               .result = Result::promoted_to_float,
                               .doc = "Element-wise quotient; integers are divided as float32."};
  static array derivative(int argnum, const array& a, const array& b, const array& y, Stream s);
};

class MLX_API FloorDivide : public Binary<FloorDivide> {
 public:
  using Binary::Binary;
  static constexpr OpInfo info{
      .name = "FloorDivide",
      .function = "floor_divide",
      .doc =
          "Element-wise quotient rounded to minus infinity; integer division by zero gives zero."};
  static array derivative(int argnum, const array& a, const array& b, const array& y, Stream s);
};

class MLX_API Greater : public Binary<Greater> {
 public:
  using Binary::Binary;
  static constexpr OpInfo info{.name = "Greater",
                               .function = "greater",
                               .result = Result::boolean,
                               .doc = "True where a > b."};
  static array derivative(int argnum, const array& a, const array& b, const array& y, Stream s);
};

class MLX_API GreaterEqual : public Binary<GreaterEqual> {
 public:
  using Binary::Binary;
  static constexpr OpInfo info{.name = "GreaterEqual",
                               .function = "greater_equal",
                               .result = Result::boolean,
                               .doc = "True where a >= b."};
  static array derivative(int argnum, const array& a, const array& b, const array& y, Stream s);
};

class MLX_API Less : public Binary<Less> {
 public:
  using Binary::Binary;
  static constexpr OpInfo info{
      .name = "Less", .function = "less", .result = Result::boolean, .doc = "True where a < b."};
  static array derivative(int argnum, const array& a, const array& b, const array& y, Stream s);
};

class MLX_API LessEqual : public Binary<LessEqual> {
 public:
  using Binary::Binary;
  static constexpr OpInfo info{.name = "LessEqual",
                               .function = "less_equal",
                               .result = Result::boolean,
                               .doc = "True where a <= b."};
  static array derivative(int argnum, const array& a, const array& b, const array& y, Stream s);
};

class MLX_API LogAddExp : public Binary<LogAddExp> {
 public:
  using Binary::Binary;
  static constexpr OpInfo info{.name = "LogAddExp",
                               .function = "logaddexp",
                               .result = Result::promoted_to_float,
                               .doc = "log(exp(a) + exp(b)), computed without overflow."};
  static array derivative(int argnum, const array& a, const array& b, const array& y, Stream s);
};

class MLX_API LogicalAnd : public Binary<LogicalAnd> {
 public:
  using Binary::Binary;
  static constexpr OpInfo info{.name = "LogicalAnd",
                               .function = "logical_and",
                               .result = Result::boolean,
                               .doc = "True where both elements are nonzero."};
  static array derivative(int argnum, const array& a, const array& b, const array& y, Stream s);
};

class MLX_API LogicalOr : public Binary<LogicalOr> {
 public:
  using Binary::Binary;
  static constexpr OpInfo info{.name = "LogicalOr",
                               .function = "logical_or",
                               .result = Result::boolean,
                               .doc = "True where either element is nonzero."};
  static array derivative(int argnum, const array& a, const array& b, const array& y, Stream s);
};

class MLX_API Maximum : public Binary<Maximum> {
 public:
  using Binary::Binary;
  static constexpr OpInfo info{.name = "Maximum",
                               .function = "maximum",
                               .doc = "The larger of two elements; NaN if either is NaN."};
  static array derivative(int argnum, const array& a, const array& b, const array& y, Stream s);
};

class MLX_API Minimum : public Binary<Minimum> {
 public:
  using Binary::Binary;
  static constexpr OpInfo info{.name = "Minimum",
                               .function = "minimum",
                               .doc = "The smaller of two elements; NaN if either is NaN."};
  static array derivative(int argnum, const array& a, const array& b, const array& y, Stream s);
};

class MLX_API Multiply : public Binary<Multiply> {
 public:
  using Binary::Binary;
  static constexpr OpInfo info{
      .name = "Multiply", .function = "multiply", .doc = "Element-wise product of two arrays."};
  static array derivative(int argnum, const array& a, const array& b, const array& y, Stream s);
};

class MLX_API NotEqual : public Binary<NotEqual> {
 public:
  using Binary::Binary;
  static constexpr OpInfo info{.name = "NotEqual",
                               .function = "not_equal",
                               .result = Result::boolean,
                               .doc = "True where a differs from b."};
  static array derivative(int argnum, const array& a, const array& b, const array& y, Stream s);
};

class MLX_API Power : public Binary<Power> {
 public:
  using Binary::Binary;
  static constexpr OpInfo info{
      .name = "Power",
      .function = "power",
      .doc = "a raised to the power b; for integers a negative exponent gives zero."};
  static array derivative(int argnum, const array& a, const array& b, const array& y, Stream s);
};

class MLX_API Remainder : public Binary<Remainder> {
 public:
  using Binary::Binary;
  static constexpr OpInfo info{.name = "Remainder",
                               .function = "remainder",
                               .accepts = Accepts::real,
                               .doc = "The remainder of a / b with the sign of b."};
  static array derivative(int argnum, const array& a, const array& b, const array& y, Stream s);
};

class MLX_API Subtract : public Binary<Subtract> {
 public:
  using Binary::Binary;
  static constexpr OpInfo info{
      .name = "Subtract", .function = "subtract", .doc = "Element-wise difference of two arrays."};
  static array derivative(int argnum, const array& a, const array& b, const array& y, Stream s);
};

/** Equality; with `equal_nan`, NaN equals NaN. */
class MLX_API Equal : public Binary<Equal> {
 public:
  explicit Equal(Stream stream, bool equal_nan = false) : Binary(stream), equal_nan_(equal_nan) {}
  static constexpr OpInfo info{.name = "Equal",
                               .function = "equal",
                               .result = Result::boolean,
                               .doc = "True where a equals b."};

  const char* name() const override { return equal_nan_ ? "NaNEqual" : "Equal"; }
  int element_op() const override;
  bool is_equivalent(const Primitive& other) const override {
    return equal_nan_ == static_cast<const Equal&>(other).equal_nan_;
  }
  static array derivative(int argnum, const array& a, const array& b, const array& y, Stream s);
  bool state() const { return equal_nan_; }

 private:
  bool equal_nan_;
};

/** And, or, exclusive or and shifts of integers. */
class MLX_API BitwiseBinary : public Elementwise<BitwiseBinary> {
 public:
  enum Op { And, Or, Xor, LeftShift, RightShift };

  BitwiseBinary(Stream stream, Op op) : Elementwise(stream), op_(op) {}
  static constexpr OpInfo info{.name = "BitwiseBinary", .function = "bitwise"};

  const char* name() const override;
  int element_op() const override;
  bool is_equivalent(const Primitive& other) const override {
    return op_ == static_cast<const BitwiseBinary&>(other).op_;
  }
  DEFINE_GRADS()
  Op state() const { return op_; }

 private:
  Op op_;
};

// Formulas with a row of their own in the OpList whose nodes are the primitives above.
struct NanEqual {
  static constexpr OpInfo info{.name = "NanEqual",
                               .function = "equal",
                               .result = Result::boolean,
                               .doc = "True where a equals b or both are NaN."};
};
struct BitwiseAnd {
  static constexpr OpInfo info{.name = "BitwiseAnd",
                               .function = "bitwise_and",
                               .accepts = Accepts::integer,
                               .doc = "The bits set in both a and b; logical and for bool."};
};
struct BitwiseOr {
  static constexpr OpInfo info{.name = "BitwiseOr",
                               .function = "bitwise_or",
                               .accepts = Accepts::integer,
                               .doc = "The bits set in a or b; logical or for bool."};
};
struct BitwiseXor {
  static constexpr OpInfo info{.name = "BitwiseXor",
                               .function = "bitwise_xor",
                               .accepts = Accepts::integer,
                               .doc = "The bits set in just one of a and b."};
};
struct LeftShift {
  static constexpr OpInfo info{.name = "LeftShift",
                               .function = "left_shift",
                               .accepts = Accepts::integer,
                               .doc = "The bits of a moved b places to the left."};
};
struct RightShift {
  static constexpr OpInfo info{
      .name = "RightShift",
      .function = "right_shift",
      .accepts = Accepts::integer,
      .doc = "The bits of a moved b places to the right, keeping the sign."};
};

}  // namespace mlx::core
