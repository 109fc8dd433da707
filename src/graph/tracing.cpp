// Thread-local state of function transformations.
#include <utility>

#include "mlx/transforms_impl.h"

namespace mlx::core::detail {

namespace {
thread_local std::vector<std::pair<bool, bool>> trace_stack;
thread_local int dynamic_traces = 0;
thread_local int grad_traces = 0;
thread_local int retain_count = 0;
}  // namespace

InTracing::InTracing(bool dynamic, bool grad) {
  dynamic_traces += dynamic;
  grad_traces += grad;
  trace_stack.emplace_back(dynamic, grad);
}

InTracing::~InTracing() {
  dynamic_traces -= trace_stack.back().first;
  grad_traces -= trace_stack.back().second;
  trace_stack.pop_back();
}

bool InTracing::in_tracing() { return !trace_stack.empty(); }
bool InTracing::in_dynamic_tracing() { return dynamic_traces > 0; }
bool InTracing::in_grad_tracing() { return grad_traces > 0; }

RetainGraph::RetainGraph() { ++retain_count; }
RetainGraph::~RetainGraph() { --retain_count; }
bool RetainGraph::retain_graph() { return retain_count > 0; }

}  // namespace mlx::core::detail
