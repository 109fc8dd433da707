// Sorting, partitioning, searching. Sorts are stable and put NaN last.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mlx/array.h"
#include "mlx/utils.h"

namespace mlx::core {

/** Without an axis, the flattened array is sorted. */
MLX_API array sort(const array& a, StreamOrDevice s = {});
MLX_API array sort(const array& a, int axis, StreamOrDevice s = {});

/** The positions (uint32) that sort the array. */
MLX_API array argsort(const array& a, StreamOrDevice s = {});
MLX_API array argsort(const array& a, int axis, StreamOrDevice s = {});

/** Puts element `kth` where sorting would, smaller ones before it and larger ones after. */
MLX_API array partition(const array& a, int kth, StreamOrDevice s = {});
MLX_API array partition(const array& a, int kth, int axis, StreamOrDevice s = {});
MLX_API array argpartition(const array& a, int kth, StreamOrDevice s = {});
MLX_API array argpartition(const array& a, int kth, int axis, StreamOrDevice s = {});

/** Where each of `values` would be inserted into the sorted 1-D sequence: before ("left") or after
 * ("right") the elements equal to it. */
MLX_API array searchsorted(const array& sorted_sequence, const array& values,
                           const std::string& side = "left", StreamOrDevice s = {});

/** The k largest elements, in no particular order. */
MLX_API array topk(const array& a, int k, StreamOrDevice s = {});
MLX_API array topk(const array& a, int k, int axis, StreamOrDevice s = {});

/** The sorted distinct elements of the flattened array: the first `size` of them, or all and then
 * `fill_value` (by default the first). Then, as asked for: the index of the first occurrence of
 * each, the position of each element of `a` among them, and how often each occurs. */
MLX_API std::vector<array> unique(const array& a, int size, bool return_index = false,
                                  bool return_inverse = false, bool return_counts = false,
                                  const std::optional<array>& fill_value = std::nullopt,
                                  StreamOrDevice s = {});

}  // namespace mlx::core
