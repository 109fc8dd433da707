// Products whose operands are read where they lie: one row or column, and small ones.
#pragma once

#include "backend/cpu/gemm/gemm.h"

namespace mlx::core::cpu {

/** Products so small that packing would cost more than it saves; false if this one is not. */
bool multiply_in_place(int64_t m, int64_t n, int64_t k, const Matrix& a, const Matrix& b,
                       float* out, int64_t ld, const BatchProduct* next = nullptr);

/** A product with one row or column; false if the matrix has no unit stride. */
bool multiply_vector(int64_t m, int64_t n, int64_t k, const Matrix& a, const Matrix& b, void* out,
                     int64_t out_row_stride, const Epilogue& epilogue);

}  // namespace mlx::core::cpu
