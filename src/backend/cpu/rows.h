// Arrays seen as rows along their last axis: layout, output buffers, splitting by shape.
#pragma once

#include "backend/cpu/strided.h"
#include "base/function_ref.h"
#include "mlx/array.h"

namespace mlx::core::cpu {

/** Rows whose elements are next to one another; the rows themselves may be anywhere. */
struct Rows {
  array x;        // the input, or a contiguous copy of it
  Dims kept;      // the axes before the last
  int64_t count;  // of rows
  int64_t length;

  /** The address of row i. */
  const char* row(int64_t i) const {
    return x.data<char>() + offset_at(kept, i) * static_cast<int64_t>(x.itemsize());
  }
};

/** Views `x` as rows, copying it only when its last axis is strided. A 0-d array is one row. */
Rows as_rows(const array& x);

/** `x` itself, or a row-contiguous copy. */
array row_contiguous(const array& x);

/** Gives `out` a row-contiguous buffer: the one of `in` when nobody else uses it and the sizes
 * agree. */
void allocate_like(const array& in, array& out);
void allocate(array& out);

/** Rows that one task should take, by their length only. */
int64_t rows_per_task(int64_t length);

/** Calls row(i) for all rows of `length` elements, in parallel. */
void parallel_rows(int64_t count, int64_t length,
                   FunctionRef<void(int64_t begin, int64_t end)> rows);

}  // namespace mlx::core::cpu
