// Softmax and logsumexp along the last axis.
#pragma once

#include "mlx/primitives/primitive.h"

namespace mlx::core {

/** exp(x) / sum(exp(x)) along the last axis. The sum is always kept in float32 or better; `precise`
 * is recorded for compatibility. */
class MLX_API Softmax : public Primitive {
 public:
  Softmax(Stream stream, bool precise) : Primitive(stream), precise_(precise) {}
  DEFINE_VMAP()
  DEFINE_GRADS()
  DEFINE_NAME(Softmax)
  DEFINE_INPUT_OUTPUT_SHAPE()
  bool is_equivalent(const Primitive& other) const override;
  bool state() const { return precise_; }

 private:
  bool precise_;
};

/** log(sum(exp(x))) along the last axis, which is kept with length 1. */
class MLX_API LogSumExp : public Primitive {
 public:
  using Primitive::Primitive;
  DEFINE_VMAP()
  DEFINE_GRADS()
  DEFINE_NAME(LogSumExp)
  DEFINE_DEFAULT_IS_EQUIVALENT()
  std::vector<Shape> output_shapes(const std::vector<array>& inputs) override;
};

}  // namespace mlx::core
