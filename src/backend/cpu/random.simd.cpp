// Random bits: Threefry-2x32-20 over vectors of counters.
#include "backend/cpu/random.h"

#include <hwy/cache_control.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "backend/cpu/simd/streaming.h"
#include "base/thread_pool.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/random.simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Words = hn::ScalableTag<uint32_t>;
using WordVec = hn::Vec<Words>;

template <int kLeft>
HWY_INLINE void mix(WordVec& x, WordVec& y) {
  x = hn::Add(x, y);
  y = hn::Xor(hn::RotateRight<32 - kLeft>(y), x);
}

struct KeySchedule {
  explicit KeySchedule(const uint32_t* key)
      : words{key[0], key[1], key[0] ^ key[1] ^ 0x1BD11BDAu} {}
  uint32_t words[3];
};

/** Replaces the counters (x, y) by their random words. */
HWY_INLINE void threefry(const KeySchedule& key, WordVec& x, WordVec& y) {
  const Words d;
  const WordVec k0 = hn::Set(d, key.words[0]);
  const WordVec k1 = hn::Set(d, key.words[1]);
  const WordVec k2 = hn::Set(d, key.words[2]);
  auto inject = [&](WordVec first, WordVec second, uint32_t round) HWY_ATTR {
    x = hn::Add(x, first);
    y = hn::Add(y, hn::Add(second, hn::Set(d, round)));
  };
  auto first_four = [&]() HWY_ATTR { mix<13>(x, y), mix<15>(x, y), mix<26>(x, y), mix<6>(x, y); };
  auto second_four = [&]() HWY_ATTR { mix<17>(x, y), mix<29>(x, y), mix<16>(x, y), mix<24>(x, y); };
  inject(k0, k1, 0);
  first_four();
  inject(k1, k2, 1);
  second_four();
  inject(k2, k0, 2);
  first_four();
  inject(k0, k1, 3);
  second_four();
  inject(k1, k2, 4);
  first_four();
  inject(k2, k0, 5);
}

/** Words i and half + i for i in [begin, end); `streaming` writes past the caches where aligned. */
void RandomPairs(const uint32_t* key_words, uint32_t* out, int64_t half, int64_t begin, int64_t end,
                 bool streaming) {
  const Words d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const KeySchedule key(key_words);
  int64_t i = begin;
  auto is_aligned = [&](const uint32_t* address) {
    return reinterpret_cast<uintptr_t>(address) % (lanes * sizeof(uint32_t)) == 0;
  };
  streaming = streaming && is_aligned(out + begin) && is_aligned(out + half + begin);
  WordVec first_counter = hn::Iota(d, static_cast<uint32_t>(i));
  WordVec second_counter = hn::Iota(d, static_cast<uint32_t>(half + i));
  const WordVec step = hn::Set(d, static_cast<uint32_t>(lanes));
  for (; i + lanes <= end; i += lanes) {
    WordVec x = first_counter;
    WordVec y = second_counter;
    first_counter = hn::Add(first_counter, step);
    second_counter = hn::Add(second_counter, step);
    threefry(key, x, y);
    if (streaming) {
      hn::Stream(x, d, out + i);
      hn::Stream(y, d, out + half + i);
    } else {
      hn::StoreU(x, d, out + i);
      hn::StoreU(y, d, out + half + i);
    }
  }
  if (i < end) {
    HWY_ALIGN uint32_t first[HWY_MAX_BYTES / 4];
    HWY_ALIGN uint32_t second[HWY_MAX_BYTES / 4];
    WordVec x = first_counter;
    WordVec y = second_counter;
    threefry(key, x, y);
    hn::Store(x, d, first);
    hn::Store(y, d, second);
    std::memcpy(out + i, first, (end - i) * sizeof(uint32_t));
    std::memcpy(out + half + i, second, (end - i) * sizeof(uint32_t));
  }
  if (streaming) hwy::FlushStream();
}

uint32_t RandomWord(const uint32_t* key_words, uint32_t first, uint32_t second) {
  const Words d;
  WordVec x = hn::Set(d, first);
  WordVec y = hn::Set(d, second);
  threefry(KeySchedule(key_words), x, y);
  return hn::GetLane(x);
}

}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mlx::core::cpu {
namespace {

HWY_EXPORT(RandomPairs);
HWY_EXPORT(RandomWord);

constexpr int64_t kPairsPerTask = 16384;

/** Words of one row, apart from its pairs: an odd row's middle word. */
void middle_word(const uint32_t* key, uint32_t* out, int64_t num_words) {
  if (num_words % 2 == 1) {
    out[num_words / 2] =
        HWY_DYNAMIC_DISPATCH(RandomWord)(key, static_cast<uint32_t>(num_words / 2), 0);
  }
}

void random_row(const uint32_t* key, uint32_t* out, int64_t num_words) {
  HWY_DYNAMIC_DISPATCH(RandomPairs)
  (key, out, num_words - num_words / 2, 0, num_words / 2, false);
  middle_word(key, out, num_words);
}

}  // namespace

void random_bits(const uint32_t* keys, int64_t num_keys, void* out, int64_t bytes_per_key) {
  if (num_keys == 0 || bytes_per_key == 0) return;
  int64_t num_words = (bytes_per_key + 3) / 4;
  int64_t num_pairs = num_words / 2;
  if (bytes_per_key % 4 != 0) {
    // Rows end within a word and may start unaligned: each is made aside.
    parallel_ranges(
        num_keys, std::max<int64_t>(1, kPairsPerTask / num_words), [&](int64_t begin, int64_t end) {
          auto row = std::make_unique_for_overwrite<uint32_t[]>(num_words);
          for (int64_t r = begin; r < end; ++r) {
            random_row(keys + 2 * r, row.get(), num_words);
            std::memcpy(static_cast<char*>(out) + r * bytes_per_key, row.get(), bytes_per_key);
          }
        });
    return;
  }
  auto* words = static_cast<uint32_t*>(out);
  if (num_pairs <= kPairsPerTask) {
    parallel_ranges(num_keys, std::max<int64_t>(1, kPairsPerTask / num_words),
                    [&](int64_t begin, int64_t end) {
                      for (int64_t r = begin; r < end; ++r) {
                        random_row(keys + 2 * r, words + r * num_words, num_words);
                      }
                    });
    return;
  }
  bool streaming = uses_streaming_stores(static_cast<size_t>(num_keys * bytes_per_key));
  for (int64_t r = 0; r < num_keys; ++r) {
    uint32_t* row = words + r * num_words;
    parallel_ranges(num_pairs, kPairsPerTask, [&](int64_t begin, int64_t end) {
      HWY_DYNAMIC_DISPATCH(RandomPairs)
      (keys + 2 * r, row, num_words - num_pairs, begin, end, streaming);
    });
    middle_word(keys + 2 * r, row, num_words);
  }
}

}  // namespace mlx::core::cpu
#endif
