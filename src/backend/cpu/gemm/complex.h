// Products of complex matrices.
#pragma once

#include "backend/cpu/gemm/gemm.h"
#include "mlx/types/complex.h"

namespace mlx::core::cpu {

/** A complex product is a real one: a's numbers stay pairs along k, each of b becomes the 2x2
 * matrix [re im; -im re], and the sums come out as interleaved complex numbers. */
void gemm_complex(int64_t m, int64_t n, int64_t k, const Matrix& a, const Matrix& b,
                  complex64_t* out, int64_t out_row_stride, const Epilogue& epilogue);

}  // namespace mlx::core::cpu
