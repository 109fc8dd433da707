// Reads and writes at computed places. Negative indices count from the end of an axis. An index
// array's value outside its axis reads the nearest element and writes nothing.
#pragma once

#include <vector>

#include "mlx/array.h"
#include "mlx/utils.h"

namespace mlx::core {

/** The slices of `slice_sizes` that start at `indices`, whose arrays belong to `axes` (elsewhere at
 * 0). The shape is that of the indices followed by `slice_sizes`. */
MLX_API array gather(const array& a, const std::vector<array>& indices,
                     const std::vector<int>& axes, const Shape& slice_sizes, StreamOrDevice s = {});
inline array gather(const array& a, const array& indices, int axis, const Shape& slice_sizes,
                    StreamOrDevice s = {}) {
  return gather(a, std::vector<array>{indices}, std::vector<int>{axis}, slice_sizes, s);
}

/** The slices along an axis at `indices`; without an axis, elements of the flattened array. */
MLX_API array take(const array& a, const array& indices, int axis, StreamOrDevice s = {});
MLX_API array take(const array& a, int index, int axis, StreamOrDevice s = {});
MLX_API array take(const array& a, const array& indices, StreamOrDevice s = {});
MLX_API array take(const array& a, int index, StreamOrDevice s = {});

/** Elements along an axis, with indices of their own for each line. */
MLX_API array take_along_axis(const array& a, const array& indices, int axis,
                              StreamOrDevice s = {});
MLX_API array put_along_axis(const array& a, const array& indices, const array& values, int axis,
                             StreamOrDevice s = {});
MLX_API array scatter_add_axis(const array& a, const array& indices, const array& values, int axis,
                               StreamOrDevice s = {});

/** A copy of `a` with updates applied to the slices that start at `indices`, in row-major order of
 * the indices. `updates` has the shape of the indices followed by that of a slice. */
MLX_API array scatter(const array& a, const std::vector<array>& indices, const array& updates,
                      const std::vector<int>& axes, StreamOrDevice s = {});
MLX_API array scatter_add(const array& a, const std::vector<array>& indices, const array& updates,
                          const std::vector<int>& axes, StreamOrDevice s = {});
MLX_API array scatter_prod(const array& a, const std::vector<array>& indices, const array& updates,
                           const std::vector<int>& axes, StreamOrDevice s = {});
MLX_API array scatter_max(const array& a, const std::vector<array>& indices, const array& updates,
                          const std::vector<int>& axes, StreamOrDevice s = {});
MLX_API array scatter_min(const array& a, const std::vector<array>& indices, const array& updates,
                          const std::vector<int>& axes, StreamOrDevice s = {});

inline array scatter(const array& a, const array& indices, const array& updates, int axis,
                     StreamOrDevice s = {}) {
  return scatter(a, std::vector<array>{indices}, updates, std::vector<int>{axis}, s);
}
inline array scatter_add(const array& a, const array& indices, const array& updates, int axis,
                         StreamOrDevice s = {}) {
  return scatter_add(a, std::vector<array>{indices}, updates, std::vector<int>{axis}, s);
}
inline array scatter_prod(const array& a, const array& indices, const array& updates, int axis,
                          StreamOrDevice s = {}) {
  return scatter_prod(a, std::vector<array>{indices}, updates, std::vector<int>{axis}, s);
}
inline array scatter_max(const array& a, const array& indices, const array& updates, int axis,
                         StreamOrDevice s = {}) {
  return scatter_max(a, std::vector<array>{indices}, updates, std::vector<int>{axis}, s);
}
inline array scatter_min(const array& a, const array& indices, const array& updates, int axis,
                         StreamOrDevice s = {}) {
  return scatter_min(a, std::vector<array>{indices}, updates, std::vector<int>{axis}, s);
}

/** Puts the elements of `src`, one after the other, where `mask` holds. The mask has the leading
 * dimensions of `a`; a source without a dimension for the list is used at each place. */
MLX_API array masked_scatter(const array& a, const array& mask, const array& src,
                             StreamOrDevice s = {});

/** The slice of `slice_size` that starts at `start` along `axes` (elsewhere at 0), moved to fit. */
MLX_API array slice(const array& a, const array& start, std::vector<int> axes, Shape slice_size,
                    StreamOrDevice s = {});

/** A copy of `src` with `update` (broadcast to the slice) in the slice `start:stop:strides`. */
MLX_API array slice_update(const array& src, const array& update, Shape start, Shape stop,
                           Shape strides, StreamOrDevice s = {});
MLX_API array slice_update(const array& src, const array& update, Shape start, Shape stop,
                           StreamOrDevice s = {});
/** The slice starts at the values of the array `start` along `axes`; one that does not fit is left.
 */
MLX_API array slice_update(const array& src, const array& update, const array& start,
                           std::vector<int> axes, StreamOrDevice s = {});

MLX_API array slice_update_add(const array& src, const array& update, Shape start, Shape stop,
                               Shape strides, StreamOrDevice s = {});
MLX_API array slice_update_add(const array& src, const array& update, Shape start, Shape stop,
                               StreamOrDevice s = {});
MLX_API array slice_update_prod(const array& src, const array& update, Shape start, Shape stop,
                                Shape strides, StreamOrDevice s = {});
MLX_API array slice_update_prod(const array& src, const array& update, Shape start, Shape stop,
                                StreamOrDevice s = {});
MLX_API array slice_update_max(const array& src, const array& update, Shape start, Shape stop,
                               Shape strides, StreamOrDevice s = {});
MLX_API array slice_update_max(const array& src, const array& update, Shape start, Shape stop,
                               StreamOrDevice s = {});
MLX_API array slice_update_min(const array& src, const array& update, Shape start, Shape stop,
                               Shape strides, StreamOrDevice s = {});
MLX_API array slice_update_min(const array& src, const array& update, Shape start, Shape stop,
                               StreamOrDevice s = {});

}  // namespace mlx::core
