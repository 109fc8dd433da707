// Cross entropy with class indices, fused.
#pragma once

#include "mlx/primitives/custom.h"

namespace mlx::core::fast {

/** (logits, targets) -> logsumexp(logits) - logits[target], in float32. */
class MLX_API CrossEntropy : public Custom {
 public:
  using Custom::Custom;
  std::vector<array> vjp(const std::vector<array>& primals, const std::vector<array>& cotangents,
                         const std::vector<int>& argnums,
                         const std::vector<array>& outputs) override;
  DEFINE_NAME(CrossEntropy)
  DEFINE_DEFAULT_IS_EQUIVALENT()
  std::vector<Shape> output_shapes(const std::vector<array>& inputs) override;
};

/** (logits, targets, cotangent) -> the gradient of the logits. */
class MLX_API CrossEntropyVJP : public Custom {
 public:
  using Custom::Custom;
  DEFINE_NAME(CrossEntropyVJP)
  DEFINE_DEFAULT_IS_EQUIVALENT()
  std::vector<Shape> output_shapes(const std::vector<array>& inputs) override;
};

}  // namespace mlx::core::fast
