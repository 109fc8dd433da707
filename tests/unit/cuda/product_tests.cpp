// Matrix products and quantised products on the (stand-in) GPU, against the CPU backend.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "fake_gpu.h"

namespace mlx::core {

namespace {

array random_array(Shape shape, Dtype dtype = float32) {
  static std::mt19937 generator(11);
  std::normal_distribution<float> normal;
  std::vector<float> v(shape.empty() ? 1 : 1);
  size_t n = 1;
  for (int d : shape) n *= d;
  v.resize(n);
  for (auto& x : v) x = normal(generator);
  return array(v.begin(), std::move(shape), dtype);
}

void expect_same(const array& gpu, const array& cpu, double tolerance) {
  ASSERT_EQ(gpu.shape(), cpu.shape());
  auto a = values<float>(astype(gpu, float32, Device::cpu));
  auto b = values<float>(astype(cpu, float32, Device::cpu));
  for (size_t i = 0; i < a.size(); ++i)
    ASSERT_NEAR(a[i], b[i], tolerance * (1 + std::abs(b[i]))) << "at " << i;
}

}  // namespace

TEST(CudaProduct, MultipliesAllLayouts) {
  Stream s = gpu_stream();
  for (auto [m, n, k] :
       {std::tuple{7, 9, 5}, {1, 33, 64}, {33, 1, 64}, {3, 40, 128}, {64, 2, 31}, {12, 16, 1}}) {
    for (int layout = 0; layout < 4; ++layout) {
      array a = layout & 1 ? swapaxes(random_array({k, m}), 0, 1, s) : random_array({m, k});
      array b = layout & 2 ? swapaxes(random_array({n, k}), 0, 1, s) : random_array({k, n});
      expect_same(matmul(a, b, s), matmul(a, b, Device::cpu), 1e-5);
    }
  }
}

TEST(CudaProduct, MultipliesBatchesAndDtypes) {
  Stream s = gpu_stream();
  expect_same(
      matmul(random_array({2, 3, 5, 8}), random_array({8, 6}), s).shape() == Shape{2, 3, 5, 6}
          ? array(1.0f)
          : array(0.0f),
      array(1.0f), 0);
  for (auto [sa, sb] : {std::pair{Shape{4, 5, 8}, Shape{4, 8, 6}},
                        {Shape{4, 5, 8}, Shape{8, 6}},
                        {Shape{2, 1, 5, 8}, Shape{3, 8, 6}},
                        {Shape{3, 1, 8}, Shape{3, 8, 6}}}) {
    array a = random_array(sa), b = random_array(sb);
    expect_same(matmul(a, b, s), matmul(a, b, Device::cpu), 1e-5);
  }
  array backwards = slice(random_array({3, 6, 8}), {2, 0, 0}, {-4, 6, 8}, {-1, 1, 1}, s);
  array right = random_array({3, 8, 7});
  expect_same(matmul(backwards, right, s), matmul(backwards, right, Device::cpu), 1e-5);
  for (Dtype dtype : {float16, bfloat16, float64, complex64}) {
    array a = random_array({6, 32}, dtype), b = random_array({32, 10}, dtype);
    expect_same(matmul(a, b, s), matmul(a, b, Device::cpu), dtype == bfloat16 ? 2e-2 : 2e-3);
  }
}

/** Few rows beside many of 16-bit floats: on tensor cores, where vectors fit. */
TEST(CudaProduct, MultipliesFewRowsByALargeMatrix) {
  Stream s = gpu_stream();
  for (auto [m, n, k] : {std::tuple{2, 4100, 40}, {5, 8200, 24}, {8, 4097, 264}, {3, 4100, 36}}) {
    for (Dtype dtype : {float16, bfloat16}) {
      const double tolerance = dtype == bfloat16 ? 3e-2 : 4e-3;
      array x = random_array({m, k}, dtype), w = random_array({n, k}, dtype);
      array c = random_array({m, n}, dtype);
      array wt = swapaxes(w, 0, 1, s), xt = swapaxes(x, 0, 1, s), ct = swapaxes(c, 0, 1, s);
      expect_same(matmul(x, wt, s), matmul(x, wt, Device::cpu), tolerance);
      expect_same(addmm(ct, w, xt, 0.5f, 2.0f, s), addmm(ct, w, xt, 0.5f, 2.0f, Device::cpu),
                  tolerance);
    }
  }
}

TEST(CudaProduct, AddsWithBroadcastAddend) {
  Stream s = gpu_stream();
  array a = random_array({9, 16}), b = random_array({16, 12});
  for (array c : {random_array({9, 12}), random_array({12}), random_array({9, 1})}) {
    expect_same(addmm(c, a, b, 0.5f, 2.0f, s), addmm(c, a, b, 0.5f, 2.0f, Device::cpu), 1e-5);
  }
  array x = random_array({1, 16}), bias = random_array({12});
  expect_same(addmm(bias, x, b, 1.0f, 1.0f, s), addmm(bias, x, b, 1.0f, 1.0f, Device::cpu), 1e-5);
}

TEST(CudaProduct, QuantizesLikeTheCpu) {
  Stream s = gpu_stream();
  array w = random_array({8, 256});
  for (int bits : {2, 3, 4, 5, 6, 8}) {
    for (int group : {32, 64, 128}) {
      auto gpu = quantize(w, group, bits, "affine", std::nullopt, s);
      auto cpu = quantize(w, group, bits, "affine", std::nullopt, Device::cpu);
      EXPECT_EQ(values<uint32_t>(gpu[0]), values<uint32_t>(cpu[0])) << bits << " " << group;
      expect_same(gpu[1], cpu[1], 1e-6);
      auto back =
          dequantize(gpu[0], gpu[1], gpu[2], group, bits, "affine", std::nullopt, std::nullopt, s);
      auto want = dequantize(cpu[0], cpu[1], cpu[2], group, bits, "affine", std::nullopt,
                             std::nullopt, Device::cpu);
      expect_same(back, want, 1e-6);
    }
  }
}

TEST(CudaProduct, MultipliesQuantisedMatrices) {
  Stream s = gpu_stream();
  for (auto [bits, group, dtype] : {std::tuple{4, 64, float32},
                                    {4, 32, bfloat16},
                                    {8, 64, float16},
                                    {8, 32, bfloat16},
                                    {2, 128, bfloat16},
                                    {4, 64, float16},
                                    {2, 64, float32},
                                    {8, 128, float32},
                                    {3, 32, float32},
                                    {6, 64, bfloat16}}) {
    array w = random_array({21, 2176}, dtype);
    auto q = quantize(w, group, bits, "affine", std::nullopt, Device::cpu);
    for (int rows : {1, 2, 3, 4, 8, 11, 20, 33}) {
      array x = random_array({rows, w.shape(1)}, dtype);
      array gpu = quantized_matmul(x, q[0], q[1], q[2], true, group, bits, "affine", s);
      array cpu = quantized_matmul(x, q[0], q[1], q[2], true, group, bits, "affine", Device::cpu);
      expect_same(gpu, cpu, dtype == float32 ? 2e-4 : dtype == float16 ? 2e-2 : 0.15);
    }
    array many = random_array({4100, 128}, dtype);
    auto qm = quantize(many, group, bits, "affine", std::nullopt, Device::cpu);
    array few = random_array({3, 128}, dtype);
    expect_same(
        quantized_matmul(few, qm[0], qm[1], qm[2], true, group, bits, "affine", s),
        quantized_matmul(few, qm[0], qm[1], qm[2], true, group, bits, "affine", Device::cpu),
        dtype == float32   ? 2e-4
        : dtype == float16 ? 2e-2
                           : 0.15);
    array x = random_array({3, 21}, dtype);
    expect_same(quantized_matmul(x, q[0], q[1], q[2], false, group, bits, "affine", s),
                quantized_matmul(x, q[0], q[1], q[2], false, group, bits, "affine", Device::cpu),
                dtype == float32 ? 1e-4 : 6e-2);
  }
}

}  // namespace mlx::core
