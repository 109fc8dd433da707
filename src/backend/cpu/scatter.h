// Writes at computed places on the CPU: Scatter, ScatterAxis, MaskedScatter, SliceUpdate and
// DynamicSliceUpdate. The updates of one element are applied in order on any number of threads.
#pragma once

#include <cstdint>

#include "mlx/dtype.h"
#include "runtime/kernel_table.h"

namespace mlx::core::cpu {

enum class UpdateOp : uint8_t { assign, sum, prod, max, min };

/** The elements of a row of updates and the places they go to: `count` of them, strides in
 * elements. */
struct RowLayout {
  int64_t count;
  int64_t target_stride;
  int64_t update_stride;
};

/** Applies rows of updates in order: element j of row r, at updates[update_offsets[r] + j *
 * stride], to target[target_offsets[r] + j * stride]. Rows whose target offset is kDropped are left
 * out. */
void apply_rows(Dtype dtype, UpdateOp op, const RowLayout& row, void* target,
                const int64_t* target_offsets, const void* updates, const int64_t* update_offsets,
                int64_t num_rows);

void register_scatter(KernelTable& table);

}  // namespace mlx::core::cpu
