// Partition of one contiguous row, by narrowing the range that holds the wanted element.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "backend/cpu/scratch.h"
#include "backend/cpu/small_sort.h"
#include "backend/cpu/sort.h"
#include "base/dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/partition.simd.cpp"
#include <hwy/foreach_target.h>
//
#include "backend/cpu/buckets-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {

/** Puts the key that sorting would put at `kth` there, smaller ones before and larger ones after
 * it, by narrowing the range that holds it. Reads up to a vector past both arrays' ends. */
template <typename Key>
void partition_keys(Key* keys, int64_t n, int64_t kth, Key* scratch) {
  constexpr int64_t kSortLength = 256;
  constexpr int64_t kSamples = 15;
  const hn::ScalableTag<Key> d;
  int64_t begin = 0, end = n;
  while (end - begin > kSortLength) {
    const int64_t size = end - begin;
    Key samples[kSamples];
    for (int64_t i = 0; i < kSamples; ++i)
      samples[i] = keys[begin + (2 * i + 1) * size / (2 * kSamples)];
    sort_keys(samples, kSamples);
    const auto pivot = hn::Set(d, samples[(kth - begin) * kSamples / size]);
    auto split = [&](auto&& is_left) {
      const Key* from = keys + begin;
      int64_t left = copy_if(from, size, scratch, scratch + size, is_left);
      copy_if(from, size, scratch + left, scratch + size,
              [&](auto v) HWY_ATTR { return hn::Not(is_left(v)); });
      std::memcpy(keys + begin, scratch, size * sizeof(Key));
      return left;
    };
    int64_t left = split([&](auto v) HWY_ATTR { return hn::Lt(v, pivot); });
    if (kth < begin + left) {
      end = begin + left;
      continue;
    }
    begin += left;
    if (left > 0) continue;
    // The pivot is the smallest key: what equals it is in place.
    left = split([&](auto v) HWY_ATTR { return hn::Not(hn::Lt(pivot, v)); });
    if (kth < begin + left) return;
    begin += left;
  }
  sort_keys(keys + begin, end - begin);
}

/** Distributes a long row, in parallel, to buckets of which a small one holds the wanted key. */
template <typename Sort>
void partition_long_row(const typename Sort::Element* in, int64_t n, int64_t kth,
                        typename Sort::Output* out) {
  using Key = typename Sort::Key;
  constexpr int64_t kSamples = 2048;
  Scratch<Key> room(n + kKeyPadding);
  Key* keys = room.get();
  const auto sample = sorted_sample<Sort>(in, n, kSamples);
  // Three times the deviation of a sampled rank to either side.
  const double share = static_cast<double>(kth) / static_cast<double>(n);
  const auto margin = static_cast<int64_t>(3 * std::sqrt(kSamples * share * (1 - share))) + 2;
  auto at = [&](int64_t rank) { return sample[std::clamp<int64_t>(rank, 0, kSamples - 1)]; };
  const int64_t middle = kth * kSamples / n;
  const Key splitters[3] = {at(middle - margin), at(middle), at(middle + margin)};
  const auto starts = distribute<Sort>(in, n, splitters, 2, keys);
  int b = 0;
  while (kth >= starts[b + 1]) ++b;
  const int64_t size = starts[b + 1] - starts[b];
  Scratch<Key> part(2 * (size + kKeyPadding));
  Key* const held = part.get();
  std::copy_n(keys + starts[b], size, held);
  std::fill_n(held + size, kKeyPadding, Key(0));
  partition_keys(held, size, kth - starts[b], held + size + kKeyPadding);
  std::copy_n(held, size, keys + starts[b]);
  parallel_ranges(n, kBucketChunk, [&](int64_t begin, int64_t end) {
    Sort::finish(keys + begin, end - begin, out + begin);
  });
}

template <typename Sort>
void partition_keyed_row(const typename Sort::Element* in, int64_t n, int64_t kth,
                         typename Sort::Output* out) {
  if (n >= kParallelSortLength) return partition_long_row<Sort>(in, n, kth, out);
  using Key = typename Sort::Key;
  Scratch<Key> room(2 * (n + kKeyPadding));
  Key* keys = room.get();
  std::fill_n(keys + n, kKeyPadding, Key(0));
  Sort::make_keys(in, 0, n, keys);
  partition_keys(keys, n, kth, keys + n + kKeyPadding);
  Sort::finish(keys, n, out);
}

bool PartitionRow(Dtype dtype, const void* in, void* out, int64_t n, int64_t kth) {
  return dispatch_dtype(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (sizeof(T) >= 4 && !std::is_same_v<T, complex64_t>) {
      partition_keyed_row<ValueSort<T>>(static_cast<const T*>(in), n, kth, static_cast<T*>(out));
      return true;
    }
    return false;
  });
}

bool ArgpartitionRow(Dtype dtype, const void* in, uint32_t* out, int64_t n, int64_t kth) {
  return dispatch_dtype(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (sizeof(T) <= 4) {
      partition_keyed_row<IndexSort<T, uint64_t>>(static_cast<const T*>(in), n, kth, out);
      return true;
    }
    return false;
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mlx::core::cpu {

HWY_EXPORT(PartitionRow);
HWY_EXPORT(ArgpartitionRow);

constexpr int64_t kMinPartitionLength = 512;  // shorter rows are sorted as quickly

void partition_row(Dtype dtype, const void* in, void* out, int64_t length, int64_t kth) {
  if (length > kMinPartitionLength &&
      HWY_DYNAMIC_DISPATCH(PartitionRow)(dtype, in, out, length, kth)) {
    return;
  }
  sort_row(dtype, in, out, length);
}

void argpartition_row(Dtype dtype, const void* in, uint32_t* out, int64_t length, int64_t kth) {
  if (length > kMinPartitionLength &&
      HWY_DYNAMIC_DISPATCH(ArgpartitionRow)(dtype, in, out, length, kth)) {
    return;
  }
  argsort_row(dtype, in, out, length);
}

}  // namespace mlx::core::cpu
#endif
