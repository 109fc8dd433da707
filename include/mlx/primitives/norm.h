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
  /** That of x; of the derivatives, those of all primals. */
  std::vector<Shape> output_shapes(const std::vector<array>& inputs) override;

 protected:
  virtual bool is_derivative() const { return false; }

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
};

/** (x, weight, cotangent) -> gradients of x and weight. */
class MLX_API RMSNormVJP : public detail::Norm {
 public:
  using Norm::Norm;
  DEFINE_NAME(RMSNormVJP)

 protected:
  bool is_derivative() const override { return true; }
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
};

/** (x, weight, bias, cotangent) -> gradients of x, weight and bias. */
class MLX_API LayerNormVJP : public detail::Norm {
 public:
  using Norm::Norm;
  DEFINE_NAME(LayerNormVJP)

 protected:
  bool is_derivative() const override { return true; }
};

}  // namespace mlx::core::fast
