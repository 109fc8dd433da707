// Partition of one contiguous row, by narrowing the range that holds the wanted element.
#include <algorithm>
#include <cstring>

#include "backend/cpu/scratch.h"
#include "backend/cpu/small_sort.h"
#include "backend/cpu/sort.h"
#include "base/dispatch.h"

#ifndef MLX_CPU_PARTITION_ONCE
#define MLX_CPU_PARTITION_ONCE
namespace mlx::core::cpu {

constexpr int64_t kPadding = 64;  // keys that a vector load may read past the end

}  // namespace mlx::core::cpu
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/partition.simd.cpp"
#include <hwy/foreach_target.h>
//
#include "backend/cpu/sort-inl.h"

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

template <typename Sort>
void partition_keyed_row(const typename Sort::Element* in, int64_t n, int64_t kth,
                         typename Sort::Output* out) {
  using Key = typename Sort::Key;
  Scratch<Key> room(2 * (n + kPadding));
  Key* keys = room.get();
  std::fill_n(keys + n, kPadding, Key(0));
  Sort::make_keys(in, 0, n, keys);
  partition_keys(keys, n, kth, keys + n + kPadding);
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
  if (length >= kParallelSortLength && partition_long_row(dtype, in, out, length, kth)) return;
  if (length > kMinPartitionLength &&
      HWY_DYNAMIC_DISPATCH(PartitionRow)(dtype, in, out, length, kth)) {
    return;
  }
  sort_row(dtype, in, out, length);
}

void argpartition_row(Dtype dtype, const void* in, uint32_t* out, int64_t length, int64_t kth) {
  if (length >= kParallelSortLength && argpartition_long_row(dtype, in, out, length, kth)) return;
  if (length > kMinPartitionLength &&
      HWY_DYNAMIC_DISPATCH(ArgpartitionRow)(dtype, in, out, length, kth)) {
    return;
  }
  argsort_row(dtype, in, out, length);
}

}  // namespace mlx::core::cpu
#endif
