// Element-wise primitives of one operand.
#pragma once

#include "mlx/primitives/families.h"

namespace mlx::core {

class MLX_API Abs : public Elementwise<Abs> {
 public:
  using Elementwise::Elementwise;
  static constexpr OpInfo info{.name = "Abs",
                               .function = "abs",
                               .result = Result::real_part,
                               .doc = "The magnitude of each element; float32 for complex64."};
  DEFINE_GRADS()
};

class MLX_API ArcCos : public Unary<ArcCos> {
 public:
  using Unary::Unary;
  static constexpr OpInfo info{.name = "ArcCos",
                               .function = "arccos",
                               .result = Result::promoted_to_float,
                               .doc = "The angle in [0, pi] whose cosine is the element."};
  static array derivative(const array& x, const array& y, Stream s);
};

class MLX_API ArcCosh : public Unary<ArcCosh> {
 public:
  using Unary::Unary;
  static constexpr OpInfo info{.name = "ArcCosh",
                               .function = "arccosh",
                               .result = Result::promoted_to_float,
                               .doc = "The inverse hyperbolic cosine of each element."};
  static array derivative(const array& x, const array& y, Stream s);
};

class MLX_API ArcSin : public Unary<ArcSin> {
 public:
  using Unary::Unary;
  static constexpr OpInfo info{.name = "ArcSin",
                               .function = "arcsin",
                               .result = Result::promoted_to_float,
                               .doc = "The angle in [-pi/2, pi/2] whose sine is the element."};
  static array derivative(const array& x, const array& y, Stream s);
};

class MLX_API ArcSinh : public Unary<ArcSinh> {
 public:
  using Unary::Unary;
  static constexpr OpInfo info{.name = "ArcSinh",
                               .function = "arcsinh",
                               .result = Result::promoted_to_float,
                               .doc = "The inverse hyperbolic sine of each element."};
  static array derivative(const array& x, const array& y, Stream s);
};

class MLX_API ArcTan : public Unary<ArcTan> {
 public:
  using Unary::Unary;
  static constexpr OpInfo info{.name = "ArcTan",
                               .function = "arctan",
                               .result = Result::promoted_to_float,
                               .doc = "The angle in [-pi/2, pi/2] whose tangent is the element."};
  static array derivative(const array& x, const array& y, Stream s);
};

class MLX_API ArcTanh : public Unary<ArcTanh> {
 public:
  using Unary::Unary;
  static constexpr OpInfo info{.name = "ArcTanh",
                               .function = "arctanh",
                               .result = Result::promoted_to_float,
                               .doc = "The inverse hyperbolic tangent of each element."};
  static array derivative(const array& x, const array& y, Stream s);
};

class MLX_API BitwiseInvert : public Unary<BitwiseInvert> {
 public:
  using Unary::Unary;
  static constexpr OpInfo info{
      .name = "BitwiseInvert",
      .function = "bitwise_invert",
      .accepts = Accepts::integer,
      .doc = "Each element with all its bits flipped; logical not for bool."};
  static array derivative(const array& x, const array& y, Stream s);
};

class MLX_API Ceil : public Unary<Ceil> {
 public:
  using Unary::Unary;
  static constexpr OpInfo info{.name = "Ceil",
                               .function = "ceil",
                               .accepts = Accepts::real,
                               .doc = "The least integer not below each element."};
  static array derivative(const array& x, const array& y, Stream s);
};

class MLX_API Conjugate : public Elementwise<Conjugate> {
 public:
  using Elementwise::Elementwise;
  static constexpr OpInfo info{.name = "Conjugate",
                               .function = "conjugate",
                               .doc = "The complex conjugate of each element."};
  DEFINE_GRADS()
};

class MLX_API Cos : public Unary<Cos> {
 public:
  using Unary::Unary;
  static constexpr OpInfo info{.name = "Cos",
                               .function = "cos",
                               .result = Result::promoted_to_float,
                               .doc = "The cosine of each element, in radians."};
  static array derivative(const array& x, const array& y, Stream s);
};

class MLX_API Cosh : public Unary<Cosh> {
 public:
  using Unary::Unary;
  static constexpr OpInfo info{.name = "Cosh",
                               .function = "cosh",
                               .result = Result::promoted_to_float,
                               .doc = "The hyperbolic cosine of each element."};
  static array derivative(const array& x, const array& y, Stream s);
};

class MLX_API Erf : public Unary<Erf> {
 public:
  using Unary::Unary;
  static constexpr OpInfo info{
      .name = "Erf",
      .function = "erf",
      .accepts = Accepts::real,
      .result = Result::promoted_to_float,
      .doc =
          "The error function of each element: 2/sqrt(pi) times the integral of exp(-t^2) from 0."};
  static array derivative(const array& x, const array& y, Stream s);
};

class MLX_API ErfInv : public Unary<ErfInv> {
 public:
  using Unary::Unary;
  static constexpr OpInfo info{.name = "ErfInv",
                               .function = "erfinv",
                               .accepts = Accepts::real,
                               .result = Result::promoted_to_float,
                               .doc = "The inverse of erf, for elements in [-1, 1]."};
  static array derivative(const array& x, const array& y, Stream s);
};

class MLX_API Exp : public Unary<Exp> {
 public:
  using Unary::Unary;
  static constexpr OpInfo info{.name = "Exp",
                               .function = "exp",
                               .result = Result::promoted_to_float,
                               .doc = "The exponential of each element."};
  static array derivative(const array& x, const array& y, Stream s);
};

class MLX_API Expm1 : public Unary<Expm1> {
 public:
  using Unary::Unary;
  static constexpr OpInfo info{.name = "Expm1",
                               .function = "expm1",
                               .accepts = Accepts::real,
                               .result = Result::promoted_to_float,
                               .doc = "exp(a) - 1 for each element, accurate near zero."};
  static array derivative(const array& x, const array& y, Stream s);
};

class MLX_API Floor : public Unary<Floor> {
 public:
  using Unary::Unary;
  static constexpr OpInfo info{.name = "Floor",
                               .function = "floor",
                               .accepts = Accepts::real,
                               .doc = "The greatest integer not above each element."};
  static array derivative(const array& x, const array& y, Stream s);
};

class MLX_API Imag : public Elementwise<Imag> {
 public:
  using Elementwise::Elementwise;
  static constexpr OpInfo info{.name = "Imag",
                               .function = "imag",
                               .result = Result::real_part,
                               .doc = "The imaginary part of each element."};
  DEFINE_GRADS()
};

class MLX_API Log1p : public Unary<Log1p> {
 public:
  using Unary::Unary;
  static constexpr OpInfo info{.name = "Log1p",
                               .function = "log1p",
                               .result = Result::promoted_to_float,
                               .doc = "log(1 + a) for each element, accurate near zero."};
  static array derivative(const array& x, const array& y, Stream s);
};

class MLX_API LogicalNot : public Unary<LogicalNot> {
 public:
  using Unary::Unary;
  static constexpr OpInfo info{.name = "LogicalNot",
                               .function = "logical_not",
                               .result = Result::boolean,
                               .doc = "True where an element is zero or False."};
  static array derivative(const array& x, const array& y, Stream s);
};

class MLX_API Negative : public Unary<Negative> {
 public:
  using Unary::Unary;
  static constexpr OpInfo info{.name = "Negative",
                               .function = "negative",
                               .accepts = Accepts::number,
                               .doc = "Each element with its sign reversed."};
  static array derivative(const array& x, const array& y, Stream s);
};

class MLX_API Real : public Elementwise<Real> {
 public:
  using Elementwise::Elementwise;
  static constexpr OpInfo info{.name = "Real",
                               .function = "real",
                               .result = Result::real_part,
                               .doc = "The real part of each element."};
  DEFINE_GRADS()
};

class MLX_API Round : public Unary<Round> {
 public:
  using Unary::Unary;
  static constexpr OpInfo info{
      .name = "Round",
      .function = "round",
      .doc = "Each element rounded to the given number of decimals, halves to even."};
  static array derivative(const array& x, const array& y, Stream s);
};

class MLX_API Sigmoid : public Unary<Sigmoid> {
 public:
  using Unary::Unary;
  static constexpr OpInfo info{.name = "Sigmoid",
                               .function = "sigmoid",
                               .accepts = Accepts::real,
                               .result = Result::promoted_to_float,
                               .doc = "The logistic function 1 / (1 + exp(-a)) of each element."};
  static array derivative(const array& x, const array& y, Stream s);
};

class MLX_API Sign : public Unary<Sign> {
 public:
  using Unary::Unary;
  static constexpr OpInfo info{
      .name = "Sign",
      .function = "sign",
      .doc = "-1, 0 or 1 by the sign of each element; a / |a| for complex64."};
  static array derivative(const array& x, const array& y, Stream s);
};

class MLX_API Sin : public Unary<Sin> {
 public:
  using Unary::Unary;
  static constexpr OpInfo info{.name = "Sin",
                               .function = "sin",
                               .result = Result::promoted_to_float,
                               .doc = "The sine of each element, in radians."};
  static array derivative(const array& x, const array& y, Stream s);
};

class MLX_API Sinh : public Unary<Sinh> {
 public:
  using Unary::Unary;
  static constexpr OpInfo info{.name = "Sinh",
                               .function = "sinh",
                               .result = Result::promoted_to_float,
                               .doc = "The hyperbolic sine of each element."};
  static array derivative(const array& x, const array& y, Stream s);
};

class MLX_API Square : public Unary<Square> {
 public:
  using Unary::Unary;
  static constexpr OpInfo info{
      .name = "Square", .function = "square", .doc = "Each element times itself."};
  static array derivative(const array& x, const array& y, Stream s);
};

class MLX_API Tan : public Unary<Tan> {
 public:
  using Unary::Unary;
  static constexpr OpInfo info{.name = "Tan",
                               .function = "tan",
                               .result = Result::promoted_to_float,
                               .doc = "The tangent of each element, in radians."};
  static array derivative(const array& x, const array& y, Stream s);
};

class MLX_API Tanh : public Unary<Tanh> {
 public:
  using Unary::Unary;
  static constexpr OpInfo info{.name = "Tanh",
                               .function = "tanh",
                               .result = Result::promoted_to_float,
                               .doc = "The hyperbolic tangent of each element."};
  static array derivative(const array& x, const array& y, Stream s);
};

/** The logarithm to base 2, 10 or e. */
class MLX_API Log : public Elementwise<Log> {
 public:
  enum Base { two, ten, e };

