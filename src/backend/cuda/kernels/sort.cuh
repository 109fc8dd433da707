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

constexpr int kRadixTile = 8192;
constexpr int kRadixThreads = 512;

/** What a pass reads (elements at first, then keys) and what the last one writes. */
enum SortResult { kSortedValues, kSortedPlaces, kSortedPairs };

template <class T, bool kFirst, SortResult kResult>
inline typename SortKey<T>::Key radix_key(const void* in, long long at) {
  if constexpr (kFirst) {
    T x = static_cast<const T*>(in)[at];
    return kResult == kSortedPlaces ? SortKey<T>::folded(x) : SortKey<T>::exact(x);
  } else {
    return static_cast<const typename SortKey<T>::Key*>(in)[at];
  }
}

/** How often each digit occurs in each tile: [rows, 256, blocks]. */
template <class T, SortResult kResult, bool kFirst>
inline void radix_count(const SortArgs& a) {
  wait_for_inputs();
  let_next_kernel_start();
  constexpr int kSteps = kRadixTile / kRadixThreads, kUnroll = 8;
  __shared__ uint32_t counts[2][256];
  long long row = blockIdx.x / a.blocks, block = blockIdx.x - row * a.blocks;
  int thread = static_cast<int>(threadIdx.x);
  counts[thread / 256][thread % 256] = 0;
  __syncthreads();
  long long first = block * kRadixTile, base = row * a.n;
  // Two sets of counters: neighbours in memory often have one digit.
  uint32_t* mine = counts[thread & 1];
  for (int s = 0; s < kSteps; s += kUnroll) {
    typename SortKey<T>::Key keys[kUnroll];
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      long long at = first + (s + u) * kRadixThreads + thread;
      keys[u] = at < a.n ? radix_key<T, kFirst, kResult>(a.in, base + at) : 0;
    }
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      long long at = first + (s + u) * kRadixThreads + thread;
      if (at < a.n) atomicAdd(&mine[static_cast<unsigned>(keys[u] >> a.shift) & 255], 1u);
    }
  }
  __syncthreads();
  if (thread < 256) {
    static_cast<uint32_t*>(a.counts)[(row * 256 + thread) * a.blocks + block] = counts[0][thread] + counts[1][thread];
  }
}

/** Lanes whose digit is the same. */
inline unsigned lanes_like(unsigned digit) {
  unsigned peers = kAllLanes;
#pragma unroll
  for (int bit = 0; bit < 8; ++bit) {
    unsigned set = __ballot_sync(kAllLanes, digit >> bit & 1);
    peers &= digit >> bit & 1 ? set : ~set;
  }
  return peers;
}

template <int kWarps>
struct RadixShared {
  uint16_t counts[kWarps][256];
  uint32_t sums[8];

  void clear() {
    for (int i = threadIdx.x; i < kWarps * 256; i += kWarps * 32) counts[i / 256][i % 256] = 0;
  }
};

/** Puts a tile in the order of a digit into `staged`; `ranks` are the places of a thread's keys there. Each warp has
 * 32 * kSteps neighbours, so that the order of equal digits is kept. `shared` has been cleared. Thread `digit` is told
 * where that digit starts. A reference to `shift` leaves it in constant memory, which saves registers. */
