// The parts of function transformations that bindings and extensions use: tracing state, vmap in
// two steps.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "mlx/api.h"
#include "mlx/array.h"

namespace mlx::core::detail {

/** The first half of vmap: runs `fun` on placeholders without the batch axes. Returns the
 * placeholders and the outputs. `in_axes[i]` is -1 where input i is not batched. */
MLX_API std::pair<std::vector<array>, std::vector<array>> vmap_trace(
    const std::function<std::vector<array>(const std::vector<array>&)>& fun,
    const std::vector<array>& inputs, const std::vector<int>& in_axes);

/** The second half: rebuilds the traced graph over the batched `inputs`. */
MLX_API std::vector<array> vmap_replace(const std::vector<array>& inputs,
                                        const std::vector<array>& traced_inputs,
                                        const std::vector<array>& traced_outputs,
                                        const std::vector<int>& in_axes,
                                        const std::vector<int>& out_axes);

/** While alive, tracer arrays made in this thread keep their graph. `dynamic`: shapes are symbolic
 * (shapeless compile, export); `grad`: the trace serves a derivative. */
class MLX_API InTracing {
 public:
  explicit InTracing(bool dynamic = false, bool grad = false);
  ~InTracing();
  InTracing(const InTracing&) = delete;
  InTracing& operator=(const InTracing&) = delete;

  static bool in_tracing();
  static bool in_dynamic_tracing();
  static bool in_grad_tracing();
};

/** While alive, evaluation keeps the graph of tracer arrays. */
class MLX_API RetainGraph {
 public:
  RetainGraph();
  ~RetainGraph();
  RetainGraph(const RetainGraph&) = delete;
  RetainGraph& operator=(const RetainGraph&) = delete;

  static bool retain_graph();
};

inline bool in_tracing() { return InTracing::in_tracing(); }
inline bool in_dynamic_tracing() { return InTracing::in_dynamic_tracing(); }
inline bool in_grad_tracing() { return InTracing::in_grad_tracing(); }
inline bool retain_graph() { return RetainGraph::retain_graph(); }

}  // namespace mlx::core::detail
