// Tests of the singular value decomposition: its parts multiply to the matrix, and bad input
// raises.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <thread>

#include "mlx/mlx.h"
#include "ops/svd.h"

namespace mlx::core {
namespace {

float largest(const array& a) { return astype(max(abs(a)), float32, Device::cpu).item<float>(); }

void expect_decomposes(const array& a, float tolerance) {
  const int rows = a.shape(-2), columns = a.shape(-1), least = std::min(rows, columns);
  auto usv = singular_values(a, true, Device::cpu);
  Shape end = usv[0].shape();
  end.back() = least;
  array u = slice(usv[0], Shape(end.size(), 0), end);
  end = usv[2].shape();
  end[end.size() - 2] = least;
  array vt = slice(usv[2], Shape(end.size(), 0), end);
  EXPECT_LE(largest(matmul(u * expand_dims(usv[1], -2), vt) - a), tolerance);
  for (int side : {0, 2}) {
    array q = usv[side];
    EXPECT_LE(largest(matmul(q, swapaxes(q, -1, -2)) - eye(q.shape(-1), a.dtype())), tolerance);
  }
  EXPECT_TRUE(all(usv[1] >= array(0.0f)).item<bool>());
  array alone = singular_values(a, false, Device::cpu)[0];
  EXPECT_LE(largest(alone - usv[1]), tolerance);
}

TEST(Svd, PartsMultiplyToTheMatrix) {
  array key = random::key(7);
  for (Shape shape : {Shape{1, 1}, Shape{5, 3}, Shape{3, 5}, Shape{40, 40}, Shape{2, 3, 4, 6}}) {
    array a = random::normal(shape, float32, key);
    expect_decomposes(a, 2e-5f);
    expect_decomposes(swapaxes(a, -1, -2), 2e-5f);
    expect_decomposes(astype(a, float64, Device::cpu), 1e-13f);
  }
}

TEST(Svd, KnownValues) {
  array s = singular_values(array({0.0f, -3.0f, 4.0f, 0.0f}, {2, 2}), false, Device::cpu)[0];
  EXPECT_FLOAT_EQ(slice(s, {0}, {1}).item<float>(), 4);
  EXPECT_FLOAT_EQ(slice(s, {1}, {2}).item<float>(), 3);
}

TEST(Svd, MatricesWithoutElements) {
  auto usv = singular_values(zeros({0, 3}), true, Device::cpu);
  EXPECT_EQ(usv[0].shape(), (Shape{0, 0}));
  EXPECT_EQ(usv[1].shape(), Shape{0});
  EXPECT_TRUE(array_equal(usv[2], eye(3)).item<bool>());
  EXPECT_EQ(singular_values(zeros({0, 3, 3}), false, Device::cpu)[0].shape(), (Shape{0, 3}));
}

TEST(Svd, ManyThreadsGetTheSameBits) {
  array a = random::normal({30, 30}, float32, random::key(1));
  array expected = singular_values(a, true, Device::cpu)[2];
  expected.eval();
  std::vector<int> same(4, 0);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      Stream stream = new_stream(Device::cpu);
      for (int i = 0; i < 20; ++i) {
        array again = singular_values(a, true, stream)[2];
        same[t] += array_equal(again, expected, stream).item<bool>();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(same, std::vector<int>(4, 20));
}

TEST(Svd, BadInputRaises) {
  EXPECT_THROW(singular_values(zeros({3}), true, Device::cpu), std::invalid_argument);
  EXPECT_THROW(singular_values(zeros({3, 3}, int32), true, Device::cpu), std::invalid_argument);
  array nan = full({2, 2}, std::numeric_limits<float>::quiet_NaN());
  array values = singular_values(nan, false, Device::cpu)[0];
  EXPECT_THROW(values.eval(), std::runtime_error);
}

}  // namespace
}  // namespace mlx::core