template <class Key, int kSteps, int kWarps, class F>
inline void order_tile(const Key (&keys)[kSteps], const int& shift, RadixShared<kWarps>& shared,
                       uint16_t (&ranks)[kSteps], Key* staged, F at_start) {
  int thread = static_cast<int>(threadIdx.x), warp = warp_id(), lane = lane_id();
  __syncthreads();
  unsigned below = (1u << lane) - 1;
#pragma unroll
  for (int s = 0; s < kSteps; ++s) {
    unsigned digit = static_cast<unsigned>(keys[s] >> shift) & 255;
    unsigned peers = lanes_like(digit);
    unsigned before = shared.counts[warp][digit];
    __syncwarp();
    if ((peers & below) == 0) shared.counts[warp][digit] = static_cast<uint16_t>(before + __popc(peers));
    __syncwarp();
    ranks[s] = static_cast<uint16_t>(before + __popc(peers & below));
  }
  __syncthreads();
  // Per digit: the warps' starts within the digit, then the digit's start within the tile.
  unsigned count = 0, inclusive = 0;
  if (thread < 256) {
#pragma unroll
    for (int w = 0; w < kWarps; ++w) {
      unsigned here = shared.counts[w][thread];
      shared.counts[w][thread] = static_cast<uint16_t>(count);
      count += here;
    }
    inclusive = count;
#pragma unroll
    for (int distance = 1; distance < 32; distance *= 2) {
      unsigned other = shuffle_up(inclusive, distance);
      if (lane >= distance) inclusive += other;
    }
    if (lane == 31) shared.sums[warp] = inclusive;
  }
  __syncthreads();
  if (thread < 256) {
    unsigned start = inclusive - count;
    for (int w = 0; w < warp; ++w) start += shared.sums[w];
    at_start(thread, start);
#pragma unroll
    for (int w = 0; w < kWarps; ++w) {
      shared.counts[w][thread] = static_cast<uint16_t>(shared.counts[w][thread] + start);
    }
  }
  __syncthreads();
#pragma unroll
  for (int s = 0; s < kSteps; ++s) {
    unsigned digit = static_cast<unsigned>(keys[s] >> shift) & 255;
    ranks[s] = static_cast<uint16_t>(ranks[s] + shared.counts[warp][digit]);
    staged[ranks[s]] = keys[s];
  }
  __syncthreads();
}

/** A row that fits one tile goes through all passes in shared memory: a block a row, of kThreads with kSteps keys each. */
template <class T, SortResult kResult, int kThreads, int kSteps>
inline void radix_row(const SortArgs& a) {
  using Key = typename SortKey<T>::Key;
  constexpr int kWarps = kThreads / 32;
  constexpr bool kPlaces = kResult == kSortedPlaces;
  MLX_SHARED_BYTES(shared);
  Key* staged = reinterpret_cast<Key*>(shared);
  uint16_t* staged_places = reinterpret_cast<uint16_t*>(shared);  // once the keys are gone
  __shared__ RadixShared<kWarps> counters;
  wait_for_inputs();
  let_next_kernel_start();
  long long base = static_cast<long long>(blockIdx.x) * a.n;
  int mine = warp_id() * (32 * kSteps) + lane_id(), n = static_cast<int>(a.n);
  Key keys[kSteps];
  uint16_t places[kSteps], ranks[kSteps];
#pragma unroll
  for (int s = 0; s < kSteps; ++s) {
    int at = mine + 32 * s;
    // What lies beyond the end sorts last and is not written.
    keys[s] = at < n ? radix_key<T, true, kResult>(a.in, base + at) : static_cast<Key>(~Key(0));
    places[s] = static_cast<uint16_t>(at);
  }
  for (int shift = 0; shift < static_cast<int>(8 * sizeof(Key)); shift += 8) {
    counters.clear();
    order_tile(keys, shift, counters, ranks, staged, [](int, unsigned) {});
#pragma unroll
    for (int s = 0; s < kSteps; ++s) keys[s] = staged[mine + 32 * s];
    if constexpr (kPlaces) {
      __syncthreads();
#pragma unroll
      for (int s = 0; s < kSteps; ++s) staged_places[ranks[s]] = places[s];
      __syncthreads();
#pragma unroll
      for (int s = 0; s < kSteps; ++s) places[s] = staged_places[mine + 32 * s];
    }
  }
#pragma unroll
  for (int s = 0; s < kSteps; ++s) {
    int at = mine + 32 * s;
    if (at >= n) break;
    if constexpr (kPlaces) {
      static_cast<uint32_t*>(a.out)[base + at] = places[s];
    } else {
      static_cast<T*>(a.out)[base + at] = SortKey<T>::value(keys[s]);
    }
  }
}

