// Products whose operands are read where they lie.
#include "backend/cpu/gemm/unpacked.h"

#include "backend/cpu/gemm/blocks.h"
#include "backend/cpu/gemm/gemv.h"
#include "backend/cpu/gemm/scratch.h"

namespace mlx::core::cpu {

bool multiply_in_place(int64_t m, int64_t n, int64_t k, const Matrix& a, const Matrix& b,
                       float* out, int64_t ld) {
  constexpr int64_t kCached = 8192;  // elements: together with the other operand in the first level
  const MicroKernel<float>& kernel = micro_kernel<float>();
  if (m * k > kCached || n * k > kCached || b.column_stride != 1) return false;
  multiply_block<float>(kernel, m, n, k,
                        {static_cast<const float*>(a.data), kernel.rows * a.row_stride,
                         a.row_stride, a.column_stride},
                        {static_cast<const float*>(b.data), kernel.columns, 1, b.row_stride}, out,
                        ld, false);
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
