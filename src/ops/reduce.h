// What the reduction families share: axes, and merging axes into one trailing axis.
#pragma once

#include <vector>

#include "mlx/array.h"
#include "mlx/utils.h"

namespace mlx::core {

/** All axes of an array. */
std::vector<int> all_axes(const array& a);

/** `a` with `axes` moved to the end, in order, and merged into one. */
array merge_axes(const array& a, const std::vector<int>& axes, Stream s);
/** The inverse: `merged` under the layout of `like`. */
array unmerge_axes(const array& merged, const array& like, const std::vector<int>& axes, Stream s);

/** True when `axes` (sorted) are the last ones. */
bool are_trailing(const std::vector<int>& axes, size_t ndim);

/** Integers and bool become float32. */
array as_floating(const array& a, Stream s);

}  // namespace mlx::core
