// Reductions, softmax, norms, rope and scans on the (stand-in) GPU, against plain loops in double.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "fake_gpu.h"
#include "mlx/primitives.h"
#include "mlx/primitives/cross_entropy.h"
#include "mlx/primitives/norm.h"
#include "mlx/primitives/rope.h"
#include "mlx/primitives/scan.h"
#include "mlx/primitives/softmax.h"

namespace mlx::core {

namespace {

std::vector<float> random_floats(size_t n, float scale = 1.0f) {
  static std::mt19937 generator(7);
  std::normal_distribution<float> normal(0.0f, scale);
  std::vector<float> v(n);
  for (auto& x : v) x = normal(generator);
  return v;
}

template <typename P, typename... Args>
array node(Shape shape, Dtype dtype, std::vector<array> inputs, Args&&... args) {
  auto primitive = std::make_shared<P>(gpu_stream(), std::forward<Args>(args)...);
  return array(std::move(shape), dtype, primitive, std::move(inputs));
}

/** Rounded to the dtype, as the kernel reads them. */
std::vector<double> stored(const std::vector<float>& v, Dtype dtype) {
  std::vector<double> out;
  for (float x : v) {
    out.push_back(dtype == bfloat16  ? float(bfloat16_t(x))
                  : dtype == float16 ? float(float16_t(x))
                                     : x);
  }
  return out;
}

std::vector<float> read(const array& a) { return values<float>(astype(a, float32, Device::cpu)); }

void expect_close(const std::vector<float>& got, const std::vector<double>& want,
                  double tolerance) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    ASSERT_NEAR(got[i], want[i], tolerance * (1 + std::abs(want[i]))) << "at " << i;
  }
}

double tolerance(Dtype dtype) { return dtype == bfloat16 ? 8e-3 : dtype == float16 ? 1e-3 : 3e-6; }

}  // namespace

TEST(CudaRows, ReducesAnyAxesOfAnyLayout) {
  Stream stream = gpu_stream();
  const int a = 5, b = 40, c = 33;
  auto v = random_floats(a * b * c);
  array x = array(v.begin(), {a, b, c});
  for (int mask = 1; mask < 8; ++mask) {
    for (bool transposed : {false, true}) {
      array in = transposed ? transpose(x, {2, 0, 1}, stream) : x;
      std::vector<int> axes;
      Shape shape = in.shape();
      for (int d = 0; d < 3; ++d) {
        if (mask & (1 << d)) {
          axes.push_back(d);
          shape[d] = 1;
        }
      }
      std::vector<double> want(shape[0] * shape[1] * shape[2], 0.0);
      for (int i = 0; i < in.shape(0); ++i) {
        for (int j = 0; j < in.shape(1); ++j) {
          for (int k = 0; k < in.shape(2); ++k) {
            int at[3] = {i, j, k};
            double value = transposed ? v[(j * b + k) * c + i] : v[(i * b + j) * c + k];
            size_t to = 0;
            for (int d = 0; d < 3; ++d) to = to * shape[d] + (mask & (1 << d) ? 0 : at[d]);
            want[to] += value;
          }
        }
      }
      expect_close(read(node<Reduce>(shape, float32, {in}, Reduce::Sum, axes)), want, 1e-5);
    }
  }
}

TEST(CudaRows, ReducesLongRowsAndColumnsInSplits) {
  const int n = 70000;
  auto v = random_floats(2 * n);
  std::vector<double> want(2), most(2, -1e30);
  for (int r = 0; r < 2; ++r) {
    for (int i = 0; i < n; ++i) {
      want[r] += v[r * n + i];
      most[r] = std::max<double>(most[r], v[r * n + i]);
    }
  }
  array x = array(v.begin(), {2, n});
  expect_close(read(node<Reduce>({2, 1}, float32, {x}, Reduce::Sum, std::vector<int>{1})), want,
               1e-3);
  expect_close(read(node<Reduce>({2, 1}, float32, {x}, Reduce::Max, std::vector<int>{1})), most, 0);
  std::vector<double> columns(2);
  for (int i = 0; i < n; ++i) {
    for (int c = 0; c < 2; ++c) columns[c] += v[2 * i + c];
  }
  array y = array(v.begin(), {n, 2});
  expect_close(read(node<Reduce>({1, 2}, float32, {y}, Reduce::Sum, std::vector<int>{0})), columns,
               1e-3);
}

