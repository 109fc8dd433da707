// Distribution of the keys of a long row to buckets, by sampled splitters. Included once per SIMD
// target.
#if defined(MLX_BACKEND_CPU_BUCKETS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MLX_BACKEND_CPU_BUCKETS_INL_H_
#undef MLX_BACKEND_CPU_BUCKETS_INL_H_
#else
#define MLX_BACKEND_CPU_BUCKETS_INL_H_
#endif

#include <algorithm>
#include <cstring>
#include <vector>

#include "backend/cpu/small_sort.h"
#include "backend/cpu/sort-inl.h"
#include "base/thread_pool.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {

// Keys of a chunk stay in the level-2 cache between two passes.
inline constexpr int64_t kBucketChunk = 16384;

/** Adds to counts[b] the number of keys in [splitters[b - 1], splitters[b]). */
template <typename Key>
void count_buckets(const Key* keys, int64_t n, const Key* splitters, int num_buckets,
                   int64_t* counts) {
  const hn::ScalableTag<Key> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t previous = 0;
  for (int b = 0; b + 1 < num_buckets; ++b) {
    const auto splitter = hn::Set(d, splitters[b]);
    int64_t below = 0;
    int64_t i = 0;
    for (; i + lanes <= n; i += lanes) {
      below += hn::CountTrue(d, hn::Lt(hn::LoadU(d, keys + i), splitter));
    }
    for (; i < n; ++i) below += keys[i] < splitters[b];
    counts[b] = below - previous;
    previous = below;
  }
  counts[num_buckets - 1] = n - previous;
}

/** Orders `keys` by bucket, halving the range of buckets at each level, with `scratch` as large.
 * The result is in `keys` if `levels` is even, else in `scratch`. */
template <typename Key>
void order_by_bucket(Key* keys, int64_t n, const Key* splitters, int levels, Key* scratch) {
  if (levels == 0) return;
  const hn::ScalableTag<Key> d;
  const int middle = 1 << (levels - 1);
  const auto splitter = hn::Set(d, splitters[middle - 1]);
  int64_t num_below =
      copy_if(keys, n, scratch, scratch + n, [&](auto v) HWY_ATTR { return hn::Lt(v, splitter); });
  copy_if(keys, n, scratch + num_below, scratch + n,
          [&](auto v) HWY_ATTR { return hn::Not(hn::Lt(v, splitter)); });
  order_by_bucket(scratch, num_below, splitters, levels - 1, keys);
  order_by_bucket(scratch + num_below, n - num_below, splitters + middle, levels - 1,
                  keys + num_below);
}

/** Appends each key to its bucket at out + positions[b]; `counts` are the chunk's. */
template <typename Key>
void move_to_buckets(Key* keys, int64_t n, const Key* splitters, int levels,
                     const int64_t* positions, const int64_t* counts, Key* out) {
  Key scratch[kBucketChunk + kKeyPadding];
  order_by_bucket(keys, n, splitters, levels, scratch);
  const Key* from = levels % 2 == 0 ? keys : scratch;
  for (int b = 0; b < (1 << levels); ++b) {
    std::memcpy(out + positions[b], from, counts[b] * sizeof(Key));
    from += counts[b];
  }
}

/** The keys at `count` scattered positions, which depend on n only, in order. */
template <typename Sort>
std::vector<typename Sort::Key> sorted_sample(const typename Sort::Element* in, int64_t n,
                                              int64_t count) {
  std::vector<typename Sort::Key> sample(count);
  uint64_t state = 0x9e3779b97f4a7c15u;
  for (auto& key : sample) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    auto position = static_cast<int64_t>((state >> 33) % static_cast<uint64_t>(n));
    Sort::make_keys(in + position, position, 1, &key);
  }
  sort_keys(sample.data(), count);
  return sample;
}

/** Writes the keys of `in` to `keys` by bucket, of which there are 2^levels with a splitter between
 * two, in parallel. Returns where each bucket starts, and the end. */
template <typename Sort>
std::vector<int64_t> distribute(const typename Sort::Element* in, int64_t n,
                                const typename Sort::Key* splitters, int levels,
                                typename Sort::Key* keys) {
  using Key = typename Sort::Key;
  const int num_buckets = 1 << levels;
  const int64_t num_chunks = (n + kBucketChunk - 1) / kBucketChunk;
  std::vector<int64_t> counts(num_chunks * num_buckets), positions(num_chunks * num_buckets);
  auto for_each_chunk = [&](auto&& task) {
    parallel_ranges(n, kBucketChunk, [&](int64_t begin, int64_t end) {
      Key chunk[kBucketChunk + kKeyPadding];
      Sort::make_keys(in + begin, begin, end - begin, chunk);
      task(chunk, end - begin, begin / kBucketChunk * num_buckets);
    });
  };
  for_each_chunk([&](const Key* chunk, int64_t size, int64_t first) {
    count_buckets(chunk, size, splitters, num_buckets, &counts[first]);
  });
  std::vector<int64_t> starts(num_buckets + 1);
  int64_t position = 0;
  for (int b = 0; b < num_buckets; ++b) {
    starts[b] = position;
    for (int64_t c = b; c < num_chunks * num_buckets; c += num_buckets) {
      positions[c] = position;
      position += counts[c];
    }
  }
  starts[num_buckets] = n;
  for_each_chunk([&](Key* chunk, int64_t size, int64_t first) {
    move_to_buckets(chunk, size, splitters, levels, &positions[first], &counts[first], keys);
  });
  return starts;
}

}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#endif
