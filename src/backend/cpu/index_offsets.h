// From index arrays to element offsets; the one place where indices are wrapped and checked.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "mlx/array.h"

namespace mlx::core::cpu {

/** An array of indices into one axis. A negative index counts from the end of the axis, once. */
struct AxisIndices {
  const void* data;
  Dtype dtype;
  Strides strides;  // over the common shape of all index arrays, in elements
  int64_t axis_length;
  int64_t max_start;    // the last index at which a slice still fits the axis; negative: none fits
  int64_t axis_stride;  // of the indexed array, in elements
};

/** What becomes of an index outside the axis: reads take the nearest one, writes are dropped. */
enum class OutOfRange : uint8_t { nearest, drop };

/** The offset of a dropped write. */
inline constexpr int64_t kDropped = std::numeric_limits<int64_t>::min();

/** Writes for positions [begin, end) of `shape` the sum over `indices` of index times axis stride.
 * With MLX_CHECK_INDICES=1, raises std::out_of_range for an index outside its axis. */
void index_offsets(const Shape& shape, const std::vector<AxisIndices>& indices, OutOfRange rule,
                   int64_t begin, int64_t end, int64_t* offsets);

/** The same for one run of `count` indices that are `stride` elements apart: adds to `offsets`. */
void add_index_offsets(const AxisIndices& indices, const void* first, int64_t stride,
                       OutOfRange rule, int64_t count, int64_t* offsets);

}  // namespace mlx::core::cpu
