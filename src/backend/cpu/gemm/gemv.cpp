// Products of a matrix and a vector: how they are cut into tasks.
#include "backend/cpu/gemm/gemv.h"

#include <algorithm>
#include <vector>

#include "base/thread_pool.h"

namespace mlx::core::cpu {

namespace {

constexpr int64_t kElementsPerTask = 1 << 16;  // of the matrix: less is not worth handing over
constexpr int64_t kDepthPart = 1 << 16;        // a long sum over few results is cut into such parts
constexpr int64_t kFewResults = 32;

const char* offset(const void* data, int64_t elements, Dtype dtype) {
  return static_cast<const char*>(data) + elements * static_cast<int64_t>(size_of(dtype));
}

/** Cuts the sum into parts fixed by its length, and adds these in order. */
void gemv_deep(float* y, const void* w, Dtype dtype, bool rows_contiguous, int64_t stride,
               int64_t n, int64_t k, const float* x) {
  const int64_t parts = (k + kDepthPart - 1) / kDepthPart;
  std::vector<float> partial(parts * n, 0.0f);
  parallel_for(parts, [&](int64_t p) {
    const int64_t k0 = p * kDepthPart;
    const int64_t depth = std::min(kDepthPart, k - k0);
    if (rows_contiguous) {
      dot_dense_rows(&partial[p * n], offset(w, k0, dtype), dtype, stride, n, depth, x + k0);
    } else {
      add_scaled_rows(&partial[p * n], offset(w, k0 * stride, dtype), dtype, stride, depth, n,
                      x + k0);
    }
  });
  std::fill(y, y + n, 0.0f);
  for (int64_t p = 0; p < parts; ++p) {
    for (int64_t i = 0; i < n; ++i) y[i] += partial[p * n + i];
  }
}

}  // namespace

void gemv(float* y, const void* w, Dtype dtype, bool rows_contiguous, int64_t stride, int64_t n,
          int64_t k, const float* x) {
  if (n <= kFewResults && k > 2 * kDepthPart) {
    return gemv_deep(y, w, dtype, rows_contiguous, stride, n, k, x);
  }
  if (rows_contiguous) {
    // Groups of four rows are read together.
    const int64_t grain = std::max<int64_t>(4, kElementsPerTask / k / 4 * 4);
    parallel_ranges(n, grain, [&](int64_t begin, int64_t end) {
      dot_dense_rows(y + begin, offset(w, begin * stride, dtype), dtype, stride, end - begin, k, x);
    });
    return;
  }
  // Columns of y are independent sums, so their cut may follow the number of threads.
  int64_t grain = n;
  if (n * k > 2 * kElementsPerTask) {
    const int64_t most = 8192 / static_cast<int64_t>(size_of(dtype));
    grain = std::clamp<int64_t>(n / num_threads() / 64 * 64, 256, most);
  }
  parallel_ranges(n, grain, [&](int64_t begin, int64_t end) {
    std::fill(y + begin, y + end, 0.0f);
    add_scaled_rows(y + begin, offset(w, begin, dtype), dtype, stride, k, end - begin, x);
  });
}

}  // namespace mlx::core::cpu
