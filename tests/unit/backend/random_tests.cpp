// Random bits: known answers, layout of odd and narrow rows, independence of threads.
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "backend/cpu/random.h"
#include "base/thread_pool.h"

namespace mlx::core::cpu {
namespace {

std::vector<uint32_t> words(uint32_t high, uint32_t low, int64_t n) {
  uint32_t key[2] = {high, low};
  std::vector<uint32_t> out(n);
  random_bits(key, 1, out.data(), n * 4);
  return out;
}

TEST(Random, KnownWords) {
  using V = std::vector<uint32_t>;
  EXPECT_EQ(words(0, 42, 1), (V{0x6d3e048f}));
  EXPECT_EQ(words(0, 42, 2), (V{0x03d7b32d, 0xadd083f4}));
  EXPECT_EQ(words(0, 42, 3), (V{0x92fb20ea, 0x19a3f86f, 0x0f38d913}));
  EXPECT_EQ(words(0, 42, 7), (V{0xb013aee3, 0x997e0266, 0x43e44385, 0x64337688, 0xc34eddf6,
                                0x48ebcd9f, 0x0a56f817}));
}

TEST(Random, NarrowRowsAreCutOffWords) {
  uint32_t key[2] = {0, 42};
  for (int64_t bytes = 1; bytes < 70; ++bytes) {
    std::vector<uint8_t> out(bytes + 1, 0xa5);
    random_bits(key, 1, out.data(), bytes);
    auto whole = words(0, 42, (bytes + 3) / 4);
    EXPECT_EQ(std::memcmp(out.data(), whole.data(), bytes), 0) << bytes;
    EXPECT_EQ(out[bytes], 0xa5);
  }
}

TEST(Random, EachKeyMakesItsOwnRow) {
  std::vector<uint32_t> keys;
  for (uint32_t i = 0; i < 40; ++i) keys.push_back(i * 977);
  for (int64_t bytes : {4, 6, 20, 4000, 400004}) {
    std::vector<uint8_t> all(20 * bytes), one(bytes);
    for (int threads : {1, 4}) {
      int previous = set_num_threads(threads);
      random_bits(keys.data(), 20, all.data(), bytes);
      set_num_threads(previous);
      for (int r = 0; r < 20; ++r) {
        random_bits(&keys[2 * r], 1, one.data(), bytes);
        ASSERT_EQ(std::memcmp(one.data(), all.data() + r * bytes, bytes), 0) << bytes << " " << r;
      }
    }
  }
}

TEST(Random, LongRowsMatchShortCounters) {
  // Word i and H + i of a long row depend on the counters alone: check against a scalar cipher.
  auto cipher = [](uint32_t x, uint32_t y) {
    uint32_t keys[3] = {5, 9, 5u ^ 9u ^ 0x1BD11BDAu};
    const int rotations[2][4] = {{13, 15, 26, 6}, {17, 29, 16, 24}};
    x += keys[0], y += keys[1];
    for (uint32_t round = 0; round < 5; ++round) {
      for (int r : rotations[round % 2]) {
        x += y;
        y = (y << r | y >> (32 - r)) ^ x;
      }
      x += keys[(round + 1) % 3];
      y += keys[(round + 2) % 3] + round + 1;
    }
    return std::pair{x, y};
  };
  for (int64_t n : {100001, 6000000}) {
    auto out = words(5, 9, n);
    int64_t half = (n + 1) / 2;
    for (int64_t i = 0; i < n / 2; i += 37) {
      auto [x, y] = cipher(i, half + i);
      ASSERT_EQ(out[i], x);
      ASSERT_EQ(out[half + i], y);
    }
    if (n % 2 == 1) {
      EXPECT_EQ(out[n / 2], cipher(n / 2, 0).first);
    }
  }
}

}  // namespace
}  // namespace mlx::core::cpu
