// The kernels of matrix-vector products.
#include "backend/cpu/gemm/gemv.h"

#include <algorithm>
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/gemm/gemv.simd.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "backend/cpu/simd/memory-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {
namespace {

using FloatTag = hn::ScalableTag<float>;
using Floats = hn::Vec<FloatTag>;
constexpr int64_t kWidth = static_cast<int64_t>(hn::MaxLanes(FloatTag()));

constexpr int64_t kPrefetch = 1024;  // bytes ahead: memory answers late

template <typename S>
HWY_INLINE void prefetch(const S* p) {
  __builtin_prefetch(reinterpret_cast<const char*>(p) + kPrefetch);
}

// kRows rows at once share the loads of x; each has two chains, whatever the number of rows.
template <int kRows, typename S>
HWY_INLINE void dot_group(float* y, const S* rows, int64_t stride, int64_t k, const float* x) {
  const FloatTag d;
  Floats even[kRows];
  Floats odd[kRows];
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) even[r] = odd[r] = hn::Zero(d);
  int64_t i = 0;
  for (; i + 2 * kWidth <= k; i += 2 * kWidth) {
    const auto x0 = hn::LoadU(d, x + i);
    const auto x1 = hn::LoadU(d, x + i + kWidth);
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      const S* row = rows + r * stride + i;
      prefetch(row);
      if (sizeof(S) == 4) prefetch(row + kWidth);
      even[r] = hn::MulAdd(load_float(d, row), x0, even[r]);
      odd[r] = hn::MulAdd(load_float(d, row + kWidth), x1, odd[r]);
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
    float sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(even[r], odd[r])));
    for (int64_t j = i; j < k; ++j) {
      sum = std::fma(static_cast<float>(rows[r * stride + j]), x[j], sum);
    }
    y[r] = sum;
  }
}

template <typename S>
void dot_rows_of(float* y, const S* rows, int64_t stride, int64_t num_rows, int64_t k,
                 const float* x) {
  int64_t i = 0;
  for (; i + 4 <= num_rows; i += 4) dot_group<4>(y + i, rows + i * stride, stride, k, x);
  for (; i < num_rows; ++i) dot_group<1>(y + i, rows + i * stride, stride, k, x);
}

// kRows rows are added in one pass over y, in order.
template <int kRows, typename S>
HWY_INLINE void add_group(float* y, const S* rows, int64_t stride, int64_t n, const float* x) {
  const FloatTag d;
  Floats factor[kRows];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) factor[r] = hn::Set(d, x[r]);
  int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    auto sum = hn::LoadU(d, y + i);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      sum = hn::MulAdd(factor[r], load_float(d, rows + r * stride + i), sum);
    }
    hn::StoreU(sum, d, y + i);
  }
  for (; i < n; ++i) {
    float sum = y[i];
    for (int r = 0; r < kRows; ++r) {
      sum = std::fma(x[r], static_cast<float>(rows[r * stride + i]), sum);
    }
    y[i] = sum;
  }
}

template <typename S>
void add_rows_of(float* y, const S* rows, int64_t stride, int64_t num_rows, int64_t n,
                 const float* x) {
  int64_t j = 0;
  for (; j + 8 <= num_rows; j += 8) add_group<8>(y, rows + j * stride, stride, n, x + j);
  for (; j < num_rows; ++j) add_group<1>(y, rows + j * stride, stride, n, x + j);
}

void dot_rows(float* y, const void* rows, Dtype dtype, int64_t stride, int64_t num_rows, int64_t k,
              const float* x) {
  switch (dtype.val()) {
    case Dtype::Val::float16:
      return dot_rows_of(y, static_cast<const float16_t*>(rows), stride, num_rows, k, x);
    case Dtype::Val::bfloat16:
      return dot_rows_of(y, static_cast<const bfloat16_t*>(rows), stride, num_rows, k, x);
    default:
      return dot_rows_of(y, static_cast<const float*>(rows), stride, num_rows, k, x);
  }
}

void add_rows(float* y, const void* rows, Dtype dtype, int64_t stride, int64_t num_rows, int64_t n,
              const float* x) {
  switch (dtype.val()) {
    case Dtype::Val::float16:
      return add_rows_of(y, static_cast<const float16_t*>(rows), stride, num_rows, n, x);
    case Dtype::Val::bfloat16:
      return add_rows_of(y, static_cast<const bfloat16_t*>(rows), stride, num_rows, n, x);
    default:
      return add_rows_of(y, static_cast<const float*>(rows), stride, num_rows, n, x);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mlx::core::cpu {

HWY_EXPORT(dot_rows);
HWY_EXPORT(add_rows);

void dot_dense_rows(float* y, const void* rows, Dtype dtype, int64_t stride, int64_t num_rows,
                    int64_t k, const float* x) {
  HWY_DYNAMIC_DISPATCH(dot_rows)(y, rows, dtype, stride, num_rows, k, x);
}

void add_scaled_rows(float* y, const void* rows, Dtype dtype, int64_t stride, int64_t num_rows,
                     int64_t n, const float* x) {
  HWY_DYNAMIC_DISPATCH(add_rows)(y, rows, dtype, stride, num_rows, n, x);
}

}  // namespace mlx::core::cpu
#endif
