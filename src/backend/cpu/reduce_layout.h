// The layout of one reduction: which elements meet in which result, in the best order of memory.
#pragma once

#include <vector>

#include "backend/cpu/reduce.h"

namespace mlx::core::cpu {

/** Dimensions are outermost first; adjacent ones are merged where they can be. */
struct ReduceLayout {
  Dims reduced;  // in the order of the tree
  Dims kept;     // by descending stride, whatever their order in the array
  Dims out;      // the same dimensions' strides in the result
  int64_t num_outputs = 1;
  int64_t length = 1;  // elements per result
  int64_t base = 0;    // offset of the first element, strides of `kept` being positive
  int64_t out_base = 0;
  bool along_rows = true;  // whether the tree is that along a row, or the one down columns

  /** How many of the last kept dimensions are taken as columns side by side. */
  size_t num_column_dims() const;
};

/** The kind of tree follows the array's shape, so results do not depend on strides. Where
 * `any_order` gives the same result, it follows memory. */
ReduceLayout reduce_layout(const Shape& shape, const Strides& strides,
                           const std::vector<bool>& is_reduced, bool any_order);

}  // namespace mlx::core::cpu
