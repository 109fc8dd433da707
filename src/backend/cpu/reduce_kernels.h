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
  /** out[r] = the tree along a block of n (at most kRowBlock) elements from x[r * stride]. */
  void (*row_trees)(const void* x, size_t n, int64_t stride, size_t rows, void* out);
  /** sums[c] op= rows[r][c] for c < columns: kRowGroup rows as a tree, fewer one after the other.
   * Memory `ahead` bytes further is asked for in advance. */
  void (*accumulate_rows)(const void* const* rows, size_t num_rows, size_t columns, void* sums,
                          int64_t ahead);
  /** totals[i] op= x[i], x being accumulators. Totals of float32 sums and products are float64, so
   * that the error stays that of one block; others are accumulators. */
  void (*accumulate_totals)(const void* x, size_t n, void* totals);
  /** Below, x holds accumulators. out[l] = the tree down one column block: of x[l * lane_stride + r
   * * row_stride] over r < rows (at most kColumnBlock), for l < kTreeLanes. */
  void (*column_trees)(const void* x, int64_t lane_stride, int64_t row_stride, size_t rows,
                       void* out);
  /** out[i] = the tree along row i of `length` (at most kShortRow) elements, rows one after the
   * other. */
  void (*short_rows)(const void* x, size_t length, size_t rows, void* out);
};

/** The type in which sums and products are accumulated: float32 for 16-bit floats, 32 bits for
 * small integers. */
Dtype reduce_accumulator(Dtype storage);
/** The same for any op: integers compare as they are. */
Dtype reduce_accumulator(ReduceOp op, Dtype storage);

/** Kernels that read `storage` directly, or nullptr: then convert to the accumulator type first. */
const ReduceKernels* reduce_kernels(ReduceOp op, Dtype storage);

/** dst[i] = src[i * stride] as `accumulator`; with bool_, whether it differs from zero. */
void load_accumulators(Dtype storage, Dtype accumulator, const void* src, int64_t stride, size_t n,
                       void* dst);

/** Kernels on complex64. */
const ReduceKernels* complex_reduce_kernels(ReduceOp op);

}  // namespace mlx::core::cpu
