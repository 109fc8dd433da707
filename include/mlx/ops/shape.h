// Operations on shape and layout.
#pragma once

#include <initializer_list>
#include <vector>

#include "mlx/array.h"
#include "mlx/utils.h"

namespace mlx::core {

/** A view with given strides (in elements) over the row-major elements of `a` from `offset` on. */
MLX_API array as_strided(array a, Shape shape, Strides strides, size_t offset,
                         StreamOrDevice s = {});

MLX_API array copy(array a, StreamOrDevice s = {});
MLX_API array contiguous(const array& a, bool allow_col_major = false, StreamOrDevice s = {});
MLX_API array stop_gradient(const array& a, StreamOrDevice s = {});

/** One dimension of `shape` may be -1: it is inferred. */
MLX_API array reshape(const array& a, Shape shape, StreamOrDevice s = {});
MLX_API array unflatten(const array& a, int axis, Shape shape, StreamOrDevice s = {});
MLX_API array flatten(const array& a, int start_axis, int end_axis = -1, StreamOrDevice s = {});
MLX_API array flatten(const array& a, StreamOrDevice s = {});

MLX_API array squeeze(const array& a, const std::vector<int>& axes, StreamOrDevice s = {});
MLX_API array squeeze(const array& a, int axis, StreamOrDevice s = {});
MLX_API array squeeze(const array& a, StreamOrDevice s = {});
MLX_API array expand_dims(const array& a, const std::vector<int>& axes, StreamOrDevice s = {});
MLX_API array expand_dims(const array& a, int axis, StreamOrDevice s = {});

MLX_API array broadcast_to(const array& a, const Shape& shape, StreamOrDevice s = {});
MLX_API std::vector<array> broadcast_arrays(const std::vector<array>& inputs,
                                            StreamOrDevice s = {});

MLX_API array transpose(const array& a, std::vector<int> axes, StreamOrDevice s = {});
inline array transpose(const array& a, std::initializer_list<int> axes, StreamOrDevice s = {}) {
  return transpose(a, std::vector<int>(axes), s);
}
MLX_API array transpose(const array& a, StreamOrDevice s = {});
MLX_API array matrix_transpose(const array& a, StreamOrDevice s = {});
MLX_API array swapaxes(const array& a, int axis1, int axis2, StreamOrDevice s = {});
MLX_API array moveaxis(const array& a, int source, int destination, StreamOrDevice s = {});

MLX_API array slice(const array& a, Shape start, Shape stop, Shape strides, StreamOrDevice s = {});
inline array slice(const array& a, std::initializer_list<int> start, Shape stop, Shape strides,
                   StreamOrDevice s = {}) {
  return slice(a, Shape(start), std::move(stop), std::move(strides), s);
}
MLX_API array slice(const array& a, Shape start, Shape stop, StreamOrDevice s = {});

}  // namespace mlx::core
