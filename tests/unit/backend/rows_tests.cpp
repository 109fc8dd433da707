// Tests of the row kernels through the public functions: softmax, scans, norms, rope, argmax.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>

#include "base/thread_pool.h"
#include "mlx/fast.h"
#include "mlx/mlx.h"

namespace mlx::core {
namespace {

std::vector<float> random_values(size_t n, float low = -3, float high = 3) {
  std::mt19937 engine(99);
  std::uniform_real_distribution<float> distribution(low, high);
  std::vector<float> values(n);
  for (float& v : values) v = distribution(engine);
  return values;
}

array random_array(Shape shape, float low = -3, float high = 3) {
  size_t size = 1;
  for (int s : shape) size *= s;
  auto values = random_values(size, low, high);
  return array(values.begin(), shape);
}

std::vector<float> values_of(array a) {
  a = contiguous(astype(a, float32));
  a.eval();
  return {a.data<float>(), a.data<float>() + a.size()};
}

void expect_near(const std::vector<float>& got, const std::vector<double>& expected,
                 double tolerance) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) {
    if (std::isnan(expected[i])) {
      EXPECT_TRUE(std::isnan(got[i])) << i;
    } else if (std::isinf(expected[i])) {
      EXPECT_EQ(got[i], expected[i]) << i;
    } else {
      ASSERT_NEAR(got[i], expected[i], tolerance * (1e-3 + std::abs(expected[i]))) << i;
    }
  }
}

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(Softmax, MatchesDoubleForManyLengths) {
  for (int n : {1, 7, 16, 100, 4096, 65536, 200000}) {
    array x = random_array({3, n});
    auto v = values_of(x);
    std::vector<double> expected(v.size());
    std::vector<double> lse(3);
    for (int r = 0; r < 3; ++r) {
      double sum = 0;
      for (int i = 0; i < n; ++i) sum += std::exp(double(v[r * n + i]));
      for (int i = 0; i < n; ++i) expected[r * n + i] = std::exp(double(v[r * n + i])) / sum;
      lse[r] = std::log(sum);
    }
    expect_near(values_of(softmax(x, -1)), expected, 2e-6);
    expect_near(values_of(logsumexp(x, -1)), lse, 1e-6);
    expect_near(values_of(softmax(astype(x, float16), -1)), expected, 1e-2);
    // One row in segments must not depend on the threads.
    auto all = values_of(softmax(x, -1));
    int threads = set_num_threads(1);
    auto one = values_of(softmax(x, -1));
    set_num_threads(threads);
    EXPECT_EQ(0, std::memcmp(all.data(), one.data(), all.size() * 4));
  }
}

TEST(Softmax, Infinities) {
  expect_near(values_of(logsumexp(array({-kInf, -kInf}), -1)), {-INFINITY}, 0);
  expect_near(values_of(logsumexp(array({kInf, 1.0f}), -1)), {INFINITY}, 0);
  expect_near(values_of(logsumexp(array({kInf, kNan}), -1)), {NAN}, 0);
  expect_near(values_of(softmax(array({-kInf, 0.0f}), -1)), {0, 1}, 0);
  expect_near(values_of(softmax(array({-kInf, -kInf}), -1)), {NAN, NAN}, 0);
  expect_near(values_of(softmax(array({1000.0f, 0.0f}), -1)), {1, 0}, 0);
}

TEST(Softmax, StridedRows) {
  array x = random_array({40, 6});
  auto rows = values_of(softmax(transpose(x), -1));
  auto same = values_of(softmax(contiguous(transpose(x)), -1));
  EXPECT_EQ(rows, same);
}

TEST(Scan, MatchesDouble) {
  for (int n : {1, 5, 16, 17, 100, 4096, 300000}) {
    for (bool reverse : {false, true}) {
      for (bool inclusive : {false, true}) {
        for (int columns : {1, 3, 40}) {
          if (n == 300000 && columns > 1) continue;
          array x = random_array({2, n, columns}, 0.1f, 1.1f);
          auto v = values_of(x);
          std::vector<double> sums(v.size());
          std::vector<double> highs(v.size());
          for (int o = 0; o < 2; ++o) {
            for (int c = 0; c < columns; ++c) {
              double sum = 0;
              double high = -INFINITY;
              for (int k = 0; k < n; ++k) {
                int i = reverse ? n - 1 - k : k;
                size_t at = (size_t(o) * n + i) * columns + c;
                sums[at] = inclusive ? sum + v[at] : sum;
                highs[at] = inclusive ? std::max(high, double(v[at])) : high;
                sum += v[at];
                high = std::max(high, double(v[at]));
              }
            }
          }
          expect_near(values_of(cumsum(x, 1, reverse, inclusive)), sums, 1e-5);
          expect_near(values_of(cummax(x, 1, reverse, inclusive)), highs, 0);
          array ints = astype(multiply(x, array(10.0f)), int8);
          auto wide = values_of(cumsum(ints, 1, reverse, inclusive, int32));
          array narrow = cumsum(ints, 1, reverse, inclusive);
          EXPECT_EQ(narrow.dtype(), int8);
          auto wrapped = values_of(narrow);
          for (size_t i = 0; i < wide.size(); ++i) {
            ASSERT_EQ(wrapped[i], static_cast<float>(static_cast<int8_t>(int(wide[i]))));
          }
        }
      }
    }
  }
}

