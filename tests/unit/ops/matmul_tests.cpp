// Tests of matrix and tensor products: shapes, broadcasting, errors and derivatives.
#include <gtest/gtest.h>

#include <stdexcept>

#include "mlx/einsum.h"
#include "mlx/ops/elementwise.h"
#include "mlx/ops/matmul.h"
#include "mlx/ops/shape.h"
#include "mlx/transforms.h"

namespace mlx::core {
namespace {

array numbers(Shape shape, float start = 1) {
  size_t size = 1;
  for (int d : shape) size *= d;
  std::vector<float> values(size);
  for (size_t i = 0; i < size; ++i) values[i] = start + static_cast<float>(i % 7);
  return array(values.begin(), shape);
}

std::vector<float> values(array a) {
  a = contiguous(a);
  a.eval();
  return {a.data<float>(), a.data<float>() + a.size()};
}

TEST(Matmul, OneDimensionalOperands) {
  array v = numbers({3});
  array m = numbers({2, 3});
  EXPECT_EQ(matmul(v, v).shape(), Shape{});
  EXPECT_EQ(values(matmul(v, v)), std::vector<float>{14});
  EXPECT_EQ(values(matmul(m, v)), (std::vector<float>{14, 32}));
  EXPECT_EQ(matmul(v, numbers({5, 3, 2})).shape(), (Shape{5, 2}));
}

TEST(Matmul, BatchesBroadcast) {
  array a = numbers({4, 1, 2, 3});
  array b = numbers({5, 3, 2});
  array product = matmul(a, b);
  ASSERT_EQ(product.shape(), (Shape{4, 5, 2, 2}));
  auto all = values(product);
  auto one = values(matmul(slice(a, {3, 0, 0, 0}, {4, 1, 2, 3}), slice(b, {2, 0, 0}, {3, 3, 2})));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(all[(3 * 5 + 2) * 4 + i], one[i]);
}

TEST(Matmul, ReadsTransposedAndBroadcastOperands) {
  array a = numbers({3, 4});
  array b = numbers({3, 5});
  auto got = values(matmul(transpose(a), b));
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 5; ++j) {
      float sum = 0;
      for (int k = 0; k < 3; ++k) sum += float(1 + (k * 4 + i) % 7) * float(1 + (k * 5 + j) % 7);
      EXPECT_EQ(got[i * 5 + j], sum);
    }
  }
  EXPECT_EQ(values(matmul(broadcast_to(array(2.0f), {2, 3}), numbers({3, 1}))),
            (std::vector<float>{12, 12}));
}

TEST(Matmul, EmptyProducts) {
  EXPECT_EQ(values(matmul(numbers({2, 0}), numbers({0, 2}))), (std::vector<float>{0, 0, 0, 0}));
  EXPECT_EQ(matmul(numbers({0, 3}), numbers({3, 2})).shape(), (Shape{0, 2}));
  EXPECT_EQ(values(addmm(array(1.0f), numbers({1, 0}), numbers({0, 2}), 1.f, 3.f)),
            (std::vector<float>{3, 3}));
}

TEST(Matmul, Errors) {
  EXPECT_THROW(matmul(numbers({2, 3}), numbers({4, 2})), std::invalid_argument);
  EXPECT_THROW(matmul(array(1.0f), numbers({2})), std::invalid_argument);
  EXPECT_THROW(matmul(array({1, 2}, int32), array({1, 2}, int32)), std::invalid_argument);
  EXPECT_THROW(matmul(numbers({2, 2, 3}), numbers({3, 3, 2})), std::invalid_argument);
  EXPECT_THROW(addmm(numbers({4, 2, 2}), numbers({2, 3}), numbers({3, 2})), std::invalid_argument);
  EXPECT_THROW(tensordot(numbers({2}), numbers({2}), -1), std::invalid_argument);
}

TEST(Matmul, AddmmScalesAndBroadcasts) {
  array a = numbers({2, 3});
  array b = numbers({3, 2});
  auto product = values(matmul(a, b));
  auto got = values(addmm(array({10.0f, 20.0f}), a, b, 0.5f, 2.0f));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(got[i], 0.5f * product[i] + 2.0f * (i % 2 ? 20 : 10));
}

