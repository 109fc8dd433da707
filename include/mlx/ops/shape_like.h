// Shapes taken from another array, also in traces that are replayed with other shapes.
#pragma once

#include <vector>

#include "mlx/api.h"
#include "mlx/array.h"
#include "mlx/utils.h"

namespace mlx::core::detail {

/** `a` broadcast to the shape of `like`. In a shapeless trace (`mlx::core::compile`) `like` lends
 * its shape of each replay, where `broadcast_to` would keep that of the trace. Gradients do not
 * flow to `like`. */
MLX_API array broadcast_like(const array& a, const array& like, StreamOrDevice s = {});

/** `a` broadcast to the common shape of `a` and `like` along every axis but `axes` (counted from
 * the end: negative), where it keeps its lengths. Under the same rule; raises naming `op`. */
MLX_API array broadcast_except(const char* op, const array& a, const array& like,
                               const std::vector<int>& axes, StreamOrDevice s = {});

/** `a` reshaped to the shape of `like`, under the same rule. */
MLX_API array reshape_like(const array& a, const array& like, StreamOrDevice s = {});

/** An array of the shape of `like` that holds `value` throughout. */
MLX_API array filled_like(const array& like, double value, Dtype dtype, StreamOrDevice s = {});

}  // namespace mlx::core::detail
