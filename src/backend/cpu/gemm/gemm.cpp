// The matrix product of dense operands: which way a shape and dtype take.
#include "backend/cpu/gemm/gemm.h"

#include <algorithm>

#include "backend/cpu/gemm/complex.h"
#include "backend/cpu/gemm/product.h"
#include "backend/cpu/gemm/unpacked.h"
#include "base/errors.h"
#include "base/thread_pool.h"
#include "mlx/types/complex.h"

namespace mlx::core::cpu {

namespace {

constexpr int64_t kSetStride = 4096;  // rows so far apart compete for the same cache lines

/** Whether packing a would cost more than its order in memory does. */
bool is_read_in_place(int64_t m, int64_t n, int64_t k, const Matrix& a) {
  if (2.0 * m * n * k > kFlopsAlone) return false;
  return a.row_stride == 1 ||
         (a.column_stride == 1 && a.row_stride * size_of(a.dtype) % kSetStride != 0);
}

template <typename T>
void gemm_dense(int64_t m, int64_t n, int64_t k, const Matrix& a, const Matrix& b, void* out,
                int64_t out_row_stride, const Epilogue& epilogue, const BatchProduct* next) {
  const bool plain = epilogue.alpha == 1.0f && epilogue.beta == 0.0f;
  const bool direct = plain && size_of(a.dtype) == sizeof(T);
  T* direct_out = direct ? static_cast<T*>(out) : nullptr;
  if constexpr (std::is_same_v<T, float>) {
    if ((m == 1 || n == 1) && multiply_vector(m, n, k, a, b, out, out_row_stride, epilogue)) {
      return;
    }
    if (direct && a.dtype == float32 &&
        multiply_in_place(m, n, k, a, b, direct_out, out_row_stride, next)) {
      return;
    }
  }
  const Matrix b_lanes{b.data, b.dtype, b.column_stride, b.row_stride};
  auto pack_a = [&](T* dst, int width, int64_t first, int64_t count, int64_t k0, int64_t depth) {
    pack_dense(dst, width, a, first, count, k0, depth);
  };
  auto pack_b = [&](T* dst, int width, int64_t first, int64_t count, int64_t k0, int64_t depth) {
    pack_dense(dst, width, b_lanes, first, count, k0, depth);
  };
  auto store = [&](const T* sums, int64_t ld, int64_t row, int64_t rows, int64_t column,
                   int64_t columns) {
    Epilogue part = epilogue;
    const int64_t size = size_of(a.dtype);
    if (part.beta != 0.0f) {
      part.addend = static_cast<const char*>(part.addend) +
                    (row * part.addend_row_stride + column * part.addend_column_stride) * size;
    }
    char* target = static_cast<char*>(out) + (row * out_row_stride + column) * size;
    if constexpr (std::is_same_v<T, float>) {
      store_tile(target, a.dtype, out_row_stride, sums, ld, rows, columns, part);
    } else {
      store_tile(reinterpret_cast<double*>(target), out_row_stride, sums, ld, rows, columns, part);
    }
  };
  ProductParts<T> parts{m, n, k, pack_a, pack_b, store, direct_out, out_row_stride};
  if (size_of(a.dtype) == sizeof(T) && is_read_in_place(m, n, k, a)) {
    const int64_t sliver = micro_kernel<T>().rows * a.row_stride;
    parts.a_in_place = {static_cast<const T*>(a.data), sliver, a.row_stride, a.column_stride};
  }
  multiply_blocked(parts);
}

/** The value of an empty sum, with the epilogue applied. */
void fill_empty_product(int64_t m, int64_t n, Dtype dtype, void* out, int64_t out_row_stride,
                        const Epilogue& epilogue) {
  const size_t size = size_of(dtype);
  char zero[16] = {};
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      char* target = static_cast<char*>(out) + (i * out_row_stride + j) * size;
      Epilogue part = epilogue;
      part.addend = static_cast<const char*>(epilogue.addend) +
                    (i * epilogue.addend_row_stride + j * epilogue.addend_column_stride) * size;
      if (epilogue.beta == 0.0f) {
        std::copy(zero, zero + size, target);
      } else if (dtype == float64) {
        const double sum = 0;
        store_tile(reinterpret_cast<double*>(target), 1, &sum, 1, 1, 1, part);
      } else if (dtype == complex64) {
        const auto extra = *static_cast<const complex64_t*>(part.addend);
        *reinterpret_cast<complex64_t*>(target) =
            complex64_t{epilogue.beta * extra.real(), epilogue.beta * extra.imag()};
      } else {
        const float sum = 0;
        store_tile(target, dtype, 1, &sum, 1, 1, 1, part);
      }
    }
  }
}

}  // namespace

