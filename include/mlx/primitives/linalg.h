// Decompositions of matrices.
#pragma once

#include "mlx/primitives/primitive.h"

namespace mlx::core {

/** The singular values of the matrices in the last two axes, in descending order; with `compute_uv`
 * the square matrices U and V^T around them: (U, S, V^T). */
class MLX_API SVD : public Primitive {
 public:
  SVD(Stream stream, bool compute_uv) : Primitive(stream), compute_uv_(compute_uv) {}
  DEFINE_VMAP()
  DEFINE_NAME(SVD)
  bool is_equivalent(const Primitive& other) const override;
  std::vector<Shape> output_shapes(const std::vector<array>& inputs) override;
  bool state() const { return compute_uv_; }

 private:
  bool compute_uv_;
};

}  // namespace mlx::core
