// Runs dense and quantised products on every SIMD target of this machine: all results must be near.
#include <gtest/gtest.h>
#include <hwy/highway.h>

#include <array>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "backend/cpu/gemm/gemm.h"
#include "backend/cpu/quantized_dot.h"

namespace mlx::core::cpu {
namespace {

std::vector<float> product(Dtype dtype) {
  const int64_t m = 37, n = 83, k = 450;
  std::mt19937 rng(1);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> a(m * k), b(k * n), c(m * n);
  for (auto& v : a) v = uniform(rng);
  for (auto& v : b) v = uniform(rng);
  std::vector<uint16_t> a16(a.size()), b16(b.size()), c16(c.size());
  if (dtype == float32) {
    gemm(m, n, k, {a.data(), dtype, k, 1}, {b.data(), dtype, n, 1}, c.data(), n);
    return c;
  }
  convert_from_float(a16.data(), dtype, a.data(), static_cast<int64_t>(a.size()));
  convert_from_float(b16.data(), dtype, b.data(), static_cast<int64_t>(b.size()));
  gemm(m, n, k, {a16.data(), dtype, k, 1}, {b16.data(), dtype, 1, k}, c16.data(), n);
  convert_to_float(c.data(), c16.data(), dtype, static_cast<int64_t>(c.size()));
  return c;
}

TEST(SimdTargets, DenseProductsAgree) {
  for (Dtype dtype : {float32, float16, bfloat16}) {
    const auto best = product(dtype);
    for (int64_t target : hwy::SupportedAndGeneratedTargets()) {
      hwy::SetSupportedTargetsForTest(target);
      const auto got = product(dtype);
      hwy::SetSupportedTargetsForTest(0);
      for (size_t i = 0; i < got.size(); ++i) {
        // Targets without a fused multiply-add round twice.
        ASSERT_NEAR(got[i], best[i], dtype == float32 ? 1e-4 : 0.1) << hwy::TargetName(target);
      }
    }
  }
}

TEST(SimdTargets, SmallProductsOfABatchAgree) {
  const int64_t batch = 37;
  for (const auto& [m, n, k] : {std::array<int64_t, 3>{64, 64, 64}, {33, 17, 20}, {8, 40, 3}}) {
    std::mt19937 rng(3);
    std::uniform_real_distribution<float> uniform(-1, 1);
    std::vector<float> a(batch * m * k), b(batch * k * n);
    for (auto& v : a) v = uniform(rng);
    for (auto& v : b) v = uniform(rng);
    for (int64_t target : hwy::SupportedAndGeneratedTargets()) {
      std::vector<float> c(batch * m * n);
      hwy::SetSupportedTargetsForTest(target);
      gemm_batch(batch, m, n, k, n, [&](int64_t i) {
        return BatchProduct{{a.data() + i * m * k, float32, k, 1},
                            {b.data() + i * k * n, float32, n, 1},
                            c.data() + i * m * n,
                            {}};
      });
      hwy::SetSupportedTargetsForTest(0);
      for (int64_t i = 0; i < batch * m * n; ++i) {
        const int64_t row = i / n;
        double sum = 0;
        for (int64_t p = 0; p < k; ++p) {
          sum += double(a[row * k + p]) * b[(row / m * k + p) * n + i % n];
        }
        ASSERT_NEAR(c[i], sum, 1e-4) << hwy::TargetName(target);
      }
    }
  }
}

TEST(SimdTargets, QuantizedRowsAgree) {
  const int64_t rows = 19, k = 1024;
  for (int bits : {2, 3, 4, 8}) {
    for (int group : {32, 64, 128}) {
      const QuantizedFormat format{bits, group};
      const int64_t stride = k * bits / 8, groups = k / group;
      std::mt19937 rng(bits * 1000 + group);
      std::uniform_real_distribution<float> uniform(-1, 1);
      std::vector<uint8_t> packed(rows * stride);
      std::vector<float> scales(rows * groups), biases(rows * groups), x(k);
      for (auto& byte : packed) byte = static_cast<uint8_t>(rng());
      for (auto* values : {&scales, &biases, &x}) {
        for (auto& v : *values) v = uniform(rng);
      }
      auto value = [&](int64_t row, int64_t i) {
        uint32_t code = 0;
        for (int64_t bit = 0; bit < bits; ++bit) {
          const int64_t at = i * bits + bit;
          code |= (packed[row * stride + at / 8] >> (at % 8) & 1u) << bit;
        }
        const int64_t g = row * groups + i / group;
        return double(scales[g]) * code + biases[g];
      };
      for (int64_t target : hwy::SupportedAndGeneratedTargets()) {
        hwy::SetSupportedTargetsForTest(target);
        std::vector<float> y(rows), scratch(prepared_size(k, format)), plain(k),
            sliver(k * 32 + 64);
        const PreparedVector prepared =
            prepare_vector(x.data(), float32, k, format, scratch.data());
        dot_rows(y.data(), prepared, k, packed.data(), stride, scales.data(), biases.data(),
                 groups * 4, float32, format, rows);
        dequantize_row(plain.data(), packed.data(), scales.data(), biases.data(), float32, format,
                       0, k);
        auto bytes = [](const auto& v) { return reinterpret_cast<const uint8_t*>(v.data()); };
        const QuantizedRows w{packed.data(), bytes(scales), bytes(biases), stride,
                              groups * 4,    float32,       format};
        const bool expanded = expand_quantized_rows(sliver.data(), 32, w, rows, 0, k);
        hwy::SetSupportedTargetsForTest(0);
        for (int64_t row = 0; row < rows; ++row) {
          double sum = 0, size = 0;
          for (int64_t i = 0; i < k; ++i) {
            const double v = value(row, i);
            sum += v * x[i];
            size += std::abs(v * x[i]);
            if (expanded) {
              ASSERT_NEAR(sliver[i * 32 + row], v, 1e-4) << hwy::TargetName(target);
            }
            if (row == 0) {
              ASSERT_NEAR(plain[i], v, 1e-4) << hwy::TargetName(target);
            }
          }
          ASSERT_NEAR(y[row], sum, 1e-6 * size) << hwy::TargetName(target) << " bits " << bits;
        }
      }
    }
  }
}

}  // namespace
}  // namespace mlx::core::cpu
