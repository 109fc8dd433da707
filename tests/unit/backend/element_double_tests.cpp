// The float64 formulas of every SIMD target against the C library in long double: error bounds in
// units of the last place, and special values.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "backend/cpu/element/families.h"
#include "simd_targets.h"

namespace mlx::core::cpu {
namespace {

using Exact = long double;

/** |y - exact| in units of the last place of exact's float64 neighbourhood. */
double ulps(double y, Exact exact) {
  if (std::isnan(exact)) return std::isnan(y) ? 0 : 1e30;
  if (std::isnan(y)) return 1e30;
  auto rounded = static_cast<double>(exact);
  constexpr double kLargest = std::numeric_limits<double>::max();
  if (std::isinf(rounded) || std::isinf(y)) {
    if (y == rounded) return 0;
    return std::abs(rounded) >= kLargest && std::abs(y) >= kLargest && y * rounded > 0 ? 1 : 1e30;
  }
  int exponent;
  std::frexp(exact, &exponent);
  Exact unit = std::ldexp(Exact(1), std::max(exponent - 53, -1074));
  return static_cast<double>(std::abs(static_cast<Exact>(y) - exact) / unit);
}

std::vector<double> samples() {
  std::vector<double> values;
  std::mt19937_64 random(7);
  for (int i = 0; i < 60000; ++i) values.push_back(std::bit_cast<double>(random()));
  for (double range : {1.0, 2.5, 30.0, 760.0, 1e5, 9e7}) {
    std::uniform_real_distribution<double> uniform(-range, range);
    for (int i = 0; i < 20000; ++i) values.push_back(uniform(random));
  }
  std::normal_distribution<double> tiny(0, 1e-3);
  for (int i = 0; i < 10000; ++i) {
    values.push_back(tiny(random));
    values.push_back(1 + tiny(random));
  }
  for (int i = 1; i < 20000; ++i) {  // where circular functions are near zero
    values.push_back(i * 0.5 * M_PI);
    values.push_back(-i * 0.5 * M_PI);
  }
  for (double x :
       {0.0, 1.0, 5e-324, 1e-310, 2.2250738585072014e-308, 1.7976931348623157e308, 709.78,
        709.7827128933841, 745.13, 745.1332191019412, 1e8, 1e22, double(INFINITY)}) {
    for (double y : {x, std::nextafter(x, 0.0), std::nextafter(x, INFINITY)}) {
      values.push_back(y);
      values.push_back(-y);
    }
  }
  values.push_back(NAN);
  return values;
}

struct UnaryCase {
  int op;
  Exact (*reference)(Exact);
  double bound;
};

class UnaryDouble : public testing::TestWithParam<UnaryCase> {};

TEST_P(UnaryDouble, IsWithinTheBound) {
  const UnaryCase& c = GetParam();
  static const std::vector<double> x = samples();
  std::vector<Exact> exact(x.size());
  for (size_t i = 0; i < x.size(); ++i) exact[i] = c.reference(x[i]);
  auto look_up = [&] { return element_kernel(c.op, Dtype::Val::float64); };
  for_each_simd_kernel(look_up, [&](BlockKernel kernel, const char* target) {
    std::vector<double> y(x.size());
    const void* source = x.data();
    kernel(y.data(), &source, x.size(), nullptr);
    double worst = 0;
    size_t at = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      double error = ulps(y[i], exact[i]);
      if (error > worst) {
        worst = error;
        at = i;
      }
      if (exact[i] == 0 && x[i] == 0) {
        EXPECT_EQ(std::signbit(y[i]), std::signbit(exact[i])) << "sign of zero";
      }
    }
    printf("%s %s: %.3f ulp at %.17g\n", element_op_name(c.op), target, worst, x[at]);
    EXPECT_LE(worst, c.bound) << "at " << x[at] << " got " << y[at];
  });
}

Exact sigmoid(Exact x) { return x < 0 ? expl(x) / (1 + expl(x)) : 1 / (1 + expl(-x)); }

INSTANTIATE_TEST_SUITE_P(
    All, UnaryDouble,
    testing::Values(
        UnaryCase{op_index<Exp>(), expl, 1.1}, UnaryCase{op_index<Expm1>(), expm1l, 2},
        UnaryCase{op_index<Log>(), logl, 1}, UnaryCase{op_index<Log2>(), log2l, 1.5},
        UnaryCase{op_index<Log10>(), log10l, 1.7}, UnaryCase{op_index<Log1p>(), log1pl, 1.5},
        UnaryCase{op_index<Sin>(), sinl, 1.5}, UnaryCase{op_index<Cos>(), cosl, 1.5},
        UnaryCase{op_index<Tan>(), tanl, 2.5}, UnaryCase{op_index<Sinh>(), sinhl, 2},
        UnaryCase{op_index<Cosh>(), coshl, 2}, UnaryCase{op_index<Tanh>(), tanhl, 2.1},
        UnaryCase{op_index<ArcSin>(), asinl, 2}, UnaryCase{op_index<ArcCos>(), acosl, 2},
        UnaryCase{op_index<ArcTan>(), atanl, 2}, UnaryCase{op_index<ArcSinh>(), asinhl, 2},
        UnaryCase{op_index<ArcCosh>(), acoshl, 2}, UnaryCase{op_index<ArcTanh>(), atanhl, 2},
        UnaryCase{op_index<Erf>(), erfl, 1.5}, UnaryCase{op_index<Sigmoid>(), sigmoid, 2.6},
        UnaryCase{op_index<Rsqrt>(), [](Exact x) { return 1 / sqrtl(x); }, 1.5},
        UnaryCase{op_index<Sqrt>(), sqrtl, 0.501}, UnaryCase{op_index<Round>(), nearbyintl, 0},
        UnaryCase{op_index<Floor>(), floorl, 0}, UnaryCase{op_index<Ceil>(), ceill, 0},
        UnaryCase{op_index<Abs>(), fabsl, 0},
        UnaryCase{op_index<Square>(), [](Exact x) { return x * x; }, 0.501}),
    [](const auto& info) { return std::string(element_op_name(info.param.op)); });

struct BinaryCase {
  int op;
  Exact (*reference)(Exact, Exact);
  double bound;
};

class BinaryDouble : public testing::TestWithParam<BinaryCase> {};

TEST_P(BinaryDouble, IsWithinTheBound) {
  const BinaryCase& c = GetParam();
  std::vector<double> a, b;
  std::mt19937_64 random(11);
  std::uniform_real_distribution<double> base(0.0, 20.0), exponent(-200.0, 200.0), near(0.7, 1.5);
  for (int i = 0; i < 100000; ++i) {
    a.push_back(base(random));
    b.push_back(exponent(random));
    // Close to where the result overflows or vanishes, an error of the logarithm counts most.
    a.push_back(near(random));
    b.push_back((i % 2 == 0 ? 705 : -740) / std::log(a.back()));
    a.push_back(std::bit_cast<double>(random()));
    b.push_back(i % 2 == 0 ? std::bit_cast<double>(random()) : exponent(random));
  }
  std::vector<double> special = {0.0,   -0.0,   1.0,  -1.0,     2.0,       -2.0,  3.0,
                                 -3.0,  0.5,    -0.5, INFINITY, -INFINITY, NAN,   5e-324,
                                 1e308, -1e308, 2.5,  1e17,     -1e17,     1e-310};
  for (double x : special) {
    for (double y : special) {
      a.push_back(x);
      b.push_back(y);
    }
  }
  std::vector<Exact> exact(a.size());
  for (size_t i = 0; i < a.size(); ++i) exact[i] = c.reference(a[i], b[i]);
  auto look_up = [&] { return element_kernel(c.op, Dtype::Val::float64); };
  for_each_simd_kernel(look_up, [&](BlockKernel kernel, const char* target) {
    std::vector<double> y(a.size());
    const void* sources[] = {a.data(), b.data()};
    kernel(y.data(), sources, a.size(), nullptr);
    double worst = 0;
    size_t at = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      double error = ulps(y[i], exact[i]);
      if (error > worst) {
        worst = error;
        at = i;
      }
      if (exact[i] == 0) {
        EXPECT_EQ(std::signbit(y[i]), std::signbit(exact[i])) << a[i] << ", " << b[i];
      }
    }
    printf("%s %s: %.3f ulp at %.17g, %.17g\n", element_op_name(c.op), target, worst, a[at], b[at]);
    EXPECT_LE(worst, c.bound) << "at " << a[at] << ", " << b[at] << " got " << y[at];
  });
}

INSTANTIATE_TEST_SUITE_P(
    All, BinaryDouble,
    testing::Values(BinaryCase{op_index<Power>(), powl, 1.5},
                    BinaryCase{op_index<ArcTan2>(), atan2l, 1},
                    BinaryCase{op_index<Divide>(), [](Exact x, Exact y) { return x / y; }, 0.501}),
    [](const auto& info) { return std::string(element_op_name(info.param.op)); });

}  // namespace
}  // namespace mlx::core::cpu
