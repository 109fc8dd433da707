// Fused operations of neural networks.
#pragma once

#include <optional>

#include "mlx/array.h"
#include "mlx/ops/attention.h"
#include "mlx/utils.h"

namespace mlx::core::fast {

/** x / sqrt(mean(x^2) + eps) over the last axis, times `weight`. */
MLX_API array rms_norm(const array& x, const std::optional<array>& weight, float eps,
                       StreamOrDevice s = {});

/** (x - mean) / sqrt(variance + eps) over the last axis, times `weight`, plus `bias`. */
MLX_API array layer_norm(const array& x, const std::optional<array>& weight,
                         const std::optional<array>& bias, float eps, StreamOrDevice s = {});

/** logsumexp(logits) - logits[target] over the last axis, in float32. */
MLX_API array cross_entropy(const array& logits, const array& targets, StreamOrDevice s = {});

/** Rotates the first `dims` features of x, of shape (batch, ..., positions, features), by angles
 * that grow with the position. Exactly one of `base` and `freqs` must be given. */
MLX_API array rope(const array& x, int dims, bool traditional, std::optional<float> base,
                   float scale, int offset, const std::optional<array>& freqs = std::nullopt,
                   StreamOrDevice s = {});
/** With one offset, or one for each batch. */
MLX_API array rope(const array& x, int dims, bool traditional, std::optional<float> base,
                   float scale, const array& offset,
                   const std::optional<array>& freqs = std::nullopt, StreamOrDevice s = {});

}  // namespace mlx::core::fast
