// Runs the products on every SIMD target of this machine: the bits of dense ones must agree, and
// all results be near.
#include <gtest/gtest.h>
#include <hwy/highway.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "backend/cpu/gemm/gemm.h"

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

}  // namespace
}  // namespace mlx::core::cpu
