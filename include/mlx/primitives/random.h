// The primitive behind all random numbers.
#pragma once

#include <utility>

#include "mlx/primitives/primitive.h"

namespace mlx::core {

/** Input: keys of shape (..., 2). The output has shape (...) + `shape` (whose leading dimensions
 * are those of the keys) and holds random words of `width` bytes. */
class MLX_API RandomBits : public Primitive {
 public:
  RandomBits(Stream stream, Shape shape, int width)
      : Primitive(stream), shape_(std::move(shape)), width_(width) {}
  DEFINE_VMAP()
  DEFINE_NAME(RandomBits)
  bool is_equivalent(const Primitive& other) const override;
  std::pair<Shape, int> state() const { return {shape_, width_}; }

 private:
  Shape shape_;
  int width_;
};

}  // namespace mlx::core
