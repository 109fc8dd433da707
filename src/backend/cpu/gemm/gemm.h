// The one matrix product of the CPU: packed, blocked, register-tiled; packers are its only
// variation.
#pragma once

#include <cstdint>

#include "backend/cpu/gemm/kernels.h"
#include "base/function_ref.h"
#include "mlx/dtype.h"

namespace mlx::core::cpu {

/** A strided matrix of float16, bfloat16, float32, float64 or complex64; strides in elements. */
struct Matrix {
  const void* data;
  Dtype dtype;
  int64_t row_stride;
  int64_t column_stride;
};

/** One of several products of the same shape. */
struct BatchProduct {
  Matrix a;
  Matrix b;
  void* out;
  Epilogue epilogue;
};

/** out = alpha * (a @ b) + beta * addend for an (m x k) and a (k x n) matrix of the same dtype.
 * out has that dtype, unit column stride and out_row_stride. 16-bit floats are summed in float and
 * rounded once. The bits of the result depend only on the operands and the shape. Small products
 * fetch the operands of the `next` one meanwhile. */
void gemm(int64_t m, int64_t n, int64_t k, const Matrix& a, const Matrix& b, void* out,
          int64_t out_row_stride, const Epilogue& epilogue = {},
          const BatchProduct* next = nullptr);

/** Computes product_of(i) for i < batch: in parallel if the products are small, else one after the
 * other, each on all threads. */
void gemm_batch(int64_t batch, int64_t m, int64_t n, int64_t k, int64_t out_row_stride,
                FunctionRef<BatchProduct(int64_t)> product_of);

/** Packs the elements (first + i, k0 + j), i < count, j < depth, of an operand into slivers:
 *    dst[(i / width) * depth * width + j * width + i % width]
 * where i runs over the rows of a or the columns of b. Elements past `count` in the last sliver may
 * hold anything; kPackSlack elements past the end may be overwritten. Called from any thread. */
template <typename T>
using Packer =
    FunctionRef<void(T* dst, int width, int64_t first, int64_t count, int64_t k0, int64_t depth)>;

/** Where finished sums go: rows [row, row + rows) and columns [column, column + columns) of the
 * product, `ld` apart. Called once for each part of the product, from any thread. */
template <typename T>
using Store = FunctionRef<void(const T* sums, int64_t ld, int64_t row, int64_t rows, int64_t column,
                               int64_t columns)>;

/** The same product for operands only a packer knows: convolution patches, quantised weights. */
void gemm_packed(int64_t m, int64_t n, int64_t k, Packer<float> pack_a, Packer<float> pack_b,
                 Store<float> store);
void gemm_packed(int64_t m, int64_t n, int64_t k, Packer<double> pack_a, Packer<double> pack_b,
                 Store<double> store);

/** Packs a part of a dense operand as a Packer does; lane_stride is between rows of a or columns of
 * b, depth_stride along k. */
template <typename T>
void pack_dense(T* dst, int width, const Matrix& lanes_by_depth, int64_t first, int64_t count,
                int64_t k0, int64_t depth);

}  // namespace mlx::core::cpu
