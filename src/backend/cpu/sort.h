// Sorting kernels: stable, ascending, NaN after everything else, -0 equal to 0.
#pragma once

#include <cstdint>

#include "mlx/array.h"
#include "mlx/dtype.h"
#include "runtime/kernel_table.h"

namespace mlx::core::cpu {

/** Rows that lie along one axis of an array: row r starts at the offset that its coordinates in
 * `shape` (the other axes) give with the strides, and steps by the axis stride. Strides count
 * elements. */
struct AxisRows {
  Shape shape;
  Strides in_strides;
  Strides out_strides;
  int64_t length;
  int64_t in_axis_stride;
  int64_t out_axis_stride;
};

/** Sorts the elements of each row. `in` and `out` must not overlap. */
void sort_rows(Dtype dtype, const AxisRows& rows, const void* in, void* out);

/** Writes for each row the positions that sort it. Rows hold at most 2^32 elements. */
void argsort_rows(Dtype dtype, const AxisRows& rows, const void* in, uint32_t* out);

// The kernels below work on one contiguous row, in parallel if it is long.
void sort_row(Dtype dtype, const void* in, void* out, int64_t length);
void argsort_row(Dtype dtype, const void* in, uint32_t* out, int64_t length);

/** Puts the element that sorting would put at `kth` there, smaller ones before and larger ones
 * after it. */
void partition_row(Dtype dtype, const void* in, void* out, int64_t length, int64_t kth);
void argpartition_row(Dtype dtype, const void* in, uint32_t* out, int64_t length, int64_t kth);

/** A few rows of at most kMaxShortLength elements; strides and offsets count elements. */
struct ShortRows {
  int64_t num_rows;
  int64_t length;
  const int64_t* in_offsets;
  const int64_t* out_offsets;
  int64_t in_stride;
  int64_t out_stride;
};

/** Sorts short rows side by side, or returns false where a row needs sort_row. */
bool sort_short_rows(Dtype dtype, const ShortRows& rows, const void* in, void* out);
bool argsort_short_rows(Dtype dtype, const ShortRows& rows, const void* in, uint32_t* out);

constexpr int64_t kMaxShortLength = 128;

/** Rows from this length on are sorted by several threads each; shorter ones, one thread a row. */
constexpr int64_t kParallelSortLength = int64_t{1} << 17;

/** Sort, ArgSort, Partition, ArgPartition and SearchSorted. */
void register_sort(KernelTable& table);

}  // namespace mlx::core::cpu
