// The float32 formulas of every SIMD target against the C library in double: error bounds in units
// of the last place.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "backend/cpu/element/families.h"
#include "simd_targets.h"

namespace mlx::core::cpu {
namespace {

using Reference = double (*)(double);

/** |y - exact| in units of the last place of exact's float32 neighbourhood. */
double ulps(float y, double exact) {
  if (std::isnan(exact)) return std::isnan(y) ? 0 : 1e30;
  if (std::isnan(y)) return 1e30;
  float rounded = static_cast<float>(exact);
  if (std::isinf(rounded)) {
    if (y == rounded) return 0;
    return std::abs(exact) < 3.5e38 && std::abs(y) > 3.402e38f ? 1 : 1e30;
  }
  if (std::isinf(y)) return std::abs(exact) > 3.4028230e38 ? 1 : 1e30;
  int exponent;
  std::frexp(exact, &exponent);
  double unit = std::ldexp(1.0, std::max(exponent - 24, -149));
  return std::abs(static_cast<double>(y) - exact) / unit;
}

/** Every step-th float bit pattern. MLX_TEST_ALL_FLOATS=1 tests each one. */
std::vector<float> samples() {
  uint64_t step = std::getenv("MLX_TEST_ALL_FLOATS") != nullptr ? 1 : 10007;
  std::vector<float> values;
  for (uint64_t bits = 0; bits < (uint64_t{1} << 32); bits += step) {
    values.push_back(std::bit_cast<float>(static_cast<uint32_t>(bits)));
  }
  std::mt19937 random(7);
  std::uniform_real_distribution<float> wide(-110.0f, 110.0f), near(-1.5f, 1.5f);
  for (int i = 0; i < 200000; ++i) {
    values.push_back(wide(random));
    values.push_back(near(random));
  }
  for (float x : {0.0f, -0.0f, 1.0f, -1.0f, 1e-45f, -1e-45f, 3.4e38f, -3.4e38f})
    values.push_back(x);
  return values;
}

struct UnaryCase {
  int op;
  Reference reference;
  double bound;
};

double erfinv_reference(double x) {
  if (!(std::abs(x) < 1)) {
    return std::abs(x) == 1 ? std::copysign(INFINITY, x) : NAN;
  }
  if (std::abs(x) < 1e-5) return x * 0.88622692545275801 * (1 + x * x * 0.26179938779914941);
  double low = 0, high = 6;  // bisection on the complement, where no digits cancel
  double a = std::abs(x);
  for (int i = 0; i < 80; ++i) {
    double middle = (low + high) / 2;
    bool below = a < 0.5 ? std::erf(middle) < a : std::erfc(middle) > 1 - a;
    (below ? low : high) = middle;
  }
  return std::copysign((low + high) / 2, x);
}

class UnaryMath : public testing::TestWithParam<UnaryCase> {};

TEST_P(UnaryMath, IsWithinTheBound) {
  const UnaryCase& c = GetParam();
  static const std::vector<float> x = samples();
  size_t step = c.op == op_index<ErfInv>() ? 17 : 1;
  std::vector<double> exact(x.size());
  for (size_t i = 0; i < x.size(); i += step) exact[i] = c.reference(static_cast<double>(x[i]));
  auto look_up = [&] { return element_kernel(c.op, Dtype::Val::float32); };
  for_each_simd_kernel(look_up, [&](BlockKernel kernel, const char* target) {
    std::vector<float> y(x.size());
    const void* source = x.data();
    kernel(y.data(), &source, x.size(), nullptr);
    double worst = 0;
    float at = 0, got = 0;
    for (size_t i = 0; i < x.size(); i += step) {
      double error = ulps(y[i], exact[i]);
      if (error > worst) {
        worst = error;
        at = x[i];
        got = y[i];
      }
      if (exact[i] == 0 && x[i] == 0) {
        EXPECT_EQ(std::signbit(y[i]), std::signbit(exact[i])) << "sign of zero";
      }
    }
    printf("%s %s: %.3f ulp at %.9g\n", element_op_name(c.op), target, worst,
           static_cast<double>(at));
    EXPECT_LE(worst, c.bound) << "at " << at << " got " << got;
  });
}

INSTANTIATE_TEST_SUITE_P(
    All, UnaryMath,
    testing::Values(
        UnaryCase{op_index<Exp>(), std::exp, 1.1}, UnaryCase{op_index<Expm1>(), std::expm1, 2},
        UnaryCase{op_index<Log>(), std::log, 1}, UnaryCase{op_index<Log2>(), std::log2, 2},
        UnaryCase{op_index<Log10>(), std::log10, 2}, UnaryCase{op_index<Log1p>(), std::log1p, 2},
        UnaryCase{op_index<Sin>(), std::sin, 2}, UnaryCase{op_index<Cos>(), std::cos, 2},
        UnaryCase{op_index<Tan>(), std::tan, 2}, UnaryCase{op_index<Sinh>(), std::sinh, 2},
        UnaryCase{op_index<Cosh>(), std::cosh, 2}, UnaryCase{op_index<Tanh>(), std::tanh, 2},
        UnaryCase{op_index<ArcSin>(), std::asin, 2}, UnaryCase{op_index<ArcCos>(), std::acos, 2},
        UnaryCase{op_index<ArcTan>(), std::atan, 2}, UnaryCase{op_index<ArcSinh>(), std::asinh, 2},
        UnaryCase{op_index<ArcCosh>(), std::acosh, 2},
        UnaryCase{op_index<ArcTanh>(), std::atanh, 2}, UnaryCase{op_index<Erf>(), std::erf, 2.3},
        UnaryCase{op_index<ErfInv>(), erfinv_reference, 2},
        UnaryCase{op_index<Sigmoid>(), [](double x) { return 1 / (1 + std::exp(-x)); }, 2.6},
        UnaryCase{op_index<Rsqrt>(), [](double x) { return 1 / std::sqrt(x); }, 2},
        UnaryCase{op_index<Sqrt>(), std::sqrt, 0.501},
        UnaryCase{op_index<Round>(), std::nearbyint, 0},
        UnaryCase{op_index<Floor>(), std::floor, 0}, UnaryCase{op_index<Ceil>(), std::ceil, 0}),
    [](const auto& info) { return std::string(element_op_name(info.param.op)); });

struct BinaryCase {
  int op;
  double (*reference)(double, double);
  double bound;
};

double python_remainder(double a, double b) {
  double r = std::fmod(a, b);
  return r != 0 && (r < 0) != (b < 0)
             ? static_cast<double>(static_cast<float>(r) + static_cast<float>(b))
             : r;
}

class BinaryMath : public testing::TestWithParam<BinaryCase> {};

TEST_P(BinaryMath, IsWithinTheBound) {
  const BinaryCase& c = GetParam();
  std::vector<float> a, b;
  std::mt19937 random(11);
  std::uniform_real_distribution<float> base(0.0f, 20.0f), exponent(-40.0f, 40.0f);
  for (int i = 0; i < 400000; ++i) {
    if (i % 2 == 0) {
      a.push_back(base(random));
      b.push_back(exponent(random));
    } else {
      a.push_back(std::bit_cast<float>(static_cast<uint32_t>(random())));
      b.push_back(i % 4 == 1 ? std::bit_cast<float>(static_cast<uint32_t>(random()))
                             : exponent(random));
    }
  }
  std::vector<float> special = {0.0f,  -0.0f,  1.0f,  -1.0f,    2.0f,      -2.0f, 3.0f,
                                -3.0f, 0.5f,   -0.5f, INFINITY, -INFINITY, NAN,   1e-45f,
                                3e38f, -3e38f, 2.5f,  1e10f,    -1e10f};
  for (float x : special) {
    for (float y : special) {
      a.push_back(x);
      b.push_back(y);
    }
  }
  std::vector<double> exact(a.size());
  for (size_t i = 0; i < a.size(); ++i) exact[i] = c.reference(a[i], b[i]);
  auto look_up = [&] { return element_kernel(c.op, Dtype::Val::float32); };
  for_each_simd_kernel(look_up, [&](BlockKernel kernel, const char* target) {
    std::vector<float> y(a.size());
    const void* sources[] = {a.data(), b.data()};
    kernel(y.data(), sources, a.size(), nullptr);
    double worst = 0;
    size_t at = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      double error = ulps(y[i], exact[i]);
      // Where the sum high + log1p(...) cancels, what counts is the last place of its terms.
      if (c.op == op_index<LogAddExp>() && error < 1e29) {
        double scale = std::abs(exact[i]) / (exact[i] - std::max(a[i], b[i]));
        if (scale < 1) error *= scale;
      }
      if (error > worst) {
        worst = error;
        at = i;
      }
    }
    printf("%s %s: %.3f ulp at %.9g, %.9g\n", element_op_name(c.op), target, worst,
           static_cast<double>(a[at]), static_cast<double>(b[at]));
    EXPECT_LE(worst, c.bound) << "at " << a[at] << ", " << b[at] << " got " << y[at];
  });
}

INSTANTIATE_TEST_SUITE_P(
    All, BinaryMath,
    testing::Values(BinaryCase{op_index<Power>(), std::pow, 2},
                    BinaryCase{op_index<ArcTan2>(), std::atan2, 2},
                    BinaryCase{op_index<LogAddExp>(),
                               [](double a, double b) {
                                 if (std::isnan(a) || std::isnan(b)) return a + b;
                                 double high = std::fmax(a, b);
                                 return std::isinf(high)
                                            ? high
                                            : high + std::log1p(std::exp(std::fmin(a, b) - high));
                               },
                               2.5},
                    BinaryCase{op_index<Remainder>(), python_remainder, 0}),
    [](const auto& info) { return std::string(element_op_name(info.param.op)); });

}  // namespace
}  // namespace mlx::core::cpu
