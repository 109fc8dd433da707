// Products of complex matrices: packers that turn them into real ones.
#include "backend/cpu/gemm/complex.h"

#include <algorithm>

namespace mlx::core::cpu {

void gemm_complex(int64_t m, int64_t n, int64_t k, const Matrix& a, const Matrix& b,
                  complex64_t* out, int64_t out_row_stride, const Epilogue& epilogue) {
  const float* a_data = static_cast<const float*>(a.data);
  const float* b_data = static_cast<const float*>(b.data);
  auto pack_a = [&](float* dst, int width, int64_t first, int64_t count, int64_t k0,
                    int64_t depth) {
    for (int64_t i = 0; i < count; ++i) {
      float* sliver = dst + i / width * depth * width + i % width;
      for (int64_t j = 0; j < depth; ++j) {
        const int64_t index = (first + i) * a.row_stride + (k0 + j) / 2 * a.column_stride;
        sliver[j * width] = a_data[2 * index + (k0 + j) % 2];
      }
    }
  };
  auto pack_b = [&](float* dst, int width, int64_t first, int64_t count, int64_t k0,
                    int64_t depth) {
    for (int64_t s = 0; s < count; s += width) {
      const int64_t lanes = std::min<int64_t>(width, count - s);
      for (int64_t j = 0; j < depth; j += 2, dst += 2 * width) {
        for (int64_t i = 0; i < lanes; i += 2) {
          const int64_t index = (first + s + i) / 2 * b.column_stride + (k0 + j) / 2 * b.row_stride;
          dst[i] = b_data[2 * index];
          dst[i + 1] = b_data[2 * index + 1];
          dst[width + i] = -b_data[2 * index + 1];
          dst[width + i + 1] = b_data[2 * index];
        }
      }
    }
  };
  auto store = [&](const float* sums, int64_t ld, int64_t row, int64_t rows, int64_t column,
                   int64_t columns) {
    const auto* addend = static_cast<const complex64_t*>(epilogue.addend);
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < columns; j += 2) {
        const int64_t r = row + i;
        const int64_t c = (column + j) / 2;
        float re = epilogue.alpha * sums[i * ld + j];
        float im = epilogue.alpha * sums[i * ld + j + 1];
        if (epilogue.beta != 0.0f) {
          const complex64_t extra =
              addend[r * epilogue.addend_row_stride + c * epilogue.addend_column_stride];
          re += epilogue.beta * extra.real();
          im += epilogue.beta * extra.imag();
        }
        out[r * out_row_stride + c] = complex64_t{re, im};
      }
    }
  };
  gemm_packed(m, 2 * n, 2 * k, pack_a, pack_b, Store<float>(store));
}

}  // namespace mlx::core::cpu
