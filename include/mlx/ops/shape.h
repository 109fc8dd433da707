// Operations on shape and layout.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>
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

/** Cuts `a` into `num_splits` equal parts along an axis. */
MLX_API std::vector<array> split(const array& a, int num_splits, int axis, StreamOrDevice s = {});
MLX_API std::vector<array> split(const array& a, int num_splits, StreamOrDevice s = {});
/** Cuts `a` before each of the `indices` along an axis. */
MLX_API std::vector<array> split(const array& a, const Shape& indices, int axis,
                                 StreamOrDevice s = {});
MLX_API std::vector<array> split(const array& a, const Shape& indices, StreamOrDevice s = {});
/** The slices along an axis, without that axis. */
MLX_API std::vector<array> unstack(const array& a, int axis, StreamOrDevice s = {});
MLX_API std::vector<array> unstack(const array& a, StreamOrDevice s = {});

MLX_API array concatenate(std::vector<array> arrays, int axis, StreamOrDevice s = {});
MLX_API array concatenate(std::vector<array> arrays, StreamOrDevice s = {});
MLX_API array stack(const std::vector<array>& arrays, int axis, StreamOrDevice s = {});
MLX_API array stack(const std::vector<array>& arrays, StreamOrDevice s = {});

/** Repeats each element along an axis (flattened without one). */
MLX_API array repeat(const array& arr, int repeats, int axis, StreamOrDevice s = {});
MLX_API array repeat(const array& arr, int repeats, StreamOrDevice s = {});
/** Repeats the whole array `reps[i]` times along axis i. */
MLX_API array tile(const array& arr, std::vector<int> reps, StreamOrDevice s = {});

/** Pads with a constant, or with the edge values ("edge"), or mirrored at them ("reflect"). */
MLX_API array pad(const array& a, const std::vector<int>& axes, const Shape& low_pad_size,
                  const Shape& high_pad_size, const array& pad_value = array(0),
                  const std::string& mode = "constant", StreamOrDevice s = {});
MLX_API array pad(const array& a, const std::vector<std::pair<int, int>>& pad_width,
                  const array& pad_value = array(0), const std::string& mode = "constant",
                  StreamOrDevice s = {});
MLX_API array pad(const array& a, const std::pair<int, int>& pad_width,
                  const array& pad_value = array(0), const std::string& mode = "constant",
                  StreamOrDevice s = {});
MLX_API array pad(const array& a, int pad_width, const array& pad_value = array(0),
                  const std::string& mode = "constant", StreamOrDevice s = {});

/** The elements in reverse order along axes. */
MLX_API array flip(const array& a, const std::vector<int>& axes, StreamOrDevice s = {});
MLX_API array flip(const array& a, int axis, StreamOrDevice s = {});
MLX_API array flip(const array& a, StreamOrDevice s = {});

/** Shifts elements; those that leave at one end come in at the other. */
MLX_API array roll(const array& a, int shift, StreamOrDevice s = {});
MLX_API array roll(const array& a, const Shape& shift, StreamOrDevice s = {});
MLX_API array roll(const array& a, int shift, int axis, StreamOrDevice s = {});
MLX_API array roll(const array& a, int shift, const std::vector<int>& axes, StreamOrDevice s = {});
MLX_API array roll(const array& a, const Shape& shift, int axis, StreamOrDevice s = {});
MLX_API array roll(const array& a, const Shape& shift, const std::vector<int>& axes,
                   StreamOrDevice s = {});

/** Coordinate grids from coordinate vectors; "xy" swaps the first two axes. */
MLX_API std::vector<array> meshgrid(const std::vector<array>& arrays, bool sparse = false,
                                    const std::string& indexing = "xy", StreamOrDevice s = {});

/** The elements (i, i + offset) of the matrices in axes `axis1` and `axis2`, as the last axis. */
MLX_API array diagonal(const array& a, int offset = 0, int axis1 = 0, int axis2 = 1,
                       StreamOrDevice s = {});
/** The k-th diagonal of a matrix, or a matrix with a vector on it. */
MLX_API array diag(const array& a, int k = 0, StreamOrDevice s = {});
/** The sum of a diagonal. */
MLX_API array trace(const array& a, int offset, int axis1, int axis2, Dtype dtype,
                    StreamOrDevice s = {});
MLX_API array trace(const array& a, int offset, int axis1, int axis2, StreamOrDevice s = {});
MLX_API array trace(const array& a, StreamOrDevice s = {});

MLX_API array atleast_1d(const array& a, StreamOrDevice s = {});
MLX_API std::vector<array> atleast_1d(const std::vector<array>& a, StreamOrDevice s = {});
MLX_API array atleast_2d(const array& a, StreamOrDevice s = {});
MLX_API std::vector<array> atleast_2d(const std::vector<array>& a, StreamOrDevice s = {});
MLX_API array atleast_3d(const array& a, StreamOrDevice s = {});
MLX_API std::vector<array> atleast_3d(const std::vector<array>& a, StreamOrDevice s = {});

/** The product of the lengths of `axes`, or its reciprocal, as a 0-d array. */
MLX_API array number_of_elements(const array& a, std::vector<int> axes, bool inverted,
                                 Dtype dtype = int32, StreamOrDevice s = {});

}  // namespace mlx::core
