// Where the elements of strided arrays lie, for kernels of extensions.
#pragma once

#include "mlx/array.h"

namespace mlx::core {

/** The offset from the first element, in elements, of element number `elem` in row-major order. */
inline int64_t elem_to_loc(int64_t elem, const Shape& shape, const Strides& strides) {
  int64_t offset = 0;
  for (size_t i = shape.size(); i-- > 0; elem /= shape[i]) offset += elem % shape[i] * strides[i];
  return offset;
}

inline int64_t elem_to_loc(int64_t elem, const array& a) {
  return a.flags().row_contiguous ? elem : elem_to_loc(elem, a.shape(), a.strides());
}

}  // namespace mlx::core
