// Reads at computed places on the CPU: Gather, GatherAxis, DynamicSlice.
#pragma once

#include "backend/cpu/index_offsets.h"
#include "runtime/kernel_table.h"

namespace mlx::core::cpu {

/** Rows of `row_bytes` bytes, copied from `in + offsets[i]` (bytes) to consecutive places in `out`.
 * `streaming` writes past the caches. */
void copy_indexed_rows(const char* in, const int64_t* offsets, int64_t count, int64_t row_bytes,
                       char* out, bool streaming);

/** The index arrays of a gather or scatter into `target`, aligned to `index_shape`. */
std::vector<AxisIndices> make_axis_indices(const array& target, const array* indices,
                                           const std::vector<int>& axes, const Shape& slice_sizes,
                                           const Shape& index_shape);

/** The offset of the slice of `target` whose starts along `axes` are in the array `start`. If it
 * does not fit, the nearest slice that does, or kDropped. */
int64_t dynamic_slice_offset(const array& target, const Strides& strides, const array& start,
                             const std::vector<int>& axes, const Shape& slice_size,
                             OutOfRange rule);

void register_gather(KernelTable& table);

}  // namespace mlx::core::cpu
