// Element-wise primitives of one operand.
#pragma once

#include "mlx/primitives/families.h"

namespace mlx::core {

class MLX_API Negative : public Unary<Negative> {
 public:
  using Unary::Unary;
  static constexpr OpInfo info{.name = "Negative",
                               .function = "negative",
                               .accepts = Accepts::number,
                               .doc = "Element-wise negation, -a."};
  static array derivative(const array& x, const array& y, Stream s);
};

class MLX_API Sin : public Unary<Sin> {
 public:
  using Unary::Unary;
  static constexpr OpInfo info{.name = "Sin",
                               .function = "sin",
                               .result = Result::promoted_to_float,
                               .doc = "Element-wise sine of angles in radians."};
  static array derivative(const array& x, const array& y, Stream s);
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
