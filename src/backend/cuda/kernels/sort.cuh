// Stable sorting: short rows in shared memory, long ones by radix passes of 8 bits.
#pragma once

#include "args.h"
#include "block.cuh"
#include "vocabulary.cuh"

namespace mlx_device {

/** Maps elements to unsigned integers of the same order: NaN last; `folded` keys put -0 and 0 together. */
template <class Key, Key kInfinityBits>
struct FloatKey {
  static constexpr Key kSign = Key(1) << (8 * sizeof(Key) - 1);
  static Key ordered(Key bits) {
    if (static_cast<Key>(bits & ~kSign) > kInfinityBits) return static_cast<Key>(~Key(0));
    return static_cast<Key>(bits & kSign ? ~bits : bits | kSign);
  }
  static Key folded_bits(Key bits) { return ordered(bits == kSign ? Key(0) : bits); }
  static Key value_bits(Key key) { return static_cast<Key>(key & kSign ? key ^ kSign : ~key); }
};

template <class T>
struct SortKey;
template <Integer T>
struct SortKey<T> {
  using Key = typename IntegerTraits<T>::unsigned_type;
  static constexpr Key kSign = IntegerTraits<T>::is_signed ? Key(1) << (8 * sizeof(T) - 1) : Key(0);
  static Key exact(T x) { return static_cast<Key>(x) ^ kSign; }
  static Key folded(T x) { return exact(x); }
  static T value(Key key) { return static_cast<T>(static_cast<Key>(key ^ kSign)); }
};
template <class T, class K, K kInfinityBits>
struct FloatSortKey {
  using Key = K;
  using Map = FloatKey<K, kInfinityBits>;
  static K bits(T x) {
    K b;
    memcpy(&b, &x, sizeof(K));
    return b;
  }
  static K exact(T x) { return Map::ordered(bits(x)); }
  static K folded(T x) { return Map::folded_bits(bits(x)); }
  static T value(K key) {
    K b = Map::value_bits(key);
    T x;
    memcpy(&x, &b, sizeof(T));
    return x;
  }
};
template <>
struct SortKey<half_t> : FloatSortKey<half_t, uint16_t, 0x7c00> {};
template <>
struct SortKey<bfloat_t> : FloatSortKey<bfloat_t, uint16_t, 0x7f80> {};
template <>
struct SortKey<float> : FloatSortKey<float, uint32_t, 0x7f800000u> {};
template <>
struct SortKey<double> : FloatSortKey<double, uint64_t, 0x7ff0000000000000ull> {};
template <>
struct SortKey<complex_t> {
  using Key = uint64_t;
  static Key folded(complex_t x) {
    Key real = SortKey<float>::folded(x.re), imag = SortKey<float>::folded(x.im);
    return real == 0xffffffffu || imag == 0xffffffffu ? ~Key(0) : real << 32 | imag;
  }
  static Key exact(complex_t x) { return folded(x); }
};

/** One row a block: a bitonic network over (key, place) pairs, so equal keys keep their order. kSize is a power of
 * two from the row's length on. */
template <class T, int kSize, bool kIndices>
inline void sort_short_rows(const SortArgs& a) {
  wait_for_inputs();
  let_next_kernel_start();
  using Key = typename SortKey<T>::Key;
  constexpr int kThreads = kSize / 2 < 32 ? 32 : kSize / 2 > 512 ? 512 : kSize / 2;
  __shared__ Key keys[kSize];
  __shared__ uint16_t places[kSize];
  const T* in = static_cast<const T*>(a.in) + static_cast<long long>(blockIdx.x) * a.n;
  for (int i = threadIdx.x; i < kSize; i += kThreads) {
    bool inside = i < a.n;
    keys[i] = inside ? (kIndices ? SortKey<T>::folded(in[i]) : SortKey<T>::exact(in[i])) : static_cast<Key>(~Key(0));
    places[i] = static_cast<uint16_t>(i);
  }
  __syncthreads();
  for (int size = 2; size <= kSize; size *= 2) {
    for (int stride = size / 2; stride > 0; stride /= 2) {
      for (int i = threadIdx.x; i < kSize / 2; i += kThreads) {
        int low = 2 * i - (i & (stride - 1));
        int high = low + stride;
        bool ascending = (low & size) == 0;
        bool greater = keys[low] > keys[high] || (keys[low] == keys[high] && places[low] > places[high]);
        if (greater == ascending) {
          Key key = keys[low];
          keys[low] = keys[high];
          keys[high] = key;
          uint16_t place = places[low];
          places[low] = places[high];
          places[high] = place;
        }
      }
      __syncthreads();
    }
  }
  long long base = static_cast<long long>(blockIdx.x) * a.n;
  for (int i = threadIdx.x; i < a.n; i += kThreads) {
    if constexpr (kIndices) {
      static_cast<uint32_t*>(a.out)[base + i] = places[i];
    } else {
      static_cast<T*>(a.out)[base + i] = in[places[i]];
    }
  }
}

/** Keys (and places) of all elements: the start of the radix passes. */
template <class T, bool kIndices>
inline void make_sort_keys(const SortArgs& a) {
  wait_for_inputs();
  let_next_kernel_start();
  long long at = static_cast<long long>(blockIdx.x) * 256 + threadIdx.x;
  if (at >= a.rows * a.n) return;
  using Key = typename SortKey<T>::Key;
  T x = static_cast<const T*>(a.in)[at];
  static_cast<Key*>(a.out)[at] = kIndices ? SortKey<T>::folded(x) : SortKey<T>::exact(x);
  if constexpr (kIndices) static_cast<uint32_t*>(a.indices_out)[at] = static_cast<uint32_t>(at % a.n);
}

template <class T>
inline void values_of_sort_keys(const SortArgs& a) {
  wait_for_inputs();
  let_next_kernel_start();
  long long at = static_cast<long long>(blockIdx.x) * 256 + threadIdx.x;
  if (at >= a.rows * a.n) return;
  using Key = typename SortKey<T>::Key;
  static_cast<T*>(a.out)[at] = SortKey<T>::value(static_cast<const Key*>(a.in)[at]);
}

constexpr int kRadixTile = 4096;
constexpr int kRadixWarps = 8;

/** How often each digit occurs in each tile: [rows, 256, blocks]. */
template <class Key>
inline void radix_count(const SortArgs& a) {
  wait_for_inputs();
  let_next_kernel_start();
  __shared__ uint32_t counts[256];
  long long row = blockIdx.x / a.blocks, block = blockIdx.x % a.blocks;
  counts[threadIdx.x] = 0;
  __syncthreads();
  const Key* keys = static_cast<const Key*>(a.in) + row * a.n;
  long long first = block * kRadixTile;
#pragma unroll 4
  for (int i = threadIdx.x; i < kRadixTile; i += 256) {
    if (first + i < a.n) atomicAdd(&counts[static_cast<unsigned>(keys[first + i] >> a.shift) & 255], 1u);
  }
  __syncthreads();
  static_cast<uint32_t*>(a.counts)[(row * 256 + threadIdx.x) * a.blocks + block] = counts[threadIdx.x];
}

/** Moves each tile's elements to their digits' places; `counts` holds the exclusive sums. Each warp has 512
 * neighbours, so that the order of equal digits is kept. */
template <class Key, bool kIndices>
inline void radix_move(const SortArgs& a) {
  wait_for_inputs();
  let_next_kernel_start();
  __shared__ uint32_t warp_counts[kRadixWarps][256];
  constexpr int kPerWarp = kRadixTile / kRadixWarps, kSteps = kPerWarp / 32;
  long long row = blockIdx.x / a.blocks, block = blockIdx.x % a.blocks;
  const Key* keys = static_cast<const Key*>(a.in) + row * a.n;
  for (int i = threadIdx.x; i < kRadixWarps * 256; i += 256) warp_counts[i / 256][i % 256] = 0;
  __syncthreads();
  int warp = warp_id(), lane = lane_id();
  long long first = block * kRadixTile + warp * kPerWarp;
  Key mine[kSteps];
  unsigned ranks[kSteps];
  unsigned below = (1u << lane) - 1;
#pragma unroll
  for (int s = 0; s < kSteps; ++s) {
    long long at = first + s * 32 + lane;
    bool inside = at < a.n;
    mine[s] = inside ? keys[at] : Key(0);
    // Lanes beyond the end form a group of their own.
    unsigned digit = inside ? static_cast<unsigned>(mine[s] >> a.shift) & 255 : 256u;
    unsigned peers = __match_any_sync(kAllLanes, digit);
    unsigned before = inside ? warp_counts[warp][digit] : 0;
    __syncwarp();
    if (inside && (peers & below) == 0) warp_counts[warp][digit] = before + __popc(peers);
    __syncwarp();
    ranks[s] = before + __popc(peers & below);
  }
  __syncthreads();
  {
    unsigned running = static_cast<const uint32_t*>(a.counts)[(row * 256 + threadIdx.x) * a.blocks + block];
#pragma unroll
    for (int w = 0; w < kRadixWarps; ++w) {
      unsigned count = warp_counts[w][threadIdx.x];
      warp_counts[w][threadIdx.x] = running;
      running += count;
    }
  }
  __syncthreads();
#pragma unroll
  for (int s = 0; s < kSteps; ++s) {
    long long at = first + s * 32 + lane;
    if (at >= a.n) continue;
    unsigned digit = static_cast<unsigned>(mine[s] >> a.shift) & 255;
    long long to = row * a.n + warp_counts[warp][digit] + ranks[s];
    static_cast<Key*>(a.out)[to] = mine[s];
    if constexpr (kIndices) {
      static_cast<uint32_t*>(a.indices_out)[to] = static_cast<const uint32_t*>(a.indices_in)[row * a.n + at];
    }
  }
}

template <class T>
inline void search_sorted(const SortArgs& a) {
  wait_for_inputs();
  let_next_kernel_start();
  long long at = static_cast<long long>(blockIdx.x) * 256 + threadIdx.x;
  if (at >= a.rows) return;
  const T* sorted = static_cast<const T*>(a.in);
  auto key = SortKey<T>::folded(static_cast<const T*>(a.values)[at]);
  long long low = 0, n = a.n;
  while (n > 0) {
    long long half = n / 2;
    auto middle = SortKey<T>::folded(sorted[low + half]);
    bool go_right = a.right ? middle <= key : middle < key;
    low = go_right ? low + half + 1 : low;
    n = go_right ? n - half - 1 : half;
  }
  static_cast<uint32_t*>(a.out)[at] = static_cast<uint32_t>(low);
}

}  // namespace mlx_device
