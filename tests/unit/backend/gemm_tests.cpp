// Tests of the CPU matrix product: values against float64, and the bits under any split and path.
#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <cstring>
#include <random>
#include <vector>

#include "backend/cpu/gemm/gemm.h"
#include "base/thread_pool.h"
#include "mlx/types/complex.h"

namespace mlx::core::cpu {
namespace {

struct Case {
  int64_t m, n, k;
};
const std::vector<Case> kCases = {{1, 1, 1},     {1, 7, 5},     {3, 2, 129},  {7, 64, 7},
                                  {14, 32, 64},  {15, 33, 65},  {64, 64, 64}, {29, 100, 3},
                                  {97, 31, 400}, {110, 70, 60}, {5, 200, 900}};

template <typename T>
T random_value(std::mt19937& rng) {
  std::uniform_real_distribution<float> uniform(-1, 1);
  if constexpr (std::is_same_v<T, complex64_t>) {
    return T(uniform(rng), uniform(rng));
  } else {
    return T(uniform(rng));
  }
}

template <typename T>
struct Wide {
  using type = double;
};
template <>
struct Wide<complex64_t> {
  using type = std::complex<double>;
};

template <typename T>
typename Wide<T>::type widen(T value) {
  if constexpr (std::is_same_v<T, complex64_t>) {
    return {value.real(), value.imag()};
  } else {
    return static_cast<double>(value);
  }
}

// Element (i, j) of a matrix stored with some layout: row-major, transposed or with gaps.
struct Layout {
  int64_t row, column;
};
std::vector<Layout> layouts(int64_t rows, int64_t columns) {
  return {{columns, 1}, {1, rows}, {3 * columns + 2, 3}, {columns + 5, 1}};
}

template <typename T>
void check_values(Dtype dtype, double epsilon) {
  std::mt19937 rng(1);
  for (const auto& [m, n, k] : kCases) {
    for (const auto& la : layouts(m, k)) {
      for (const auto& lb : layouts(k, n)) {
        std::vector<T> a((m - 1) * la.row + (k - 1) * la.column + 1);
        std::vector<T> b((k - 1) * lb.row + (n - 1) * lb.column + 1);
        std::vector<T> extra(n);
        for (auto& v : a) v = random_value<T>(rng);
        for (auto& v : b) v = random_value<T>(rng);
        for (auto& v : extra) v = random_value<T>(rng);
        const int64_t ld = n + 3;
        std::vector<T> out(m * ld, T(77.0f)), scaled(m * ld);
        const Matrix ma{a.data(), dtype, la.row, la.column};
        const Matrix mb{b.data(), dtype, lb.row, lb.column};
        gemm(m, n, k, ma, mb, out.data(), ld);
        gemm(m, n, k, ma, mb, scaled.data(), ld,
             {.alpha = 0.5f,
              .beta = 2.0f,
              .addend = extra.data(),
              .addend_row_stride = 0,
              .addend_column_stride = 1});
        for (int64_t i = 0; i < m; ++i) {
          for (int64_t j = 0; j < n; ++j) {
            typename Wide<T>::type sum = 0;
            for (int64_t p = 0; p < k; ++p) {
              sum += widen(a[i * la.row + p * la.column]) * widen(b[p * lb.row + j * lb.column]);
            }
            const double bound = epsilon * (0.1 * double(k) + 4);
            ASSERT_LE(std::abs(widen(out[i * ld + j]) - sum), bound)
                << m << " " << n << " " << k << " at " << i << " " << j;
            ASSERT_LE(std::abs(widen(scaled[i * ld + j]) - (0.5 * sum + 2.0 * widen(extra[j]))),
                      2 * bound);
          }
          for (int64_t j = n; j < ld; ++j) ASSERT_EQ(widen(out[i * ld + j]), widen(T(77.0f)));
        }
      }
    }
  }
}

TEST(Gemm, Float32) { check_values<float>(float32, 1e-6); }
TEST(Gemm, Float16) { check_values<float16_t>(float16, 2e-3); }
TEST(Gemm, BFloat16) { check_values<bfloat16_t>(bfloat16, 1.6e-2); }
TEST(Gemm, Float64) { check_values<double>(float64, 1e-15); }
TEST(Gemm, Complex64) { check_values<complex64_t>(complex64, 2e-6); }

TEST(Gemm, EmptySums) {
  float extra[2] = {1, 2};
  float out[4] = {9, 9, 9, 9};
  gemm(2, 2, 0, {nullptr, float32, 1, 1}, {nullptr, float32, 1, 1}, out, 2,
       {.alpha = 1, .beta = 3, .addend = extra, .addend_row_stride = 0, .addend_column_stride = 1});
  EXPECT_EQ(out[1], 6);
  EXPECT_EQ(out[2], 3);
  gemm(2, 2, 0, {nullptr, float32, 1, 1}, {nullptr, float32, 1, 1}, out, 2);
  EXPECT_EQ(out[0], 0);
}

// Every element is one chain of fused multiply-adds, whatever the tiles, the packing and the
// threads.
TEST(Gemm, BitsAreThoseOfOneChain) {
  std::mt19937 rng(2);
  for (const auto& [m, n, k] : std::vector<Case>{{300, 200, 1000}, {40, 40, 40}, {9, 700, 900}}) {
    std::vector<float> a(m * k), b(k * n), one(m * n), many(m * n);
    for (auto& v : a) v = random_value<float>(rng);
    for (auto& v : b) v = random_value<float>(rng);
    const Matrix ma{a.data(), float32, k, 1};
    const Matrix mb{b.data(), float32, n, 1};
    const int threads = set_num_threads(1);
    gemm(m, n, k, ma, mb, one.data(), n);
    set_num_threads(4);
    gemm(m, n, k, ma, mb, many.data(), n);
    set_num_threads(threads);
    ASSERT_EQ(std::memcmp(one.data(), many.data(), one.size() * sizeof(float)), 0);
    if (micro_kernel<float>().lanes < 8) continue;  // no fused multiply-add on this machine
    for (int64_t i = 0; i < m; i += 7) {
      for (int64_t j = 0; j < n; j += 3) {
        float sum = 0;
        for (int64_t p = 0; p < k; ++p) sum = std::fma(a[i * k + p], b[p * n + j], sum);
        ASSERT_EQ(sum, one[i * n + j]);
      }
    }
  }
}

}  // namespace
}  // namespace mlx::core::cpu
