// Coordinate grids and diagonals.
#include <algorithm>

#include "base/errors.h"
#include "graph/shape.h"
#include "mlx/ops/elementwise.h"
#include "mlx/ops/reduce.h"
#include "mlx/ops/shape.h"

namespace mlx::core {

std::vector<array> meshgrid(const std::vector<array>& arrays, bool sparse,
                            const std::string& indexing, StreamOrDevice s) {
  if (indexing != "xy" && indexing != "ij") {
    throw_invalid("meshgrid", "Invalid indexing value '{}'. Valid values are 'xy' and 'ij'.",
                  indexing);
  }
  bool swap = indexing == "xy" && arrays.size() > 1;
  std::vector<array> grids;
  for (size_t i = 0; i < arrays.size(); ++i) {
    size_t axis = swap && i < 2 ? 1 - i : i;
    Shape shape(arrays.size(), 1);
    shape[axis] = safe_cast(arrays[i].size(), "meshgrid");
    grids.push_back(reshape(arrays[i], std::move(shape), s));
  }
  return sparse ? grids : broadcast_arrays(grids, s);
}

array diagonal(const array& a, int offset, int axis1, int axis2, StreamOrDevice s) {
  if (a.ndim() < 2) {
    throw_invalid("diagonal", "Array must have at least two dimensions, but got {} dimensions.",
                  a.ndim());
  }
  int row_axis = normalize_axis(axis1, static_cast<int>(a.ndim()), "diagonal");
  int col_axis = normalize_axis(axis2, static_cast<int>(a.ndim()), "diagonal");
  if (row_axis == col_axis) throw_invalid("diagonal", "axis1 and axis2 cannot be the same axis.");
  std::vector<int> order;
  for (int i = 0; i < static_cast<int>(a.ndim()); ++i) {
    if (i != row_axis && i != col_axis) order.push_back(i);
  }
  order.push_back(row_axis);
  order.push_back(col_axis);
  array rows = transpose(a, order, s);
  int ndim = static_cast<int>(rows.ndim());
  int64_t num_rows = rows.shape(-2);
  int64_t num_cols = rows.shape(-1);
  int64_t first_row = std::max(0, -offset);
  int64_t first_col = std::max(0, offset);
  int64_t length = std::max<int64_t>(0, std::min(num_rows - first_row, num_cols - first_col));
  if (length == 0) {
    Shape empty(rows.shape().begin(), rows.shape().end() - 2);
    empty.push_back(0);
    Shape stop = rows.shape();
    stop[ndim - 1] = 0;
    return reshape(slice(rows, Shape(ndim, 0), stop, s), empty, s);
  }
  // In the square around the diagonal, laid out flat, every (length + 1)-th element is on it.
  Shape start(ndim, 0);
  Shape stop = rows.shape();
  start[ndim - 2] = static_cast<ShapeElem>(first_row);
  stop[ndim - 2] = static_cast<ShapeElem>(first_row + length);
  start[ndim - 1] = static_cast<ShapeElem>(first_col);
  stop[ndim - 1] = static_cast<ShapeElem>(first_col + length);
  array flat = flatten(slice(rows, start, stop, s), -2, -1, s);
  Shape from(flat.ndim(), 0);
  Shape steps(flat.ndim(), 1);
  steps[flat.ndim() - 1] = static_cast<ShapeElem>(length + 1);
  return slice(flat, from, flat.shape(), steps, s);
}

array diag(const array& a, int k, StreamOrDevice s) {
  if (a.ndim() == 2) return diagonal(a, k, 0, 1, s);
  if (a.ndim() != 1) {
    throw_invalid("diag", "array must be 1-D or 2-D, got array with {} dimensions.", a.ndim());
  }
  // The vector, spread n + 1 apart by padding each element to a row of n + 1, is the flat square
  // matrix.
  int length = a.shape(0);
  if (length == 0) {
    int side = std::abs(k);
    return broadcast_to(astype(array(0), a.dtype(), s), Shape{side, side}, s);
  }
  array spread =
      pad(reshape(a, Shape{length, 1}, s), std::vector<std::pair<int, int>>{{0, 0}, {0, length}},
          array(0, a.dtype()), "constant", s);
  array flat = slice(flatten(spread, s), Shape{0}, Shape{length * length}, s);
  array square = reshape(flat, Shape{length, length}, s);
  int above = std::max(0, k);
  int below = std::max(0, -k);
  return pad(square, std::vector<std::pair<int, int>>{{below, above}, {above, below}},
             array(0, a.dtype()), "constant", s);
}

array trace(const array& a, int offset, int axis1, int axis2, Dtype dtype, StreamOrDevice s) {
  if (a.ndim() < 2) {
    throw_invalid("trace", "Array must have at least two dimensions, but got {} dimensions.",
                  a.ndim());
  }
  return sum(astype(diagonal(a, offset, axis1, axis2, s), dtype, s), std::vector<int>{-1}, false,
             s);
}

array trace(const array& a, int offset, int axis1, int axis2, StreamOrDevice s) {
  bool widen = a.dtype() == bool_ || (issubdtype(a.dtype(), integer) && a.itemsize() < 4);
  return trace(a, offset, axis1, axis2, widen ? int32 : a.dtype(), s);
}

array trace(const array& a, StreamOrDevice s) { return trace(a, 0, 0, 1, s); }

}  // namespace mlx::core