  Log(Stream stream, Base base) : Elementwise(stream), base_(base) {}
  static constexpr OpInfo info{.name = "Log",
                               .function = "log",
                               .result = Result::promoted_to_float,
                               .doc = "The natural logarithm of each element."};

  const char* name() const override;
  int element_op() const override;
  bool is_equivalent(const Primitive& other) const override {
    return base_ == static_cast<const Log&>(other).base_;
  }
  DEFINE_GRADS()
  Base state() const { return base_; }

 private:
  Base base_;
};

/** The square root, or one over it. */
class MLX_API Sqrt : public Elementwise<Sqrt> {
 public:
  explicit Sqrt(Stream stream, bool recip = false) : Elementwise(stream), recip_(recip) {}
  static constexpr OpInfo info{.name = "Sqrt",
                               .function = "sqrt",
                               .result = Result::promoted_to_float,
                               .doc = "The square root of each element."};

  const char* name() const override { return recip_ ? "Rsqrt" : "Sqrt"; }
  int element_op() const override;
  bool is_equivalent(const Primitive& other) const override {
    return recip_ == static_cast<const Sqrt&>(other).recip_;
  }
  DEFINE_GRADS()
  bool state() const { return recip_; }

 private:
  bool recip_;
};

// Formulas with a row of their own in the OpList whose nodes are the primitives above.
struct Log2 {
  static constexpr OpInfo info{.name = "Log2",
                               .function = "log2",
                               .result = Result::promoted_to_float,
                               .doc = "The logarithm to base 2 of each element."};
};
struct Log10 {
  static constexpr OpInfo info{.name = "Log10",
                               .function = "log10",
                               .result = Result::promoted_to_float,
                               .doc = "The logarithm to base 10 of each element."};
};
struct Rsqrt {
  static constexpr OpInfo info{.name = "Rsqrt",
                               .function = "rsqrt",
                               .result = Result::promoted_to_float,
                               .doc = "One over the square root of each element."};
};

/** Conversion to another dtype. The dtypes of input and output say it all. */
class MLX_API AsType : public Elementwise<AsType> {
 public:
  AsType(Stream stream, Dtype dtype) : Elementwise(stream), dtype_(dtype) {}
  static constexpr OpInfo info{
      .name = "AsType", .function = "astype", .doc = "Conversion to another dtype."};

  bool is_equivalent(const Primitive& other) const override {
    return dtype_ == static_cast<const AsType&>(other).dtype_;
  }
  DEFINE_VMAP()
  DEFINE_GRADS()
  Dtype state() const { return dtype_; }

 private:
  Dtype dtype_;
};

}  // namespace mlx::core
