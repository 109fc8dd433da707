// Block kernels of the reductions: what one thread does with elements that are near in cache.
#pragma once

#include <cstddef>
#include <cstdint>

#include "mlx/dtype.h"

namespace mlx::core::cpu {

enum class ReduceOp : uint8_t { sum, prod, min, max };

/** Shape of the fixed trees. Along a row, element i of a block of kRowBlock goes to lane i % kLanes
 * and lanes are folded by halves. Down columns, kRowGroup rows are added as a balanced tree, groups
 * one after the other within kColumnBlock rows. Blocks are then combined one after the other. */
inline constexpr size_t kLanes = 64;
inline constexpr size_t kRowBlock = 4096;
inline constexpr size_t kRowGroup = 8;
inline constexpr size_t kColumnBlock = 64;
/** Trees computed side by side, and the longest row that is handled so. */
inline constexpr size_t kTreeLanes = 16;
inline constexpr size_t kShortRow = 32;

/** Kernels of one op on one storage type. "Accumulator" elements are of `accumulator` type. */
struct ReduceKernels {
  Dtype accumulator;
  /** lanes[i % kLanes] op= x[i] for i < n; `lanes` holds kLanes accumulators. */
  void (*accumulate)(const void* x, size_t n, void* lanes);
  /** Folds the lanes into lanes[0]. */
  void (*fold)(void* lanes);
  /** sums[c] op= the tree over rows[r][c] for c < columns; up to kRowGroup rows. */
  void (*accumulate_rows)(const void* const* rows, size_t num_rows, size_t columns, void* sums);
  /** Below, x holds accumulators. out[l] = the tree down one column block: of x[l * lane_stride + r
   * * row_stride] over r < rows (at most kColumnBlock), for l < kTreeLanes. */
  void (*column_trees)(const void* x, size_t lane_stride, size_t row_stride, size_t rows,
                       void* out);
  /** out[i] = the tree along row i of `length` (at most kShortRow) elements, rows one after the
   * other. */
  void (*short_rows)(const void* x, size_t length, size_t rows, void* out);
  /** The first i < n with x[i] equal to *value (any NaN for a NaN), or n. */
  size_t (*find)(const void* x, size_t n, const void* value);
  /** For min and max: where rows[r][c] beats best[c], takes it and index[c] = first_row + r.
   * `index` has the width of an accumulator (32 bits for narrower ones). */
  void (*best_rows)(const void* const* rows, size_t num_rows, uint32_t first_row, size_t columns,
                    void* best, void* index);
};

/** The accumulator type of a storage type: float32 for 16-bit floats, 32 bits for small integers.
 */
Dtype reduce_accumulator(Dtype storage);

/** Kernels that read `storage` directly, or nullptr: then convert to the accumulator type first. */
const ReduceKernels* reduce_kernels(ReduceOp op, Dtype storage);

/** dst[i] = src[i * stride] converted to the accumulator type of `storage`. With `truth`, dst is
 * uint8: whether the element differs from zero. */
void load_accumulators(Dtype storage, bool truth, const void* src, int64_t stride, size_t n,
                       void* dst);

}  // namespace mlx::core::cpu