TEST(CudaRows, ReducesATapesValueWithTheBitsOfTheStoredOne) {
  Stream s = gpu_stream();
  auto v = random_floats(64 * 300 * 5);
  array x = array(v.begin(), {64, 300, 5});
  for (Dtype dtype : {float32, bfloat16}) {
    array a = contiguous(astype(x, dtype, s), false, s);
    for (std::vector<int> axes :
         {std::vector<int>{0, 1, 2}, {2}, {0}, {1, 2}, {0, 1}, {1}, {0, 2}}) {
      auto product = [&](const array& other) {
        return multiply(multiply(sin(a, s), other, s), array(0.5f, dtype), s);
      };
      for (const array& other : {a, broadcast_to(array(1.5f, dtype), a.shape(), s),
                                 broadcast_to(slice(a, {0, 0, 0}, {1, 1, 5}, s), a.shape(), s)}) {
        array fused = sum(product(other), axes, false, s);
        array stored = product(other);
        eval(stored);
        array separate = sum(stored, axes, false, s);
        auto got = values<float>(astype(fused, float32, s));
        auto want = values<float>(astype(separate, float32, s));
        EXPECT_EQ(std::memcmp(got.data(), want.data(), 4 * got.size()), 0);
      }
    }
    array any_large = any(greater(a, array(3.9f, dtype), s), 1, false, s);
    array stored = greater(a, array(3.9f, dtype), s);
    eval(stored);
    EXPECT_EQ(values<bool>(any_large), values<bool>(any(stored, 1, false, s)));
  }
}

TEST(CudaRows, SoftmaxAndLogsumexp) {
  for (auto [rows, n, dtype] : {std::tuple{3, 1000, float32},
                                {2, 37, float32},
                                {2, 4096, bfloat16},
                                {1, 40000, float32},
                                {2, 33, float16}}) {
    auto v = random_floats(rows * n, 3.0f);
    auto x = stored(v, dtype);
    std::vector<double> want(rows * n), logs(rows);
    for (int r = 0; r < rows; ++r) {
      double sum = 0;
      for (int i = 0; i < n; ++i) sum += std::exp(x[r * n + i]);
      for (int i = 0; i < n; ++i) want[r * n + i] = std::exp(x[r * n + i]) / sum;
      logs[r] = std::log(sum);
    }
    array in = array(v.begin(), {rows, n}, dtype);
    expect_close(read(node<Softmax>({rows, n}, dtype, {in}, true)), want, tolerance(dtype));
    expect_close(read(node<LogSumExp>({rows, 1}, dtype, {in})), logs, tolerance(dtype));
  }
}

TEST(CudaRows, SoftmaxKeepsInfinitiesMeaning) {
  float inf = INFINITY;
  array x = array({-inf, -inf, 0.0f, -inf}, {2, 2});
  auto y = read(node<Softmax>({2, 2}, float32, {x}, true));
  EXPECT_TRUE(std::isnan(y[0]));
  EXPECT_EQ(y[2], 1.0f);
  EXPECT_EQ(y[3], 0.0f);
  auto l = read(node<LogSumExp>({2, 1}, float32, {x}));
  EXPECT_EQ(l[0], -inf);
  EXPECT_EQ(l[1], 0.0f);
}

TEST(CudaRows, CrossEntropyAndItsGradient) {
  const int rows = 4, n = 515;
  auto v = random_floats(rows * n, 2.0f);
  std::vector<int> targets{0, 514, -1, 7};
  auto g = random_floats(rows);
  std::vector<double> want(rows), gradient(rows * n);
  for (int r = 0; r < rows; ++r) {
    double sum = 0;
    for (int i = 0; i < n; ++i) sum += std::exp(double(v[r * n + i]));
    int t = targets[r] < 0 ? targets[r] + n : targets[r];
    want[r] = std::log(sum) - v[r * n + t];
    for (int i = 0; i < n; ++i)
      gradient[r * n + i] = (std::exp(double(v[r * n + i])) / sum - (i == t)) * g[r];
  }
  array x = array(v.begin(), {rows, n});
  array t = array(targets.begin(), {rows});
  expect_close(read(node<fast::CrossEntropy>({rows}, float32, {x, t}, nullptr)), want, 1e-5);
  expect_close(read(node<fast::CrossEntropyVJP>({rows, n}, float32,
                                                {x, t, array(g.begin(), {rows})}, nullptr)),
               gradient, 1e-5);
}

