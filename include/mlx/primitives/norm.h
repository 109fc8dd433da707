// Normalisation of rows, fused, and its derivatives.
#pragma once

#include "mlx/primitives/custom.h"

namespace mlx::core::fast {

namespace detail {

/** Common to the four: the epsilon. */
class MLX_API Norm : public Custom {
 public:
  Norm(Stream stream, Fallback fallback, float eps)
      : Custom(stream, std::move(fallback)), eps_(eps) {}
  bool is_equivalent(const Primitive& other) const override {
    return eps_ == static_cast<const Norm&>(other).eps_;
  }
  std::pair<std::nullptr_t, float> state() const { return {nullptr, eps_}; }

 protected:
  float eps_;
};

}  // namespace detail

/** (x, weight) -> x / sqrt(mean(x^2) + eps) * weight; a 0-d weight scales all. */
class MLX_API RMSNorm : public detail::Norm {
 public:
  using Norm::Norm;
  std::vector<array> vjp(const std::vector<array>& primals, const std::vector<array>& cotangents,
                         const std::vector<int>& argnums,
                         const std::vector<array>& outputs) override;
  DEFINE_VMAP()
  DEFINE_NAME(RMSNorm)
  DEFINE_INPUT_OUTPUT_SHAPE()
};

/** (x, weight, cotangent) -> gradients of x and weight. */
class MLX_API RMSNormVJP : public detail::Norm {
 public:
  using Norm::Norm;
  DEFINE_NAME(RMSNormVJP)
};

/** (x, weight, bias) -> (x - mean) / sqrt(variance + eps) * weight + bias; 0-d weight and bias
 * apply to all. */
class MLX_API LayerNorm : public detail::Norm {
 public:
  using Norm::Norm;
  std::vector<array> vjp(const std::vector<array>& primals, const std::vector<array>& cotangents,
                         const std::vector<int>& argnums,
                         const std::vector<array>& outputs) override;
  DEFINE_VMAP()
  DEFINE_NAME(LayerNorm)
  DEFINE_INPUT_OUTPUT_SHAPE()
};

/** (x, weight, bias, cotangent) -> gradients of x, weight and bias. */
class MLX_API LayerNormVJP : public detail::Norm {
 public:
  using Norm::Norm;
  DEFINE_NAME(LayerNormVJP)
};

}  // namespace mlx::core::fast