TEST(Matmul, Gradients) {
  array a = numbers({2, 3});
  array b = numbers({3, 2});
  array seed = numbers({2, 2});
  auto vjps =
      vjp([](const std::vector<array>& x) { return std::vector<array>{matmul(x[0], x[1])}; },
          {a, b}, {seed})
          .second;
  EXPECT_EQ(values(vjps[0]), values(matmul(seed, transpose(b))));
  EXPECT_EQ(values(vjps[1]), values(matmul(transpose(a), seed)));
  auto jvps =
      jvp([](const std::vector<array>& x) { return std::vector<array>{matmul(x[0], x[1])}; },
          {a, b}, {a, b})
          .second;
  EXPECT_EQ(values(jvps[0]), values(multiply(array(2.0f), matmul(a, b))));
}

TEST(Products, TensordotOuterInnerKron) {
  array a = numbers({2, 3, 4});
  array b = numbers({4, 3, 2});
  EXPECT_EQ(tensordot(a, b, {1, 2}, {1, 0}).shape(), (Shape{2, 2}));
  EXPECT_EQ(values(tensordot(numbers({3}), numbers({3}), 1)), std::vector<float>{14});
  EXPECT_EQ(values(outer(array({1.0f, 2.0f}), array({3.0f, 4.0f}))),
            (std::vector<float>{3, 4, 6, 8}));
  EXPECT_EQ(inner(numbers({2, 3}), numbers({5, 3})).shape(), (Shape{2, 5}));
  EXPECT_EQ(values(kron(array({1.0f, 2.0f}), array({1.0f, 10.0f}))),
            (std::vector<float>{1, 10, 2, 20}));
}

TEST(Einsum, ContractsTransposesTracesAndSums) {
  array a = numbers({2, 3});
  array b = numbers({3, 4});
  array c = numbers({4, 5});
  EXPECT_EQ(values(einsum("ij,jk,kl->il", {a, b, c})), values(matmul(a, matmul(b, c))));
  EXPECT_EQ(values(einsum("ij,jk", {a, b})), values(matmul(a, b)));
  EXPECT_EQ(values(einsum("ba,ac", {a, b})), values(matmul(a, b)));
  EXPECT_EQ(values(einsum("ij -> ji", {a})), values(transpose(a)));
  EXPECT_EQ(values(einsum("ii->i", {numbers({3, 3})})), (std::vector<float>{1, 5, 2}));
  EXPECT_EQ(values(einsum("ii", {numbers({3, 3})})), (std::vector<float>{8}));
  EXPECT_EQ(einsum("...ij,...jk->...ik", {numbers({5, 2, 3}), b}).shape(), (Shape{5, 2, 4}));
  EXPECT_EQ(einsum("ij...,j->i...", {numbers({2, 3, 4}), numbers({3})}).shape(), (Shape{2, 4}));
  EXPECT_EQ(einsum("ij,kl->ijkl", {a, b}).shape(), (Shape{2, 3, 3, 4}));
  EXPECT_EQ(values(einsum("bi,bj->bij", {numbers({1, 2}), numbers({3, 2})})).size(), 12u);
}

TEST(Einsum, Path) {
  auto [path, text] =
      einsum_path("ij,jk,kl->il", {numbers({2, 3}), numbers({3, 4}), numbers({4, 5})});
  EXPECT_EQ(path, (std::vector<std::vector<int>>{{1, 2}, {0, 1}}));
  EXPECT_NE(text.find("Naive FLOP count:  360"), std::string::npos);
  EXPECT_NE(text.find("Optimized FLOP count:  180"), std::string::npos);
}

TEST(Einsum, Errors) {
  EXPECT_THROW(einsum("ij,jk", {numbers({2, 3}), numbers({4, 4})}), std::invalid_argument);
  EXPECT_THROW(einsum("ij", {numbers({3})}), std::invalid_argument);
  EXPECT_THROW(einsum("ij,jk", {numbers({2, 3})}), std::invalid_argument);
  EXPECT_THROW(einsum("i1", {numbers({2, 3})}), std::invalid_argument);
  EXPECT_THROW(einsum("ij->ijj", {numbers({2, 3})}), std::invalid_argument);
  EXPECT_THROW(einsum("ij->ijz", {numbers({2, 3})}), std::invalid_argument);
}

}  // namespace
}  // namespace mlx::core