TEST(CudaRows, NormsAndTheirGradients) {
  for (auto [rows, n, dtype] :
       {std::tuple{5, 96, float32}, {3, 1030, float32}, {2, 2048, bfloat16}, {2, 40001, float32}}) {
    auto xv = random_floats(rows * n), wv = random_floats(n), bv = random_floats(n),
         gv = random_floats(rows * n);
    auto x = stored(xv, dtype), w = stored(wv, dtype), b = stored(bv, dtype), g = stored(gv, dtype);
    const double eps = 1e-5;
    std::vector<double> rms(rows * n), layer(rows * n), dx(rows * n), dw(n, 0.0), db(n, 0.0);
    for (int r = 0; r < rows; ++r) {
      double mean = 0, squares = 0, variance = 0;
      for (int i = 0; i < n; ++i) mean += x[r * n + i] / n;
      for (int i = 0; i < n; ++i) {
        squares += x[r * n + i] * x[r * n + i] / n;
        variance += (x[r * n + i] - mean) * (x[r * n + i] - mean) / n;
      }
      double s = 1 / std::sqrt(squares + eps), t = 1 / std::sqrt(variance + eps);
      double sum_wg = 0, sum_wgx = 0;
      for (int i = 0; i < n; ++i) {
        rms[r * n + i] = x[r * n + i] * s * w[i];
        double centered = (x[r * n + i] - mean) * t;
        layer[r * n + i] = centered * w[i] + b[i];
        sum_wg += g[r * n + i] * w[i] / n;
        sum_wgx += g[r * n + i] * w[i] * centered / n;
        dw[i] += g[r * n + i] * centered;
        db[i] += g[r * n + i];
      }
      for (int i = 0; i < n; ++i) {
        double centered = (x[r * n + i] - mean) * t;
        dx[r * n + i] = t * (g[r * n + i] * w[i] - sum_wg - centered * sum_wgx);
      }
    }
    array ax = array(xv.begin(), {rows, n}, dtype), aw = array(wv.begin(), {n}, dtype);
    array ab = array(bv.begin(), {n}, dtype), ag = array(gv.begin(), {rows, n}, dtype);
    expect_close(read(node<fast::RMSNorm>({rows, n}, dtype, {ax, aw}, nullptr, 1e-5f)), rms,
                 tolerance(dtype));
    expect_close(read(node<fast::LayerNorm>({rows, n}, dtype, {ax, aw, ab}, nullptr, 1e-5f)), layer,
                 tolerance(dtype));
    auto grads = array::make_arrays(
        {{rows, n}, {n}, {n}}, {dtype, dtype, dtype},
        std::make_shared<fast::LayerNormVJP>(gpu_stream(), nullptr, 1e-5f), {ax, aw, ab, ag});
    expect_close(read(grads[0]), dx, 4 * tolerance(dtype));
    expect_close(read(grads[1]), dw, 4 * tolerance(dtype));
    expect_close(read(grads[2]), db, 4 * tolerance(dtype));
  }
}

TEST(CudaRows, RopeRotatesBothWays) {
  const int batch = 2, heads = 5, positions = 3, n = 10, dims = 8;
  auto v = random_floats(batch * heads * positions * n);
  for (bool traditional : {false, true}) {
    std::vector<double> want(v.begin(), v.end());
    for (int row = 0; row < batch * heads * positions; ++row) {
      for (int k = 0; k < dims / 2; ++k) {
        double angle = (row % positions + 4) * std::pow(10000.0, -2.0 * k / dims);
        int i = traditional ? 2 * k : k, j = traditional ? 2 * k + 1 : k + dims / 2;
        double p = v[row * n + i], q = v[row * n + j];
        want[row * n + i] = p * std::cos(angle) - q * std::sin(angle);
        want[row * n + j] = p * std::sin(angle) + q * std::cos(angle);
      }
    }
    array x = array(v.begin(), {batch, heads, positions, n});
    array y = node<fast::RoPE>(x.shape(), float32, {x, array(4)}, nullptr, dims, traditional,
                               10000.0f, 1.0f, true);
    expect_close(read(y), want, 1e-5);
    array z = node<fast::RoPE>(x.shape(), float32, {y, array(4)}, nullptr, dims, traditional,
                               10000.0f, 1.0f, false);
    expect_close(read(z), {v.begin(), v.end()}, 1e-5);
  }
}

TEST(CudaRows, ScansEveryWay) {
  for (auto [outer, n, inner] :
       {std::tuple{3, 1000, 1}, {2, 37, 5}, {1, 50000, 1}, {2, 4096, 1}, {1, 35001, 1}}) {
    std::vector<int> v(outer * n * inner);
    for (size_t i = 0; i < v.size(); ++i) v[i] = static_cast<int>(i * 2654435761u >> 20) % 100 - 50;
    for (bool reverse : {false, true}) {
      for (bool inclusive : {false, true}) {
        std::vector<int> want(v.size());
        for (int o = 0; o < outer; ++o) {
          for (int c = 0; c < inner; ++c) {
            int running = 0;
            for (int k = 0; k < n; ++k) {
              int at = (o * n + (reverse ? n - 1 - k : k)) * inner + c;
              want[at] = inclusive ? running + v[at] : running;
              running += v[at];
            }
          }
        }
        Shape shape = inner == 1 ? Shape{outer, n} : Shape{outer, n, inner};
        array y =
            node<Scan>(shape, int32, {array(v.begin(), shape)}, Scan::Sum, 1, reverse, inclusive);
        EXPECT_EQ(values<int>(y), want)
            << outer << "x" << n << "x" << inner << reverse << inclusive;
      }
    }
  }
}

}  // namespace mlx::core
