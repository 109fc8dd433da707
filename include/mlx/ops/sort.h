// Sorting, partitioning, searching. Sorts are stable and put NaN last.
#pragma once

#include <string>

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

}  // namespace mlx::core
