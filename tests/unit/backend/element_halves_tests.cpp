// float16 and bfloat16 kernels of every SIMD target: the bits must be those of the target's own
// float32 kernel, rounded; conversions those of the scalar types.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "backend/cpu/element/families.h"
#include "mlx/types/half_types.h"
#include "simd_targets.h"

namespace mlx::core::cpu {
namespace {

template <class T>
constexpr Dtype::Val kDtype =
    std::is_same_v<T, float16_t> ? Dtype::Val::float16 : Dtype::Val::bfloat16;

template <class T>
T from_bits(uint16_t bits) {
  return std::bit_cast<T>(bits);
}

template <class T>
std::vector<T> all_values() {
  std::vector<T> values;
  for (uint32_t bits = 0; bits < 65536; ++bits) values.push_back(from_bits<T>(uint16_t(bits)));
  for (uint16_t bits = 0; bits < 13; ++bits) values.push_back(from_bits<T>(bits));  // a tail
  return values;
}

template <class T>
std::vector<float> widened(const std::vector<T>& x) {
  std::vector<float> y;
  for (T v : x) y.push_back(static_cast<float>(v));
  return y;
}

template <class T>
void expect_rounded(const std::vector<T>& got, const std::vector<float>& exact) {
  for (size_t i = 0; i < got.size(); ++i) {
    if (std::isnan(exact[i])) {
      ASSERT_TRUE(std::isnan(static_cast<float>(got[i]))) << "element " << i;
    } else {
      ASSERT_EQ(std::bit_cast<uint16_t>(got[i]), std::bit_cast<uint16_t>(T(exact[i])))
          << "element " << i << ": " << static_cast<float>(got[i]) << " for " << exact[i];
    }
  }
}

template <class T>
class Halves : public testing::Test {};
using HalfTypes = testing::Types<float16_t, bfloat16_t>;
TYPED_TEST_SUITE(Halves, HalfTypes);

TYPED_TEST(Halves, OpsRoundWhatFloat32Gives) {
  using T = TypeParam;
  const std::vector<T> x = all_values<T>();
  std::vector<T> y(x.size());
  std::mt19937 random(5);
  for (T& v : y) v = from_bits<T>(static_cast<uint16_t>(random()));
  const std::vector<float> wide_x = widened(x), wide_y = widened(y);
  for (int op = 0; op < static_cast<int>(OpList::size); ++op) {
    if (element_kernel(op, kDtype<T>) == nullptr) continue;
    if (block_kernel_result(op, float32) != float32) continue;
    SCOPED_TRACE(element_op_name(op));
    for_each_simd_kernel([&] { return element_kernel(op, Dtype::Val::float32); },
                         [&](BlockKernel kernel, const char*) {
                           std::vector<float> exact(x.size());
                           const void* wide[] = {wide_x.data(), wide_y.data()};
                           kernel(exact.data(), wide, x.size(), nullptr);
                           std::vector<T> result(x.size());
                           const void* sources[] = {x.data(), y.data()};
                           element_kernel(op, kDtype<T>)(result.data(), sources, x.size(), nullptr);
                           expect_rounded(result, exact);
                         });
  }
}

TYPED_TEST(Halves, ConstantsNeedNotBeReadAgain) {
  using T = TypeParam;
  const std::vector<T> x = all_values<T>();
  for (int op : {op_index<Add>(), op_index<Multiply>(), op_index<Maximum>()}) {
    for (float constant : {0.5f, 1.0f, 0.70703125f, -3.0e4f}) {
      const std::vector<T> repeated(x.size(), T(constant));
      for_each_simd_kernel([&] { return element_kernel(op, kDtype<T>); },
                           [&](BlockKernel kernel, const char*) {
                             std::vector<T> once(x.size()), each(x.size());
                             const void* sources[] = {x.data(), repeated.data()};
                             kernel(each.data(), sources, x.size(), nullptr);
                             kernel(once.data(), sources, x.size(), wishes(kConstantSecond));
                             EXPECT_EQ(std::memcmp(once.data(), each.data(), x.size() * 2), 0);
                           });
    }
  }
}

TYPED_TEST(Halves, CastsAreThoseOfScalars) {
  using T = TypeParam;
  std::vector<float> wide = widened(all_values<T>());
  std::mt19937 random(6);
  for (int i = 0; i < 200000; ++i) {
    auto bits = static_cast<uint32_t>(random());
    if (i % 4 == 0) bits = (bits & 0xffff0000u) | 0x8000u;  // halfway between two bfloat16
    if (i % 4 == 1) bits = (bits & 0xffffe000u) | 0x1000u;  // or two float16
    wide.push_back(std::bit_cast<float>(bits));
  }
  for_each_simd_kernel(
      [&] { return cast_kernel(Dtype::Val::float32, kDtype<T>); },
      [&](BlockKernel kernel, const char*) {
        std::vector<T> narrow(wide.size());
        const void* source = wide.data();
        kernel(narrow.data(), &source, wide.size(), nullptr);
        expect_rounded(narrow, wide);
        std::vector<float> back(wide.size());
        source = narrow.data();
        cast_kernel(kDtype<T>, Dtype::Val::float32)(back.data(), &source, wide.size(), nullptr);
        for (size_t i = 0; i < wide.size(); ++i) {
          float expected = static_cast<float>(narrow[i]);
          if (std::isnan(expected)) {
            ASSERT_TRUE(std::isnan(back[i]));
          } else {
            ASSERT_EQ(std::bit_cast<uint32_t>(back[i]), std::bit_cast<uint32_t>(expected));
          }
        }
      });
}

}  // namespace
}  // namespace mlx::core::cpu
