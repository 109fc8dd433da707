// Primitives of the matrix product.
#pragma once

#include <utility>

#include "mlx/primitives/primitive.h"

namespace mlx::core {

/** a @ b over the last two dimensions; operands share dtype and batch dimensions, or b is one
 * matrix that the rows of all of a's are multiplied with. */
class MLX_API Matmul : public Primitive {
 public:
  explicit Matmul(Stream stream) : Primitive(stream) {}
  DEFINE_GRADS()
  DEFINE_VMAP()
  DEFINE_NAME(Matmul)
  DEFINE_DEFAULT_IS_EQUIVALENT()
  std::vector<Shape> output_shapes(const std::vector<array>& inputs) override;
};

/** alpha * (a @ b) + beta * c; inputs are a, b and c, which has the shape of the result. */
class MLX_API AddMM : public Primitive {
 public:
  explicit AddMM(Stream stream, float alpha, float beta)
      : Primitive(stream), alpha_(alpha), beta_(beta) {}
  DEFINE_GRADS()
  DEFINE_VMAP()
  DEFINE_NAME(AddMM)
  bool is_equivalent(const Primitive& other) const override;
  std::vector<Shape> output_shapes(const std::vector<array>& inputs) override;
  std::pair<float, float> state() const { return {alpha_, beta_}; }

 private:
  const float alpha_;
  const float beta_;
};

}  // namespace mlx::core
