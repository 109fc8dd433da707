// Where the elements of strided arrays lie, for kernels of extensions.
#pragma once

#include <cstdint>
#include <limits>
#include <tuple>
#include <utility>
#include <vector>

#include "mlx/api.h"
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

/** Row-major strides, in elements. */
MLX_API Strides make_contiguous_strides(const Shape& shape);

/** Merges neighbouring dimensions that all operands step through evenly and drops those of length
 * 1; `strides[k]` are the strides of operand k. No merged dimension is longer than `size_cap`. */
MLX_API std::tuple<Shape, std::vector<Strides>> collapse_contiguous_dims(
    const Shape& shape, const std::vector<Strides>& strides,
    int64_t size_cap = std::numeric_limits<int32_t>::max());
/** Of arrays of one shape. */
MLX_API std::tuple<Shape, std::vector<Strides>> collapse_contiguous_dims(
    const std::vector<array>& arrays, size_t size_cap = std::numeric_limits<int32_t>::max());
MLX_API std::pair<Shape, Strides> collapse_contiguous_dims(
    const Shape& shape, const Strides& strides,
    int64_t size_cap = std::numeric_limits<int32_t>::max());
MLX_API std::pair<Shape, Strides> collapse_contiguous_dims(
    const array& a, int64_t size_cap = std::numeric_limits<int32_t>::max());

/** Steps through the elements of a strided array in row-major order; `loc` is the offset of the
 * present one, in elements. */
struct MLX_API ContiguousIterator {
  ContiguousIterator() = default;
  explicit ContiguousIterator(const array& a);
  /** Over the first `dims` dimensions. */
  ContiguousIterator(const Shape& shape, const Strides& strides, int dims);

  void step() {
    for (size_t i = shape_.size(); i-- > 0;) {
      loc += strides_[i];
      if (++position_[i] < shape_[i] || i == 0) return;
      loc -= strides_[i] * shape_[i];
      position_[i] = 0;
    }
  }
  void step(int64_t count);
  /** Goes to element number `n`. */
  void seek(int64_t n);
  void reset() { seek(0); }
  /** How many elements from a row's first lie one after the other; 0 when they do not. */
  int64_t contiguous_suffix() const {
    return !shape_.empty() && strides_.back() == 1 ? shape_.back() : 0;
  }

  int64_t loc = 0;

 private:
  Shape shape_;
  Strides strides_;
  Shape position_;
};

/** (elements without those that broadcasting repeats, is row-major, is column-major). */
MLX_API std::tuple<size_t, bool, bool> check_contiguity(const Shape& shape, const Strides& strides);

}  // namespace mlx::core
