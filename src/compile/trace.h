// Trace: a function recorded as a graph from placeholders to outputs.
#pragma once

#include <memory>
#include <vector>

#include "mlx/array.h"
#include "mlx/compile_impl.h"

namespace mlx::core {

struct Trace {
  std::vector<array> inputs;  // placeholders
  std::vector<array> nodes;   // topological order; one output stands for a multi-output node
  std::vector<array> outputs;
  std::shared_ptr<void> extra;
};

/** Records `fun` on placeholders like `inputs`. */
Trace trace_function(const detail::ArrayFnWithExtra& fun, const std::vector<array>& inputs,
                     bool shapeless);

/** Computes `nodes` anew from the outputs. */
void collect_nodes(Trace& trace);

/** Merges nodes that compute the same value. Dead nodes disappear with it. */
void merge_common_subexpressions(Trace& trace);

/** Rebuilds the graph over other inputs. With `infer_shapes` the shapes follow from those inputs,
 * otherwise they are the traced ones. */
std::vector<array> replay(const Trace& trace, const std::vector<array>& inputs, bool infer_shapes);

}  // namespace mlx::core
