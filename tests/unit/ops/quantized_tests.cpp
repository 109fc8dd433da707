// Tests of quantisation: round trips, products against the expanded matrix, gradients, errors.
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <stdexcept>

#include "mlx/ops/elementwise.h"
#include "mlx/ops/matmul.h"
#include "mlx/ops/quantized.h"
#include "mlx/ops/shape.h"
#include "mlx/transforms.h"

namespace mlx::core {
namespace {

array normal(Shape shape, Dtype dtype = float32, int seed = 1) {
  size_t size = 1;
  for (int d : shape) size *= d;
  std::mt19937 rng(seed);
  std::normal_distribution<float> distribution;
  std::vector<float> values(size);
  for (auto& v : values) v = distribution(rng);
  return array(values.begin(), shape, dtype);
}

std::vector<float> values(const array& a) {
  array x = contiguous(a);
  x.eval();
  std::vector<float> out(x.size());
  for (size_t i = 0; i < out.size(); ++i) {
    if (x.dtype() == float16) out[i] = x.data<float16_t>()[i];
    if (x.dtype() == bfloat16) out[i] = x.data<bfloat16_t>()[i];
    if (x.dtype() == float32) out[i] = x.data<float>()[i];
  }
  return out;
}

void expect_near(const array& a, const array& b, float tolerance) {
  ASSERT_EQ(a.shape(), b.shape());
  auto x = values(a);
  auto y = values(b);
  for (size_t i = 0; i < x.size(); ++i) {
    ASSERT_NEAR(x[i], y[i], tolerance * (1 + std::abs(y[i]))) << "element " << i;
  }
}

TEST(Quantize, CodesReproduceTheValues) {
  for (int bits : {1, 2, 3, 4, 5, 6, 8}) {
    for (int group : {32, 64, 128}) {
      array w = normal({3, 256});
      auto parts = quantize(w, group, bits);
      EXPECT_EQ(parts[0].shape(), (Shape{3, 8 * bits}));
      EXPECT_EQ(parts[1].shape(), (Shape{3, 256 / group}));
      auto back = values(dequantize(parts[0], parts[1], parts[2], group, bits));
      auto scale = values(parts[1]);
      auto original = values(w);
      for (size_t i = 0; i < original.size(); ++i) {
        ASSERT_LE(std::abs(back[i] - original[i]), 1.001f * std::abs(scale[i / group]));
      }
    }
  }
}

TEST(QuantizedMatmul, EqualsTheExpandedProduct) {
  for (int bits : {2, 3, 4, 5, 6, 8}) {
    for (int group : {32, 64, 128}) {
      for (int k : {128, 384, 1152}) {
        array w = normal({70, k}, float32, bits);
        auto parts = quantize(w, group, bits);
        array full = dequantize(parts[0], parts[1], parts[2], group, bits);
        for (int m : {1, 3, 40}) {
          array x = normal({m, k}, float32, m);
          expect_near(quantized_matmul(x, parts[0], parts[1], parts[2], true, group, bits),
                      matmul(x, transpose(full)), 2e-4f);
        }
      }
      array w = normal({100, 256}, float32, 9);
      auto parts = quantize(w, group, bits);
      array full = dequantize(parts[0], parts[1], parts[2], group, bits);
      for (int m : {1, 33}) {
        array x = normal({m, 100});
        expect_near(quantized_matmul(x, parts[0], parts[1], parts[2], false, group, bits),
                    matmul(x, full), 1e-4f);
      }
    }
  }
}

TEST(QuantizedMatmul, SixteenBitTypesAndBatches) {
  for (Dtype dtype : {float16, bfloat16}) {
    const float tolerance = dtype == float16 ? 2e-3f : 1.6e-2f;
    array w = normal({2, 48, 128}, dtype);
    auto parts = quantize(w);
    array full = dequantize(parts[0], parts[1], parts[2]);
    EXPECT_EQ(full.dtype(), dtype);
    full = dequantize(parts[0], parts[1], parts[2], 64, 4, "affine", std::nullopt, float32);
    for (int m : {1, 20}) {
      array x = normal({2, m, 128}, dtype);
      array y = quantized_matmul(x, parts[0], parts[1], parts[2]);
      EXPECT_EQ(y.dtype(), dtype);
      expect_near(y, matmul(astype(x, float32), swapaxes(full, 1, 2)), tolerance);
    }
  }
  array w = normal({48, 128});
  auto parts = quantize(w);
  EXPECT_EQ(quantized_matmul(normal({128}), parts[0], parts[1], parts[2]).shape(), (Shape{48}));
  EXPECT_EQ(quantized_matmul(normal({2, 3, 128}), parts[0], parts[1], parts[2]).shape(),
            (Shape{2, 3, 48}));
}

TEST(QuantizedMatmul, Gradients) {
  array w = normal({48, 128});
  auto parts = quantize(w);
  array x = normal({5, 128});
  array seed = normal({5, 48}, float32, 3);
  auto quantized = [&](const std::vector<array>& in) {
    return std::vector<array>{quantized_matmul(in[0], parts[0], in[1], in[2])};
  };
  auto expanded = [&](const std::vector<array>& in) {
    array full = dequantize(parts[0], in[1], in[2]);
    return std::vector<array>{matmul(in[0], transpose(full))};
  };
  std::vector<array> at = {x, parts[1], parts[2]};
  auto got = vjp(quantized, at, {seed}).second;
  auto expected = vjp(expanded, at, {seed}).second;
  for (int i = 0; i < 3; ++i) expect_near(got[i], expected[i], 1e-3f);
}

TEST(Quantize, Errors) {
  array w = normal({4, 128});
  EXPECT_THROW(quantize(w, 16), std::invalid_argument);
  EXPECT_THROW(quantize(w, 64, 7), std::invalid_argument);
  EXPECT_THROW(quantize(w, 64, 4, "foo"), std::invalid_argument);
  EXPECT_THROW(quantize(normal({4, 96})), std::invalid_argument);
  EXPECT_THROW(quantize(normal({128})), std::invalid_argument);
  EXPECT_THROW(quantize(array({1, 2}, int32)), std::invalid_argument);
  auto parts = quantize(w);
  EXPECT_THROW(dequantize(parts[0], parts[1]), std::invalid_argument);
  EXPECT_THROW(dequantize(parts[0], parts[1], parts[2], 32), std::invalid_argument);
  EXPECT_THROW(quantized_matmul(normal({3, 64}), parts[0], parts[1], parts[2]),
               std::invalid_argument);
  EXPECT_THROW(quantized_matmul(normal({3, 128}), parts[0], parts[1], parts[2], true, 64, 8),
               std::invalid_argument);
}

}  // namespace
}  // namespace mlx::core
