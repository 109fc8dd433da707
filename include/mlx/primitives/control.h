// Primitives that pass arrays through: dependencies and custom derivatives.
#pragma once

#include <functional>

#include "mlx/primitives/primitive.h"

namespace mlx::core {

/** Outputs its first inputs once the others are computed too. */
class MLX_API Depends : public Primitive {
 public:
  using Primitive::Primitive;
  DEFINE_NAME(Depends)
  DEFINE_GRADS()
  DEFINE_VMAP()
};

/** Inputs: the arguments of a function, then its outputs; outputs: the latter. Its derivatives and
 * vectorization are the user's. */
class MLX_API CustomTransforms : public Primitive {
 public:
  using Vjp = std::function<std::vector<array>(const std::vector<array>& primals,
                                               const std::vector<array>& cotangents,
                                               const std::vector<array>& outputs)>;
  using Jvp = std::function<std::vector<array>(const std::vector<array>& primals,
                                               const std::vector<array>& tangents,
                                               const std::vector<int>& argnums)>;
  using Vmap = std::function<std::pair<std::vector<array>, std::vector<int>>(
      const std::vector<array>& inputs, const std::vector<int>& axes)>;

  CustomTransforms(Stream stream, int num_outputs, Vjp vjp, Jvp jvp, Vmap vmap)
      : Primitive(stream),
        num_outputs_(num_outputs),
        vjp_(std::move(vjp)),
        jvp_(std::move(jvp)),
        vmap_(std::move(vmap)) {}
  DEFINE_NAME(CustomTransforms)
  DEFINE_GRADS()
  DEFINE_VMAP()
  int num_outputs() const { return num_outputs_; }

 private:
  /** The inputs without the outputs' values, which come last. */
  std::vector<array> arguments(const std::vector<array>& inputs) const;

  int num_outputs_;
  Vjp vjp_;
  Jvp jvp_;
  Vmap vmap_;
};

}  // namespace mlx::core