template <typename T>
void pack_dense(T* dst, int width, const Matrix& source, int64_t first, int64_t count, int64_t k0,
                int64_t depth) {
  const int64_t size = size_of(source.dtype);
  const char* origin = static_cast<const char*>(source.data) +
                       (first * source.row_stride + k0 * source.column_stride) * size;
  auto pack_part = [&](int64_t s, int64_t k, int64_t part) {
    const void* src = origin + (s * source.row_stride + k * source.column_stride) * size;
    T* sliver = dst + s * depth + k * width;
    const int lanes = static_cast<int>(std::min<int64_t>(width, count - s));
    pack_sliver(sliver, width, src, source.dtype, source.row_stride, source.column_stride, lanes,
                part);
  };
  // Rows that are contiguous along the lanes are read whole, a few at a time, as they lie in
  // memory.
  const int64_t step = source.row_stride == 1 && width % 4 == 0 ? 16 : depth;
  for (int64_t k = 0; k < depth; k += step) {
    for (int64_t s = 0; s < count; s += width) pack_part(s, k, std::min(step, depth - k));
  }
}

void gemm_batch(int64_t batch, int64_t m, int64_t n, int64_t k, int64_t out_row_stride,
                FunctionRef<BatchProduct(int64_t)> product_of) {
  auto multiply = [&](int64_t begin, int64_t end) {
    if (begin == end) return;
    BatchProduct next = product_of(begin);
    for (int64_t i = begin; i < end; ++i) {
      const BatchProduct one = next;
      if (i + 1 < end) next = product_of(i + 1);
      gemm(m, n, k, one.a, one.b, one.out, out_row_stride, one.epilogue,
           i + 1 < end ? &next : nullptr);
    }
  };
  const double flops = 2.0 * m * n * k;
  if (batch * flops < 2 * kFlopsPerTask || flops > kFlopsAlone || batch < num_threads()) {
    return multiply(0, batch);
  }
  constexpr int64_t kTasksPerThread = 16;
  const int64_t grain = std::max<int64_t>(static_cast<int64_t>(kFlopsPerTask / flops),
                                          batch / (kTasksPerThread * num_threads()));
  parallel_ranges(batch, std::max<int64_t>(1, grain), multiply);
}

template void pack_dense(float*, int, const Matrix&, int64_t, int64_t, int64_t, int64_t);
template void pack_dense(double*, int, const Matrix&, int64_t, int64_t, int64_t, int64_t);

void gemm_packed(int64_t m, int64_t n, int64_t k, Packer<float> pack_a, Packer<float> pack_b,
                 Store<float> store) {
  multiply_blocked(ProductParts<float>{m, n, k, pack_a, pack_b, store});
}

void gemm_packed(int64_t m, int64_t n, int64_t k, Packer<double> pack_a, Packer<double> pack_b,
                 Store<double> store) {
  multiply_blocked(ProductParts<double>{m, n, k, pack_a, pack_b, store});
}

void gemm(int64_t m, int64_t n, int64_t k, const Matrix& a, const Matrix& b, void* out,
          int64_t out_row_stride, const Epilogue& epilogue, const BatchProduct* next) {
  internal_check(a.dtype == b.dtype, "gemm operands have different dtypes");
  if (m == 0 || n == 0) return;
  if (k == 0) return fill_empty_product(m, n, a.dtype, out, out_row_stride, epilogue);
  switch (a.dtype.val()) {
    case Dtype::Val::float16:
    case Dtype::Val::bfloat16:
    case Dtype::Val::float32:
      return gemm_dense<float>(m, n, k, a, b, out, out_row_stride, epilogue, next);
    case Dtype::Val::float64:
      return gemm_dense<double>(m, n, k, a, b, out, out_row_stride, epilogue, next);
    case Dtype::Val::complex64:
      return gemm_complex(m, n, k, a, b, static_cast<complex64_t*>(out), out_row_stride, epilogue);
    default:
      throw_internal("gemm of an integer dtype");
  }
}

}  // namespace mlx::core::cpu
