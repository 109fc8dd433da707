// Rotary position encoding, fused.
#pragma once

#include <tuple>

#include "mlx/primitives/custom.h"

namespace mlx::core::fast {

/** (x, offset, [frequencies]) -> x with its first `dims` features rotated by position; `forward`
 * false rotates back. */
class MLX_API RoPE : public Custom {
 public:
  RoPE(Stream stream, Fallback fallback, int dims, bool traditional, float base, float scale,
       bool forward)
      : Custom(stream, std::move(fallback)),
        dims_(dims),
        traditional_(traditional),
        base_(base),
        scale_(scale),
        forward_(forward) {}
  std::vector<array> vjp(const std::vector<array>& primals, const std::vector<array>& cotangents,
                         const std::vector<int>& argnums,
                         const std::vector<array>& outputs) override;
  std::vector<array> jvp(const std::vector<array>& primals, const std::vector<array>& tangents,
                         const std::vector<int>& argnums) override;
  DEFINE_NAME(RoPE)
  std::vector<Shape> output_shapes(const std::vector<array>& inputs) override;
  bool is_equivalent(const Primitive& other) const override;
  auto state() const {
    return std::make_tuple(nullptr, dims_, traditional_, base_, scale_, forward_);
  }

 private:
  int dims_;
  bool traditional_;
  float base_;
  float scale_;
  bool forward_;
};

}  // namespace mlx::core::fast