/** Moves each tile's elements to their digits' places; `counts` holds the exclusive sums. The tile is put in order in
 * shared memory first, so that neighbours are written together. */
template <class T, SortResult kResult, bool kFirst, bool kLast>
inline void radix_move(const SortArgs& a) {
  using Key = typename SortKey<T>::Key;
  constexpr int kWarps = kRadixThreads / 32, kPerWarp = kRadixTile / kWarps, kSteps = kPerWarp / 32;
  constexpr bool kPlaces = kResult != kSortedValues;
  constexpr bool kKeysOut = kResult != kSortedPlaces || !kLast;
  MLX_SHARED_BYTES(shared);
  Key* staged = reinterpret_cast<Key*>(shared);
  uint32_t* staged_places = reinterpret_cast<uint32_t*>(shared);  // once the keys are gone
  __shared__ RadixShared<kWarps> counters;
  __shared__ uint32_t target[256];  // where a digit's first element goes, less its position in the tile
  wait_for_inputs();
  let_next_kernel_start();
  int thread = static_cast<int>(threadIdx.x), warp = warp_id(), lane = lane_id();
  long long row = blockIdx.x / a.blocks, block = blockIdx.x - row * a.blocks;
  long long base = row * a.n;
  counters.clear();
  long long first = block * kRadixTile + warp * kPerWarp + lane;
  Key keys[kSteps];
  uint16_t ranks[kSteps];
#pragma unroll
  for (int s = 0; s < kSteps; ++s) {
    long long at = first + s * 32;
    // What lies beyond the end sorts last and is not written.
    keys[s] = at < a.n ? radix_key<T, kFirst, kResult>(a.in, base + at) : static_cast<Key>(~Key(0));
  }
  order_tile(keys, a.shift, counters, ranks, staged, [&](int digit, unsigned start) {
    target[digit] = static_cast<const uint32_t*>(a.counts)[(row * 256 + digit) * a.blocks + block] - start;
  });
  long long left = a.n - block * kRadixTile;
  int inside = left < kRadixTile ? static_cast<int>(left) : kRadixTile;
  uint32_t to[kSteps];
#pragma unroll
  for (int s = 0; s < kSteps; ++s) {
    int i = s * kRadixThreads + thread;
    Key key = staged[i];
    to[s] = target[static_cast<unsigned>(key >> a.shift) & 255] + static_cast<unsigned>(i);
    if (kKeysOut && i < inside) {
      if constexpr (kLast && kResult == kSortedValues) {
        static_cast<T*>(a.out)[base + to[s]] = SortKey<T>::value(key);
      } else {
        static_cast<Key*>(a.out)[base + to[s]] = key;
      }
    }
  }
  if constexpr (kPlaces) {
    __syncthreads();
#pragma unroll
    for (int s = 0; s < kSteps; ++s) {
      long long at = first + s * 32;
      if (kFirst) {
        staged_places[ranks[s]] = static_cast<uint32_t>(at);
      } else if (at < a.n) {
        staged_places[ranks[s]] = static_cast<const uint32_t*>(a.indices_in)[base + at];
      }
    }
    __syncthreads();
#pragma unroll
    for (int s = 0; s < kSteps; ++s) {
      int i = s * kRadixThreads + thread;
      if (i < inside) static_cast<uint32_t*>(a.indices_out)[base + to[s]] = staged_places[i];
    }
  }
}

/** The elements of each row in the order of its places. */
template <class T>
inline void values_at_places(const SortArgs& a) {
  long long at = start_element();
  if (at >= a.rows * a.n) return;
  long long base = at / a.n * a.n;
  static_cast<T*>(a.out)[at] = static_cast<const T*>(a.in)[base + static_cast<const uint32_t*>(a.indices_in)[at]];
}

template <class T>
inline void search_sorted(const SortArgs& a) {
  long long at = start_element();
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
