// The innermost loops of a matrix product: blocks of slivers handed to the micro-kernel.
#pragma once

#include <algorithm>
#include <cstdint>

#include "backend/cpu/gemm/kernels.h"

namespace mlx::core::cpu {

inline constexpr double kFlopsPerTask = 1e6;  // less is not worth handing over
inline constexpr double kFlopsAlone = 4e8;  // from here a matrix of a batch keeps all threads busy

inline int64_t div_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
inline int64_t round_up(int64_t a, int64_t b) { return div_up(a, b) * b; }

/** How micro-kernels find the elements of an operand's block. */
template <typename T>
struct Slivers {
  const T* data;
  int64_t sliver_stride;
  int64_t lane_stride;
  int64_t depth_stride;
};

/** Slivers of `width` lanes that a Packer wrote one after the other. */
template <typename T>
Slivers<T> packed_slivers(const T* data, int width, int64_t depth) {
  return {data, width * depth, 1, width};
}

/** Memory that the next product touches, fetched piece by piece while this one is computed. */
template <typename T>
class Upcoming {
 public:
  void add(const T* data, int64_t size) { parts_[count_++] = {data, data + size}; }

  /** The next piece, or null when all of them are on their way. */
  const T* take(int64_t size) {
    if (taken_ == count_) return nullptr;
    Part& part = parts_[taken_];
    const T* piece = part.begin;
    part.begin += size;
    if (part.begin >= part.end) ++taken_;
    return piece;
  }

 private:
  struct Part {
    const T* begin;
    const T* end;
  };
  Part parts_[3];
  int count_ = 0;
  int taken_ = 0;
};

/** c[rows x columns] (+)= a block * b block, sliver by sliver; the sliver of a is the reused one.
 */
template <typename T>
void multiply_block(const MicroKernel<T>& kernel, int64_t rows, int64_t columns, int64_t depth,
                    const Slivers<T>& a, const Slivers<T>& b, T* c, int64_t ldc, bool accumulate,
                    Upcoming<T> upcoming = {}) {
  for (int64_t i = 0; i < rows; i += kernel.rows) {
    const int m = static_cast<int>(std::min<int64_t>(kernel.rows, rows - i));
    const T* a_sliver = a.data + i / kernel.rows * a.sliver_stride;
    for (int64_t j = 0; j < columns; j += kernel.columns) {
      const int n = static_cast<int>(std::min<int64_t>(kernel.columns, columns - j));
      const T* b_sliver = b.data + j / kernel.columns * b.sliver_stride;
      const int64_t step = n > kernel.lanes ? kernel.columns : kernel.lanes;
      const T* soon = upcoming.take(depth * step);
      kernel.run(m, n, depth, a_sliver, a.lane_stride, a.depth_stride, b_sliver, b.depth_stride,
                 c + i * ldc + j, ldc, accumulate,
                 soon != nullptr ? soon : b_sliver + kStepsAhead * kernel.columns,
                 soon != nullptr ? step : b.depth_stride);
    }
  }
}

}  // namespace mlx::core::cpu
