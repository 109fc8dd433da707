// Block kernels that look for the place of an extremum.
#pragma once

#include <cstddef>
#include <cstdint>

#include "mlx/dtype.h"

namespace mlx::core::cpu {

struct SearchKernels {
  /** The first i < n with x[i] equal to *value, an accumulator (any NaN for a NaN), or n. */
  size_t (*find)(const void* x, size_t n, const void* value);
  /** Where rows[r][c] beats best[c], takes it and index[c] = first_row + r. `best` and `index` have
   * the width of accumulators. Memory `ahead` bytes further is asked for in advance. */
  void (*best_rows)(const void* const* rows, size_t num_rows, uint32_t first_row, size_t columns,
                    void* best, void* index, int64_t ahead);
};

/** Kernels that read `storage` directly: a type of four bytes or more, or a 16-bit float. Complex
 * numbers have `find` only. */
const SearchKernels* search_kernels(bool min, Dtype storage);

}  // namespace mlx::core::cpu
