// What the indexing primitives share: zeros, states, and batches of vmap.
#pragma once

#include <numeric>
#include <utility>
#include <vector>

#include "base/errors.h"
#include "mlx/ops/indexing.h"
#include "mlx/ops/shape.h"
#include "mlx/ops/shape_like.h"
#include "mlx/primitives/primitive.h"

namespace mlx::core {

using Arrays = std::vector<array>;
using Batched = std::pair<std::vector<array>, std::vector<int>>;

inline array filled(const Shape& shape, int value, Dtype dtype, Stream s) {
  return broadcast_to(array(value, dtype), shape, s);
}
inline array zeros_of(const array& like, Stream s) {
  return detail::filled_like(like, 0, like.dtype(), s);
}

template <class P>
bool same_state(const Primitive& a, const Primitive& b) {
  return static_cast<const P&>(a).state() == static_cast<const P&>(b).state();
}

/** The length of the batch. */
inline int batch_size(const Arrays& inputs, const std::vector<int>& axes) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (axes[i] >= 0) return inputs[i].shape(axes[i]);
  }
  throw_internal("vmap without a batched input");
}

/** The array with its batch as first axis; an array that has none is repeated. */
inline array with_batch(const array& x, int axis, int size, Stream s) {
  if (axis >= 0) return moveaxis(x, axis, 0, s);
  Shape shape = x.shape();
  shape.insert(shape.begin(), size);
  return broadcast_to(expand_dims(x, 0, s), shape, s);
}

/** 0, 1, ..., size - 1 along the first of `ndim` dimensions. */
inline array batch_indices(int size, int ndim, Stream s) {
  std::vector<int> values(size);
  std::iota(values.begin(), values.end(), 0);
  Shape shape(ndim, 1);
  shape[0] = size;
  return array(values.data(), shape, int32);
}

inline std::vector<int> shifted(std::vector<int> axes, int by = 1) {
  for (int& axis : axes) axis += by;
  return axes;
}

/** Column k of batched starts. */
inline array start_column(const array& starts, int k, Stream s) {
  return starts.ndim() == 1 ? starts : take(starts, k, 1, s);
}

}  // namespace mlx::core
