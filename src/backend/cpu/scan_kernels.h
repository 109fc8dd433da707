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

struct ScanKernels {
  /** Bytes of one carry (an accumulator). */
  size_t carry_size;
  void (*set_identity)(void* carries, size_t count);
  /** Scans a row of n elements; `carry` goes in and comes out updated. */
  void (*row)(const void* x, size_t n, void* out, void* carry, ScanMode mode);
  /** One step of `columns` scans side by side; rows must be given in the order of the scan. */
  void (*step)(const void* x, size_t columns, void* out, void* carries, ScanMode mode);
  /** carry op= the reduction of the n elements at x: to start a later segment. */
  void (*advance)(const void* x, size_t n, void* carry);
  /** result = a op b, of carries. */
  void (*combine)(const void* a, const void* b, void* result);
};

const ScanKernels& scan_kernels(ScanOp op, Dtype dtype);

}  // namespace mlx::core::cpu
