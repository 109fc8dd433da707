// Row and column kernels of the running reductions.
#pragma once

#include <cstddef>
#include <cstdint>

#include "mlx/dtype.h"

namespace mlx::core::cpu {

enum class ScanOp : uint8_t { sum, prod, min, max, log_add_exp };

/** How a scan runs: `reverse` from the end, `inclusive` with the element itself. `ahead` is how
 * many elements further on memory is asked for in advance. */
struct ScanMode {
  bool reverse;
  bool inclusive;
  bool stream;
  int64_t ahead;
};

/** The most columns that `rows` and `advance` take. */
constexpr size_t kMaxScanColumns = 64;

/** Kernels over rows of `columns` elements, each column a scan of its own. */
struct ScanKernels {
  /** Bytes of one carry (an accumulator). */
  size_t carry_size;
  /** Elements of a vector, of those that scan in vectors. */
  size_t lanes;
  void (*set_identity)(void* carries, size_t count);
  /** Scans rows that follow one another; the carries go in and come out updated. */
  void (*rows)(const void* x, size_t rows, size_t columns, void* out, void* carries, ScanMode mode);
  /** `count` scans of a few rows that follow one another, where is_short_scan. */
  void (*short_scans)(const void* x, size_t count, size_t rows, size_t columns, void* out,
                      ScanMode mode);
  /** One row of any number of columns; rows must be given in the order of the scan. */
  void (*step)(const void* x, size_t columns, void* out, void* carries, ScanMode mode);
  /** carries op= the reduction of the rows at x: to start a later segment. */
  void (*advance)(const void* x, size_t rows, size_t columns, void* carries);
  /** result = a op b, of `count` carries. */
  void (*combine)(const void* a, const void* b, size_t count, void* result);
};

/** Whether scans fit a vector, or fill a few. */
constexpr bool is_short_scan(size_t lanes, size_t rows, size_t columns) {
  if (rows * columns <= lanes) return true;
  if (columns < 2 || columns * 2 > lanes) return false;
  const size_t used = lanes / columns;  // rows of a vector
  return rows % used == 0 && rows / used <= 16;
}

const ScanKernels& scan_kernels(ScanOp op, Dtype dtype);

}  // namespace mlx::core::cpu
