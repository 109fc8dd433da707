// Thread-local state of function transformations: whether graphs are being traced and must be kept.
#pragma once

#include <vector>

namespace mlx::core::detail {

/** While alive, tracer arrays made in this thread keep their graph. `dynamic`: shapes are symbolic
 * (shapeless compile, export); `grad`: the trace serves a derivative. */
class InTracing {
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
class RetainGraph {
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