TEST(Scan, NanStays) {
  expect_near(values_of(cummax(array({1.0f, kNan, 3.0f}), 0)), {1, NAN, NAN}, 0);
  expect_near(values_of(cummin(array({kNan, 1.0f}), 0)), {NAN, NAN}, 0);
  expect_near(values_of(logcumsumexp(array({-kInf, 1.0f, 1.0f}), 0)),
              {-INFINITY, 1, 1 + std::log(2.0)}, 1e-6);
}

TEST(Norm, MatchesDouble) {
  for (int n : {1, 6, 64, 1000, 4096}) {
    array x = add(random_array({5, n}), array(20.0f));
    array w = random_array({n});
    array b = random_array({n}, 0, 1);
    auto v = values_of(x);
    auto wv = values_of(w);
    auto bv = values_of(b);
    std::vector<double> rms(v.size());
    std::vector<double> layer(v.size());
    for (int r = 0; r < 5; ++r) {
      double squares = 0;
      double sum = 0;
      for (int i = 0; i < n; ++i) {
        squares += double(v[r * n + i]) * v[r * n + i];
        sum += v[r * n + i];
      }
      double mean = sum / n;
      double variance = 0;
      for (int i = 0; i < n; ++i) variance += std::pow(v[r * n + i] - mean, 2) / n;
      for (int i = 0; i < n; ++i) {
        rms[r * n + i] = v[r * n + i] / std::sqrt(squares / n + 1e-5) * wv[i];
        layer[r * n + i] = (v[r * n + i] - mean) / std::sqrt(variance + 1e-5) * wv[i] + bv[i];
      }
    }
    expect_near(values_of(fast::rms_norm(x, w, 1e-5f)), rms, 2e-6);
    expect_near(values_of(fast::layer_norm(x, w, b, 1e-5f)), layer, n == 1 ? 1e-4 : 2e-3);
    EXPECT_EQ(fast::rms_norm(astype(x, float16), std::nullopt, 1e-5f).dtype(), float16);
  }
}

/** sum(f(x) * g) differentiated numerically by x, in float. */
void check_vjp(const std::function<array(array)>& f, array x, double tolerance) {
  array y = f(x);
  array g = random_array(y.shape());
  array dx =
      vjp([&](const std::vector<array>& in) { return std::vector<array>{f(in[0])}; }, {x}, {g})
          .second[0];
  auto analytic = values_of(dx);
  auto base = values_of(x);
  auto weights = values_of(g);
  for (size_t i = 0; i < std::min<size_t>(base.size(), 12); ++i) {
    double sums[2];
    for (int side = 0; side < 2; ++side) {
      auto moved = base;
      moved[i] += side == 0 ? 1e-2f : -1e-2f;
      auto out = values_of(f(array(moved.begin(), x.shape())));
      sums[side] = 0;
      for (size_t k = 0; k < out.size(); ++k) sums[side] += double(out[k]) * weights[k];
    }
    double step = double(base[i] + 1e-2f) - double(base[i] - 1e-2f);
    EXPECT_NEAR(analytic[i], (sums[0] - sums[1]) / step, tolerance) << i;
  }
}

TEST(Norm, Gradients) {
  array x = random_array({3, 17});
  array w = random_array({17}, 0.5f, 2);
  array b = random_array({17});
  check_vjp([&](array v) { return fast::rms_norm(v, w, 1e-5f); }, x, 5e-3);
  check_vjp([&](array v) { return fast::rms_norm(x, v, 1e-5f); }, w, 5e-3);
  check_vjp([&](array v) { return fast::layer_norm(v, w, b, 1e-5f); }, x, 5e-3);
  check_vjp([&](array v) { return fast::layer_norm(x, v, b, 1e-5f); }, w, 5e-3);
  check_vjp([&](array v) { return fast::layer_norm(x, w, v, 1e-5f); }, b, 5e-3);
  check_vjp([&](array v) { return fast::layer_norm(v, std::nullopt, std::nullopt, 1e-5f); }, x,
            5e-3);
}

TEST(Gradients, ReductionsAndScans) {
  array x = random_array({3, 5}, 0.2f, 2);
  check_vjp([](array v) { return sum(v, 0); }, x, 2e-3);
  check_vjp([](array v) { return cumsum(v, 1, true, false); }, x, 2e-3);
  check_vjp([](array v) { return softmax(v, -1); }, x, 2e-3);
  check_vjp([](array v) { return logsumexp(v, -1); }, x, 2e-3);
  check_vjp([](array v) { return prod(v, std::vector<int>{0, 1}); }, x, 2e-2);
  array targets = array({1, 4, 0});
  check_vjp([&](array v) { return fast::cross_entropy(v, targets); }, x, 2e-3);
}

