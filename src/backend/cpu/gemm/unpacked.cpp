// Products whose operands are read where they lie.
#include "backend/cpu/gemm/unpacked.h"

#include "backend/cpu/gemm/blocks.h"
#include "backend/cpu/gemm/gemv.h"
#include "backend/cpu/gemm/scratch.h"

namespace mlx::core::cpu {

namespace {

/** The memory of a product that is not much larger than its matrices. */
Upcoming<float> operands(int64_t m, int64_t n, int64_t k, const BatchProduct& product, int64_t ld) {
  Upcoming<float> result;
  auto add = [&](const void* data, int64_t rows, int64_t columns, int64_t row_stride,
                 int64_t column_stride) {
    const int64_t span = (rows - 1) * row_stride + (columns - 1) * column_stride + 1;
    if (row_stride >= 0 && column_stride >= 0 && span <= 2 * rows * columns) {
      result.add(static_cast<const float*>(data), span);
    }
  };
  add(product.a.data, m, k, product.a.row_stride, product.a.column_stride);
  add(product.b.data, k, n, product.b.row_stride, product.b.column_stride);
  add(product.out, m, n, ld, 1);
  return result;
}

}  // namespace

bool multiply_in_place(int64_t m, int64_t n, int64_t k, const Matrix& a, const Matrix& b,
                       float* out, int64_t ld, const BatchProduct* next) {
  constexpr int64_t kCached = 8192;  // elements: together with the other operand in the first level
  const MicroKernel<float>& kernel = micro_kernel<float>();
  if (m * k > kCached || n * k > kCached || b.column_stride != 1) return false;
  // Fetching in advance pays off where each element of b is used several times.
  const bool fetches = next != nullptr && m > kernel.rows;
  multiply_block<float>(kernel, m, n, k,
                        {static_cast<const float*>(a.data), kernel.rows * a.row_stride,
                         a.row_stride, a.column_stride},
                        {static_cast<const float*>(b.data), kernel.columns, 1, b.row_stride}, out,
                        ld, false, fetches ? operands(m, n, k, *next, ld) : Upcoming<float>());
  return true;
}

bool multiply_vector(int64_t m, int64_t n, int64_t k, const Matrix& a, const Matrix& b, void* out,
                     int64_t out_row_stride, const Epilogue& epilogue) {
  const bool row = m == 1;
  const int64_t size = row ? n : m;
  // w(i, k): the matrix with its results along the rows.
  const Matrix w = row ? Matrix{b.data, b.dtype, b.column_stride, b.row_stride} : a;
  const Matrix x =
      row ? Matrix{a.data, a.dtype, a.column_stride, 1} : Matrix{b.data, b.dtype, b.row_stride, 1};
  const bool rows_contiguous = w.column_stride == 1;
  if (!rows_contiguous && w.row_stride != 1) return false;
  float* values = thread_scratch<float>(ScratchUse::packed_a, k);
  float* sums = thread_scratch<float>(ScratchUse::tile, size);
  if (x.row_stride == 1) {
    convert_to_float(values, x.data, x.dtype, k);
  } else {
    const int64_t step = x.row_stride * static_cast<int64_t>(size_of(x.dtype));
    for (int64_t i = 0; i < k; ++i) {
      convert_to_float(values + i, static_cast<const char*>(x.data) + i * step, x.dtype, 1);
    }
  }
  gemv(sums, w.data, w.dtype, rows_contiguous, rows_contiguous ? w.row_stride : w.column_stride,
       size, k, values);
  if (row) {
    store_tile(out, a.dtype, out_row_stride, sums, size, 1, size, epilogue);
  } else if (out_row_stride == 1) {
    Epilogue turned = epilogue;
    turned.addend_column_stride = epilogue.addend_row_stride;
    store_tile(out, a.dtype, size, sums, size, 1, size, turned);
  } else {
    store_tile(out, a.dtype, out_row_stride, sums, 1, size, 1, epilogue);
  }
  return true;
}

}  // namespace mlx::core::cpu
