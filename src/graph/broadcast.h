// Views that repeat an array's elements along new or single-element dimensions.
#pragma once

#include "graph/shape.h"

namespace mlx::core {

/** Makes `out`, of a shape that `in` broadcasts to, a view of `in`'s buffer. */
inline void make_broadcast_view(const array& in, array& out) {
  Strides strides(out.ndim(), 0);
  size_t lead = out.ndim() - in.ndim();
  for (size_t i = 0; i < in.ndim(); ++i) {
    strides[lead + i] = in.shape()[i] == 1 && out.shape()[lead + i] != 1 ? 0 : in.strides()[i];
  }
  size_t data_size = out.size() == 0 ? 0 : in.data_size();
  out.copy_shared_buffer(in, strides, view_flags(out.shape(), strides, data_size), data_size);
}

}  // namespace mlx::core
