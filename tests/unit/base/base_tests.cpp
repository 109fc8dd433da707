// Tests of dtypes, 16-bit floats, SmallVector and the thread pool.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "base/thread_pool.h"
#include "mlx/dtype.h"
#include "mlx/small_vector.h"

namespace mlx::core {

TEST(HalfTypes, EveryBitPatternRoundTrips) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    auto half = detail::half_from_bits<float16_t>(bits);
    auto brain = detail::half_from_bits<bfloat16_t>(bits);
    if (!std::isnan(float(half))) EXPECT_EQ(float16_t(float(half)).bits_, bits);
    if (!std::isnan(float(brain))) EXPECT_EQ(bfloat16_t(float(brain)).bits_, bits);
  }
}

TEST(HalfTypes, RoundsToNearestEven) {
  EXPECT_EQ(float16_t(1.0f + 0x1p-11f).bits_, float16_t(1.0f).bits_);
  EXPECT_EQ(float16_t(1.0f + 3 * 0x1p-11f).bits_, float16_t(1.0f + 0x1p-9f).bits_);
  EXPECT_EQ(float(float16_t(65519.0f)), 65504.0f);
  EXPECT_TRUE(std::isinf(float(float16_t(65520.0f))));
  EXPECT_EQ(bfloat16_t(1.0f + 0x1p-8f).bits_, bfloat16_t(1.0f).bits_);
  EXPECT_TRUE(std::isnan(float(bfloat16_t(NAN))));
}

TEST(Dtype, Promotion) {
  EXPECT_EQ(promote_types(int8, uint8), int16);
  EXPECT_EQ(promote_types(int64, uint64), float32);
  EXPECT_EQ(promote_types(float16, bfloat16), float32);
  EXPECT_EQ(promote_types(bool_, uint16), uint16);
  EXPECT_EQ(promote_types(complex64, float64), complex64);
  EXPECT_TRUE(issubdtype(float32, inexact));
  EXPECT_FALSE(issubdtype(bool_, number));
}

TEST(SmallVector, GrowsInsertsAndErases) {
  SmallVector<int, 2> values{1, 2, 3};
  values.insert(values.begin() + 1, 9);
  EXPECT_EQ(values, (SmallVector<int, 2>{1, 9, 2, 3}));
  values.erase(values.begin());
  auto moved = std::move(values);
  EXPECT_EQ(moved.size(), 3u);
  EXPECT_TRUE(values.empty());
  EXPECT_THROW(moved.at(3), std::out_of_range);
}

TEST(ThreadPool, RunsEveryTaskOnceAndRethrows) {
  for (int round = 0; round < 200; ++round) {
    std::vector<std::atomic<int>> hits(37);
    parallel_for(37, [&](int64_t i) { hits[i]++; });
    for (auto& hit : hits) ASSERT_EQ(hit.load(), 1);
  }
  EXPECT_THROW(parallel_for(8,
                            [](int64_t i) {
                              if (i == 5) throw std::runtime_error("five");
                            }),
               std::runtime_error);
}

}  // namespace mlx::core
