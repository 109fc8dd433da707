// The table of GEMM micro-kernels and packers: one row per SIMD target, chosen at run time.
#pragma once

#include <cstdint>

#include "mlx/dtype.h"

namespace mlx::core::cpu {

/** A register-tiled product of small panels. `run` computes, for i < m and j < n,
 *    c[i * ldc + j] = (accumulate ? c[i * ldc + j] : 0) + sum over k of a(i, k) * b(k, j)
 * where a(i, k) = a[i * a_row + k * a_k] and b(k, j) = b[k * b_k + j]. Each element is one chain of
 * fused multiply-adds in the order of k, so tile and block sizes never change the bits.
 * m <= rows, n <= columns. With each step of k a vector or two at `soon`, which moves by soon_k,
 * are fetched into the cache, not further used. */
template <typename T>
struct MicroKernel {
  using Run = void (*)(int m, int n, int64_t k, const T* a, int64_t a_row, int64_t a_k, const T* b,
                       int64_t b_k, T* c, int64_t ldc, bool accumulate, const T* soon,
                       int64_t soon_k);
  const char* name;
  int rows;
  int columns;
  int lanes;  // of one vector; packed slivers of b are padded to a multiple of it
  Run run;
};

/** Steps of k that a micro-kernel's own b is best fetched ahead: it streams from the second-level
 * cache. */
inline constexpr int kStepsAhead = 16;

template <typename T>
const MicroKernel<T>& micro_kernel();
template <>
const MicroKernel<float>& micro_kernel<float>();
template <>
const MicroKernel<double>& micro_kernel<double>();

/** Elements that packers and micro-kernels may touch past the end of a packed buffer. */
inline constexpr int64_t kPackSlack = 64;

/** Packs one sliver: dst[k * width + i] = src[i * lane_stride + k * depth_stride] for i < lanes,
 * k < depth, converted to T. Up to kPackSlack elements past each row's lanes are overwritten with
 * garbage, in order of k; so a sliver is packed before the one that follows it in memory. */
void pack_sliver(float* dst, int width, const void* src, Dtype dtype, int64_t lane_stride,
                 int64_t depth_stride, int lanes, int64_t depth);
void pack_sliver(double* dst, int width, const void* src, Dtype dtype, int64_t lane_stride,
                 int64_t depth_stride, int lanes, int64_t depth);

/** What happens to a finished sum before it is stored: out = alpha * sum + beta * addend. */
struct Epilogue {
  float alpha = 1.0f;
  float beta = 0.0f;
  const void* addend = nullptr;  // of the output's dtype; read only if beta != 0
  int64_t addend_row_stride = 0;
  int64_t addend_column_stride = 0;
};

/** Stores a tile of finished sums (rows x columns, ld apart) as `dtype`, one rounding. */
void store_tile(void* out, Dtype dtype, int64_t out_row_stride, const float* sums, int64_t ld,
                int64_t rows, int64_t columns, const Epilogue& epilogue);
void store_tile(double* out, int64_t out_row_stride, const double* sums, int64_t ld, int64_t rows,
                int64_t columns, const Epilogue& epilogue);

/** Converts `size` contiguous float16, bfloat16 or float32 elements to float, and back. */
void convert_to_float(float* dst, const void* src, Dtype dtype, int64_t size);
void convert_from_float(void* dst, Dtype dtype, const float* src, int64_t size);

}  // namespace mlx::core::cpu
