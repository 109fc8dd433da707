// Base of the fused primitives of mlx::core::fast: what they do not define themselves, their
// fallback does.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "mlx/primitives/primitive.h"

namespace mlx::core::fast {

/** A primitive with a composition of other ops that computes the same, used by its transformations.
 */
class MLX_API Custom : public Primitive {
 public:
  using Fallback = std::function<std::vector<array>(std::vector<array>)>;

  Custom(Stream stream, Fallback fallback) : Primitive(stream), fallback_(std::move(fallback)) {}

  std::pair<std::vector<array>, std::vector<int>> vmap(const std::vector<array>& inputs,
                                                       const std::vector<int>& axes) override;
  std::vector<array> jvp(const std::vector<array>& primals, const std::vector<array>& tangents,
                         const std::vector<int>& argnums) override;
  std::vector<array> vjp(const std::vector<array>& primals, const std::vector<array>& cotangents,
                         const std::vector<int>& argnums,
                         const std::vector<array>& outputs) override;

 protected:
  Fallback fallback_;
};

}  // namespace mlx::core::fast
