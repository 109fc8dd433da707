// Element-wise primitives of two operands.
#pragma once

#include "mlx/primitives/families.h"

namespace mlx::core {

class MLX_API Add : public Binary<Add> {
 public:
  using Binary::Binary;
  static constexpr OpInfo info{
      .name = "Add", .function = "add", .doc = "Element-wise sum, a + b; logical or for bool."};
  static array derivative(int argnum, const array& a, const array& b, const array& y, Stream s);
};

class MLX_API Subtract : public Binary<Subtract> {
 public:
  using Binary::Binary;
  static constexpr OpInfo info{.name = "Subtract",
                               .function = "subtract",
                               .accepts = Accepts::any,
                               .doc = "Element-wise difference, a - b."};
  static array derivative(int argnum, const array& a, const array& b, const array& y, Stream s);
};

class MLX_API Multiply : public Binary<Multiply> {
 public:
  using Binary::Binary;
  static constexpr OpInfo info{
      .name = "Multiply", .function = "multiply", .doc = "Element-wise product, a * b."};
  static array derivative(int argnum, const array& a, const array& b, const array& y, Stream s);
};

}  // namespace mlx::core
