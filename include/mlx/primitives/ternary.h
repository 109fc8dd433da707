// Element-wise primitives of three operands.
#pragma once

#include "mlx/primitives/families.h"

namespace mlx::core {

/** Picks the second operand where the first (bool) is true, else the third. */
class MLX_API Select : public Ternary<Select> {
 public:
  using Ternary::Ternary;
  static constexpr OpInfo info{
      .name = "Select", .function = "where", .doc = "Element-wise choice by a condition."};
  DEFINE_GRADS()
};

}  // namespace mlx::core
