// Shape arithmetic shared by ops and backends: printing, strides, contiguity, collapsing,
// broadcasting.
#pragma once

#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "mlx/array.h"

namespace mlx::core {

/** As a Python tuple: "(2,3)". */
std::string to_string(const Shape& shape);

/** Row-major strides, in elements. */
Strides row_major_strides(const Shape& shape);

/** The element count; raises on overflow. */
size_t num_elements(const Shape& shape);

/** The flags of a view with these strides over `data_size` elements of its buffer. */
array::Flags view_flags(const Shape& shape, const Strides& strides, size_t data_size);

/** The offset in elements of the first stored element, and the elements spanned, of a strided view
 * whose strides may be negative or zero. */
size_t spanned_elements(const Shape& shape, const Strides& strides);

/** Merges neighbouring dimensions that all operands step through evenly and drops those of length
 * 1; keeps at least one dimension, and none longer than `size_cap`. `strides[k]` are the strides of
 * operand k. */
std::pair<Shape, std::vector<Strides>> collapse_dims(const Shape& shape,
                                                     const std::vector<Strides>& strides,
                                                     int64_t size_cap = INT32_MAX);

/** The offset in elements of the `index`-th element in row-major order. */
inline int64_t element_offset(int64_t index, const Shape& shape, const Strides& strides) {
  int64_t offset = 0;
  for (int i = static_cast<int>(shape.size()) - 1; i >= 0 && index > 0; --i) {
    offset += (index % shape[i]) * strides[i];
    index /= shape[i];
  }
  return offset;
}

/** Brings the slice `start:stop:strides` of an array of shape `shape` into a plain form by Python's
 * rule (negative positions count from the end, others are clamped); returns its shape. Raises
 * naming `op`. */
Shape normalize_slice(const char* op, const Shape& shape, Shape& start, Shape& stop,
                      const Shape& strides);

/** The common shape of operands under NumPy's rule; raises naming `op`. */
Shape broadcast_shapes(const Shape& a, const Shape& b, const char* op);

/** A non-negative axis; raises std::out_of_range naming `op`. */
int normalize_axis(int axis, int ndim, const char* op);

/** Non-negative, sorted, distinct axes; raises on duplicates. */
std::vector<int> normalize_axes(const std::vector<int>& axes, int ndim, const char* op);

}  // namespace mlx::core
