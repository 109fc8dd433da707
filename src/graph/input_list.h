// input_list: the inputs of a node, each handle counted once.
#pragma once

#include <utility>
#include <vector>

#include "mlx/array.h"

namespace mlx::core {

/** The arrays as a vector; those given as temporaries are moved, which a list in braces cannot do.
 */
template <typename... Arrays>
std::vector<array> input_list(Arrays&&... arrays) {
  std::vector<array> inputs;
  inputs.reserve(sizeof...(arrays));
  (inputs.push_back(std::forward<Arrays>(arrays)), ...);
  return inputs;
}

}  // namespace mlx::core
