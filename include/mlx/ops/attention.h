// Fused attention.
#pragma once

#include <optional>
#include <string>

#include "mlx/array.h"
#include "mlx/utils.h"

namespace mlx::core::fast {

/** softmax(scale * queries @ keys.T + mask) @ values, without ever holding all scores. Queries are
 * (batch, heads, length, depth); keys and values may have fewer heads, each shared by a group.
 * `mask_mode` is "", "causal" (the last query sees the last key) or "array", with `mask_arr`: bool,
 * true where visible, or added to the scores. `sinks` holds one extra score per head that has no
 * value. */
MLX_API array scaled_dot_product_attention(const array& queries, const array& keys,
                                           const array& values, const float scale,
                                           const std::string& mask_mode = "",
                                           std::optional<array> mask_arr = {},
                                           const std::optional<array>& sinks = {},
                                           bool force_fused = false, StreamOrDevice s = {});

}  // namespace mlx::core::fast