TEST(CrossEntropy, MatchesDefinition) {
  array x = random_array({4, 1000});
  array targets = array({3, 999, 0, 500});
  auto v = values_of(x);
  auto lse = values_of(logsumexp(x, -1));
  std::vector<double> expected;
  int t[4] = {3, 999, 0, 500};
  for (int i = 0; i < 4; ++i) expected.push_back(double(lse[i]) - v[i * 1000 + t[i]]);
  expect_near(values_of(fast::cross_entropy(x, targets)), expected, 1e-6);
  EXPECT_EQ(fast::cross_entropy(astype(x, float16), targets).dtype(), float32);
}

TEST(Rope, RotatesPairs) {
  const int positions = 7;
  const int features = 10;
  for (bool traditional : {false, true}) {
    for (int dims : {8, 10}) {
      array x = random_array({2, 3, positions, features});
      auto v = values_of(x);
      auto got = values_of(fast::rope(x, dims, traditional, 10000.0f, 0.5f, array({3, 40})));
      std::vector<double> expected(v.begin(), v.end());
      for (size_t row = 0; row < v.size() / features; ++row) {
        double position = (row % positions + (row / (3 * positions) == 0 ? 3 : 40)) * 0.5;
        for (int i = 0; i < dims / 2; ++i) {
          double angle = position * std::pow(10000.0, -2.0 * i / dims);
          size_t a = row * features + (traditional ? 2 * i : i);
          size_t b = row * features + (traditional ? 2 * i + 1 : i + dims / 2);
          expected[a] = v[a] * std::cos(angle) - v[b] * std::sin(angle);
          expected[b] = v[a] * std::sin(angle) + v[b] * std::cos(angle);
        }
      }
      for (size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], expected[i], 2e-5) << i;
      check_vjp([&](array y) { return fast::rope(y, dims, traditional, 10000.0f, 1.0f, 2); }, x,
                5e-3);
    }
  }
}

TEST(ArgReduce, FirstExtremumInEveryLayout) {
  for (Shape shape : {Shape{5, 300}, Shape{70, 20}, Shape{3, 5000}, Shape{2, 3000, 33}}) {
    array x = astype(multiply(random_array(shape), array(5.0f)), int32);  // with many ties
    for (Dtype dtype : {float32, int32, float16, int64, uint8, float64}) {
      array y = astype(x, dtype);
      for (int axis = 0; axis < static_cast<int>(shape.size()); ++axis) {
        auto v = values_of(y);
        int64_t inner = 1;
        for (size_t d = axis + 1; d < shape.size(); ++d) inner *= shape[d];
        auto high = values_of(argmax(y, axis));
        auto low = values_of(argmin(y, axis));
        for (size_t o = 0; o < high.size(); ++o) {
          size_t base = o / inner * inner * shape[axis] + o % inner;
          int best = 0;
          int worst = 0;
          for (int k = 1; k < shape[axis]; ++k) {
            if (v[base + k * inner] > v[base + best * inner]) best = k;
            if (v[base + k * inner] < v[base + worst * inner]) worst = k;
          }
          ASSERT_EQ(high[o], best) << dtype << " axis " << axis;
          ASSERT_EQ(low[o], worst) << dtype << " axis " << axis;
        }
      }
    }
  }
  EXPECT_EQ(values_of(argmax(array({1.0f, kNan, 3.0f, kNan}), 0))[0], 1);
  EXPECT_EQ(values_of(argmin(array({-kInf, -kInf}), 0))[0], 0);
  EXPECT_EQ(values_of(argmax(array({-kInf, -kInf}), 0))[0], 0);
}

TEST(Reductions, DtypesAndShapes) {
  EXPECT_EQ(sum(array({true, true})).dtype(), int32);
  EXPECT_EQ(sum(array({1, 2}, uint8)).dtype(), uint32);
  EXPECT_EQ(max(array({1, 2}, int8)).dtype(), int8);
  EXPECT_EQ(all(array({1, 2})).dtype(), bool_);
  EXPECT_EQ(sum(random_array({2, 3, 4}), std::vector<int>{0, 2}, true).shape(), (Shape{1, 3, 1}));
  EXPECT_EQ(argmax(random_array({2, 3}), true).shape(), (Shape{1, 1}));
  EXPECT_EQ(cumsum(array(2.0f)).shape(), (Shape{1}));
  EXPECT_THROW(sum(array({1.0f}), 3), std::out_of_range);
  EXPECT_THROW(sum(random_array({2, 2}), std::vector<int>{0, 0}), std::invalid_argument);
  EXPECT_THROW(max(random_array({0})), std::invalid_argument);
}

}  // namespace
}  // namespace mlx::core
