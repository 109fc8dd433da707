// Tests of the reduction kernels: values, layouts, NaN, threads.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "backend/cpu/reduce.h"
#include "base/dispatch.h"
#include "base/thread_pool.h"

namespace mlx::core::cpu {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

Strides row_strides(const Shape& shape) {
  Strides strides(shape.size(), 1);
  for (int i = static_cast<int>(shape.size()) - 2; i >= 0; --i) {
    strides[i] = strides[i + 1] * shape[i + 1];
  }
  return strides;
}

/** The reduction element by element in double. */
std::vector<double> reference(ReduceOp op, const std::vector<float>& x, const Shape& shape,
                              const Strides& strides, const std::vector<bool>& reduced) {
  size_t outputs = 1;
  size_t total = 1;
  for (size_t d = 0; d < shape.size(); ++d) {
    total *= shape[d];
    if (!reduced[d]) outputs *= shape[d];
  }
  std::vector<double> result(outputs, op == ReduceOp::sum    ? 0.0
                                      : op == ReduceOp::prod ? 1.0
                                      : op == ReduceOp::min  ? INFINITY
                                                             : -INFINITY);
  for (size_t i = 0; i < total; ++i) {
    size_t rest = i;
    size_t out = 0;
    size_t out_stride = 1;
    int64_t offset = 0;
    for (size_t d = shape.size(); d-- > 0;) {
      size_t index = rest % shape[d];
      rest /= shape[d];
      offset += static_cast<int64_t>(index) * strides[d];
      if (!reduced[d]) {
        out += index * out_stride;
        out_stride *= shape[d];
      }
    }
    double v = x[offset];
    double& r = result[out];
    switch (op) {
      case ReduceOp::sum:
        r += v;
        break;
      case ReduceOp::prod:
        r *= v;
        break;
      case ReduceOp::min:
        r = std::min(r, v);
        break;
      case ReduceOp::max:
        r = std::max(r, v);
        break;
    }
  }
  return result;
}

std::vector<float> random_values(size_t n, float low = -1, float high = 1) {
  std::mt19937 engine(1234);
  std::uniform_real_distribution<float> distribution(low, high);
  std::vector<float> values(n);
  for (float& v : values) v = distribution(engine);
  return values;
}

std::vector<float> run(ReduceOp op, const std::vector<float>& x, const Shape& shape,
                       const Strides& strides, const std::vector<bool>& reduced) {
  size_t outputs = 1;
  for (size_t d = 0; d < shape.size(); ++d) outputs *= reduced[d] ? 1 : shape[d];
  std::vector<float> out(outputs);
  reduce(op, false, {x.data(), float32, shape, strides}, reduced, out.data(), float32);
  return out;
}

TEST(Reduce, MatchesReferenceOnAllAxesAndLayouts) {
  const std::vector<Shape> shapes{{5},       {100, 3},     {3, 100},     {2, 70, 9},  {1, 5000},
                                  {300, 17}, {2, 3, 4, 5}, {130, 1, 66}, {9, 64, 33}, {5000, 2},
                                  {2500, 7}, {1100, 40},   {40, 1100},   {3, 4097},   {1, 1}};
  for (const Shape& shape : shapes) {
    size_t total = 1;
    for (int s : shape) total *= s;
    auto x = random_values(total, 0.5f, 1.5f);
    for (int layout = 0; layout < 2; ++layout) {
      Strides strides = row_strides(shape);
      if (layout == 1) {  // the same elements, axes stored in reverse order
        int64_t stride = 1;
        for (size_t d = 0; d < shape.size(); ++d) {
          strides[d] = stride;
          stride *= shape[d];
        }
      }
      for (unsigned mask = 0; mask < (1u << shape.size()); ++mask) {
        std::vector<bool> reduced(shape.size());
        for (size_t d = 0; d < shape.size(); ++d) reduced[d] = mask >> d & 1;
        for (ReduceOp op : {ReduceOp::sum, ReduceOp::min, ReduceOp::max}) {
          auto expected = reference(op, x, shape, strides, reduced);
          auto got = run(op, x, shape, strides, reduced);
          for (size_t i = 0; i < expected.size(); ++i) {
            ASSERT_NEAR(got[i], expected[i], 2e-6 * std::abs(expected[i]))
                << "op " << int(op) << " mask " << mask << " layout " << layout << " at " << i
                << " ndim " << shape.size() << " first " << shape[0];
          }
        }
      }
    }
  }
}

TEST(Reduce, BitsDependOnShapeOnly) {
  Shape shape{150, 4400};
  auto x = random_values(150 * 4400);
  std::vector<float> transposed(x.size());
  for (int i = 0; i < 150; ++i) {
    for (int j = 0; j < 4400; ++j) transposed[j * 150 + i] = x[i * 4400 + j];
  }
  for (auto reduced : {std::vector<bool>{true, false}, {false, true}, {true, true}}) {
    auto rows = run(ReduceOp::sum, x, shape, {4400, 1}, reduced);
    auto columns = run(ReduceOp::sum, transposed, shape, {1, 150}, reduced);
    int threads = set_num_threads(1);
    auto single = run(ReduceOp::sum, x, shape, {4400, 1}, reduced);
    set_num_threads(5);
    auto five = run(ReduceOp::sum, x, shape, {4400, 1}, reduced);
    set_num_threads(threads);
    EXPECT_EQ(0, std::memcmp(rows.data(), columns.data(), rows.size() * 4));
    EXPECT_EQ(0, std::memcmp(rows.data(), single.data(), rows.size() * 4));
    EXPECT_EQ(0, std::memcmp(rows.data(), five.data(), rows.size() * 4));
  }
}

TEST(Reduce, LongSumsAreAccurate) {
  const int n = 100'000'000;
  float one = 1.0f;
  std::vector<float> ones{one};
  EXPECT_EQ(1e8f, run(ReduceOp::sum, ones, {n}, {0}, {true})[0]);
  auto x = random_values(1 << 22);
  double expected = 0;
  for (float v : x) expected += v;
  EXPECT_NEAR(expected, run(ReduceOp::sum, x, {1 << 22}, {1}, {true})[0], 1e-3);
  auto column = run(ReduceOp::sum, ones, {n / 4, 2}, {0, 0}, {true, false});
  EXPECT_EQ(2.5e7f, column[1]);
}

TEST(Reduce, NanWinsMinAndMaxAnywhere) {
  for (int length : {3, 70, 5000}) {
    for (int at : {0, 1, length / 2, length - 1}) {
      std::vector<float> x(length, 1.0f);
      x[at] = kNan;
      EXPECT_TRUE(std::isnan(run(ReduceOp::max, x, {length}, {1}, {true})[0]));
      EXPECT_TRUE(std::isnan(run(ReduceOp::min, x, {length}, {1}, {true})[0]));
      EXPECT_TRUE(std::isnan(run(ReduceOp::min, x, {length, 1}, {1, 1}, {true, false})[0]));
    }
  }
}

TEST(Reduce, EveryDtype) {
  for (Dtype dtype : {bool_, uint8, uint16, uint32, uint64, int8, int16, int32, int64, float16,
                      bfloat16, float32, float64, complex64}) {
    dispatch_dtype(dtype, [&](auto tag) {
      using T = typename decltype(tag)::type;
      std::unique_ptr<T[]> x(new T[100]);
      for (int i = 0; i < 100; ++i) x[i] = T(float(i % 2));
      Shape shape{100};
      Strides strides{1};
      complex64_t out_complex;
      double out_double = 0;
      int64_t out_int = 0;
      void* out = dtype == complex64 ? static_cast<void*>(&out_complex)
                  : dtype == float64 ? static_cast<void*>(&out_double)
                                     : static_cast<void*>(&out_int);
      Dtype sum_dtype = reduce_accumulator(dtype);
      reduce(ReduceOp::sum, false, {x.get(), dtype, shape, strides}, {true}, out, sum_dtype);
      if (dtype == complex64)
        EXPECT_EQ(out_complex.real(), 50.0f);
      else if (dtype == float64)
        EXPECT_EQ(out_double, 50.0);
      else if (sum_dtype == float32)
        EXPECT_EQ(*reinterpret_cast<float*>(out), 50.0f);
      else
        EXPECT_EQ(out_int, 50);
      T high[1];
      reduce(ReduceOp::max, false, {x.get(), dtype, shape, strides}, {true}, high, dtype);
      EXPECT_TRUE(high[0] == T(1.0f)) << dtype_name(dtype);
      bool any = false;
      bool all = true;
      reduce(ReduceOp::max, true, {x.get(), dtype, shape, strides}, {true}, &any, bool_);
      reduce(ReduceOp::min, true, {x.get(), dtype, shape, strides}, {true}, &all, bool_);
      EXPECT_TRUE(any);
      EXPECT_FALSE(all);
    });
  }
}

TEST(Reduce, EmptyGivesTheIdentity) {
  EXPECT_EQ(run(ReduceOp::sum, {}, {0}, {1}, {true})[0], 0.0f);
  EXPECT_EQ(run(ReduceOp::prod, {}, {3, 0}, {0, 1}, {false, true})[2], 1.0f);
}

TEST(Reduce, IntegersWrap) {
  int8_t x[3] = {127, 127, 127};
  Shape shape{3};
  Strides strides{1};
  int32_t sum;
  reduce(ReduceOp::sum, false, {x, int8, shape, strides}, {true}, &sum, int32);
  EXPECT_EQ(sum, 381);
  int64_t big[2] = {int64_t{1} << 62, int64_t{1} << 62};
  Shape two{2};
  int64_t product;
  reduce(ReduceOp::sum, false, {big, int64, two, strides}, {true}, &product, int64);
  EXPECT_EQ(product, std::numeric_limits<int64_t>::min());
}

}  // namespace
}  // namespace mlx::core::cpu
