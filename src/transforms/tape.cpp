// Collects the nodes between a function's inputs and outputs.
#include "transforms/tape.h"

#include <mutex>
#include <utility>

#include "graph/graph_lock.h"
#include "mlx/ops/shape.h"
#include "mlx/primitives/shape.h"

namespace mlx::core {

array zeros_as(const array& like) {
  return broadcast_to(array(0, like.dtype()), like.shape(),
                      like.has_primitive() ? like.primitive().stream() : StreamOrDevice{});
}

std::vector<array> dependent_nodes(const std::vector<array>& outputs,
                                   const std::vector<array>& roots, bool differentiable) {
  std::lock_guard lock(graph_mutex());
  std::unordered_set<std::uintptr_t> visited;
  std::unordered_set<std::uintptr_t> dependent;
  for (const auto& root : roots) {
    visited.insert(root.id());
    dependent.insert(root.id());
  }
  std::vector<array> order;
  std::vector<std::pair<array, size_t>> stack;
  auto push = [&](const array& node) {
    if (!node.is_tracer() || !node.has_primitive() || visited.count(node.id())) return;
    for (const auto& output : node.outputs()) visited.insert(output.id());
    stack.emplace_back(node, 0);
  };
  for (const auto& output : outputs) {
    push(output);
    while (!stack.empty()) {
      auto& [node, next_input] = stack.back();
      if (next_input < node.inputs().size()) {
        array input = node.inputs()[next_input++];
        push(input);
        continue;
      }
      array done = std::move(node);
      stack.pop_back();
      bool blocked =
          differentiable && dynamic_cast<const StopGradient*>(&done.primitive()) != nullptr;
      bool depends = false;
      for (const auto& input : done.inputs()) depends |= dependent.count(input.id()) > 0;
      if (depends && !blocked) {
        for (const auto& output : done.outputs()) dependent.insert(output.id());
        order.push_back(std::move(done));
      }
    }
  }
  return order;
}

}  // namespace mlx::core
