// The nodes between a function's inputs and outputs, in topological order: what transforms walk.
#pragma once

#include <unordered_set>
#include <vector>

#include "mlx/array.h"

namespace mlx::core {

/** The tracer nodes that `outputs` are made of and that depend on `roots`, each once (a node with
 * several outputs is stood for by one of them) and after its inputs. With `differentiable`,
 * dependence does not pass through nodes that block gradients. */
std::vector<array> dependent_nodes(const std::vector<array>& outputs,
                                   const std::vector<array>& roots, bool differentiable);

/** Zeros of the shape and dtype of `like`. */
array zeros_as(const array& like);

}  // namespace mlx::core
