// Scaled dot-product attention, fused.
#pragma once

#include <tuple>
#include <utility>

#include "mlx/primitives/custom.h"

namespace mlx::core::fast {

/** (queries, keys, values, [mask], [sinks]) -> softmax(scale * queries @ keys.T + mask) @ values.
 * A mask has the shape of the scores (batch, query heads, queries, keys). */
class MLX_API ScaledDotProductAttention : public Custom {
 public:
  ScaledDotProductAttention(Stream stream, Fallback fallback, float scale, bool do_causal,
                            bool has_sinks, bool output_logsumexp, bool force_fused)
      : Custom(stream, std::move(fallback)),
        scale_(scale),
        do_causal_(do_causal),
        has_sinks_(has_sinks),
        output_logsumexp_(output_logsumexp),
        force_fused_(force_fused) {}
  DEFINE_NAME(ScaledDotProductAttention)
  bool is_equivalent(const Primitive& other) const override;
  std::vector<Shape> output_shapes(const std::vector<array>& inputs) override;
  auto state() const {
    return std::make_tuple(nullptr, scale_, do_causal_, has_sinks_, output_logsumexp_,
                           force_fused_);
  }

 private:
  float scale_;
  bool do_causal_;
  bool has_sinks_;
  bool output_logsumexp_;
  bool force_fused_;
};

}  // namespace mlx::core::fast
