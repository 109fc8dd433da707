// Sorting of one contiguous row: keys by vectorised quicksort, long rows split by sampled
// splitters.
#include "backend/cpu/sort.h"

#include <hwy/contrib/sort/vqsort.h>

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <vector>

#include "backend/cpu/scratch.h"
#include "backend/cpu/sort_keys.h"
#include "base/dispatch.h"
#include "base/thread_pool.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/sort.simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#ifndef MLX_CPU_SORT_ONCE
#define MLX_CPU_SORT_ONCE
namespace mlx::core::cpu {

constexpr int64_t kChunk = 16384;  // keys of a chunk stay in the level-2 cache between two passes
constexpr int64_t kPadding = 64;   // keys that a vector load may read past the end of a chunk
constexpr int64_t kInsertionSortLength = 20;
constexpr int64_t kMinPartitionLength = 512;  // shorter rows are sorted as quickly

/** Elements that compare equal but differ in bits; a stable sort keeps their order. */
struct EqualCounts {
  uint32_t negative_zeros = 0;
  uint32_t positive_zeros = 0;
  uint32_t nans = 0;
};

template <typename Key>
void sort_keys(Key* keys, int64_t n) {
  if (n <= kInsertionSortLength) {
    for (int64_t i = 1; i < n; ++i) {
      Key key = keys[i];
      int64_t j = i;
      for (; j > 0 && key < keys[j - 1]; --j) keys[j] = keys[j - 1];
      keys[j] = key;
    }
    return;
  }
  hwy::Sorter()(keys, static_cast<size_t>(n), hwy::SortAscending());
}

}  // namespace mlx::core::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/** How a value sort sees its elements: keys that are turned back into values. */
template <typename T>
struct ValueSort {
  using Element = T;
  using Key = typename SortKey<T>::Key;
  using Output = T;

  static void make_keys(const T* in, int64_t /*first*/, int64_t n, Key* keys) {
    for (int64_t i = 0; i < n; ++i) keys[i] = SortKey<T>::exact(in[i]);
  }
  static void finish(const Key* keys, int64_t n, T* out) {
    for (int64_t i = 0; i < n; ++i) out[i] = SortKey<T>::value(keys[i]);
  }
};

/** How an argsort sees its elements: key and position in one word, so equal keys keep their order.
 */
template <typename T, typename Packed>
struct IndexSort {
  using Element = T;
  using Key = Packed;
  using Output = uint32_t;
  static constexpr int kShift = 4 * sizeof(Packed);

  static void make_keys(const T* in, int64_t first, int64_t n, Key* keys) {
    for (int64_t i = 0; i < n; ++i) {
      keys[i] = static_cast<Key>(SortKey<T>::folded(in[i])) << kShift | static_cast<Key>(first + i);
    }
  }
  static void finish(const Key* keys, int64_t n, uint32_t* out) {
    constexpr Key kPosition = (Key(1) << kShift) - 1;
    for (int64_t i = 0; i < n; ++i) out[i] = static_cast<uint32_t>(keys[i] & kPosition);
  }
};

template <typename T>
EqualCounts count_equals(const T* in, int64_t n) {
  using K = SortKey<T>;
  EqualCounts counts;
  for (int64_t i = 0; i < n; ++i) {
    auto bits = K::bits(in[i]);
    counts.negative_zeros += bits == K::kSign;
    counts.positive_zeros += bits == 0;
    counts.nans += K::is_nan(bits);
  }
  return counts;
}

/** Puts zeros of either sign and NaNs of any payload, which the keys do not tell apart or order by
 * sign, back into the order they had in `in`. */
template <typename T>
void restore_equals(const T* in, T* out, int64_t n) {
  using K = SortKey<T>;
  int64_t num_chunks = (n + kChunk - 1) / kChunk;
  std::vector<EqualCounts> counts(num_chunks);
  parallel_ranges(n, kChunk, [&](int64_t begin, int64_t end) {
    counts[begin / kChunk] = count_equals(in + begin, end - begin);
  });
  int64_t negative = 0, positive = 0, nans = 0;
  for (const EqualCounts& c : counts) {
    negative += c.negative_zeros, positive += c.positive_zeros, nans += c.nans;
  }
  bool mixed_zeros = negative > 0 && positive > 0;
  if (!mixed_zeros && nans == 0) return;
  // Keys of the sorted output: all before the zeros are smaller than that of -0.
  T* zeros = std::partition_point(out, out + n,
                                  [](T x) HWY_ATTR { return K::exact(x) < K::kNegativeZero; });
  T* nan = out + (n - nans);
  for (int64_t c = 0; c < num_chunks; ++c) {
    if (counts[c].nans == 0 &&
        !(mixed_zeros && counts[c].negative_zeros + counts[c].positive_zeros))
      continue;
    for (int64_t i = c * kChunk, end = std::min(n, i + kChunk); i < end; ++i) {
      auto bits = K::bits(in[i]);
      if (K::is_nan(bits)) {
        *nan++ = in[i];
      } else if (mixed_zeros && (bits == 0 || bits == K::kSign)) {
        *zeros++ = in[i];
      }
    }
  }
}

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

/** Copies the keys for which `take` holds to `out`, writes nothing from `limit` on, and returns how
 * many. Reads up to a vector past the end of `keys`. */
template <typename Key, typename Take>
HWY_INLINE int64_t copy_if(const Key* keys, int64_t n, Key* out, const Key* limit,
                           const Take& take) {
  const hn::ScalableTag<Key> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  Key* to = out;
  int64_t i = 0;
  for (; i + lanes <= n && to + lanes <= limit; i += lanes) {
    const auto v = hn::LoadU(d, keys + i);
    to += hn::CompressStore(v, take(v), d, to);
  }
  for (; i < n; i += lanes) {
    const auto v = hn::LoadU(d, keys + i);
    const auto mask = hn::And(take(v), hn::FirstN(d, n - i));
    to += hn::CompressBlendedStore(v, mask, d, to);
  }
  return to - out;
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
  Key scratch[kChunk + kPadding];
  order_by_bucket(keys, n, splitters, levels, scratch);
  const Key* from = levels % 2 == 0 ? keys : scratch;
  for (int b = 0; b < (1 << levels); ++b) {
    std::memcpy(out + positions[b], from, counts[b] * sizeof(Key));
    from += counts[b];
  }
}

/** Equal shares of a sorted sample of the keys, taken at fixed positions. */
template <typename Sort>
std::vector<typename Sort::Key> choose_splitters(const typename Sort::Element* in, int64_t n,
                                                 int num_buckets) {
  constexpr int64_t kSamplesPerBucket = 128;
  std::vector<typename Sort::Key> sample(num_buckets * kSamplesPerBucket);
  uint64_t state = 0x9e3779b97f4a7c15u;
  for (auto& key : sample) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    auto position = static_cast<int64_t>((state >> 33) % static_cast<uint64_t>(n));
    Sort::make_keys(in + position, position, 1, &key);
  }
  sort_keys(sample.data(), static_cast<int64_t>(sample.size()));
  std::vector<typename Sort::Key> splitters(num_buckets - 1);
  for (int b = 1; b < num_buckets; ++b) splitters[b - 1] = sample[b * kSamplesPerBucket];
  return splitters;
}

/** Sorts a long row: partitions the keys into buckets in parallel, then sorts the buckets in
 * parallel. `keys` has room for n keys. The result is unique, so it does not depend on the
 * splitters. */
template <typename Sort>
void sort_long_row(const typename Sort::Element* in, int64_t n, typename Sort::Key* keys,
                   typename Sort::Output* out) {
  using Key = typename Sort::Key;
  const int levels = n < (int64_t{1} << 21) ? 3 : 4;
  const int num_buckets = 1 << levels;
  const auto splitters = choose_splitters<Sort>(in, n, num_buckets);
  const int64_t num_chunks = (n + kChunk - 1) / kChunk;
  std::vector<int64_t> counts(num_chunks * num_buckets), positions(num_chunks * num_buckets);
  auto for_each_chunk = [&](auto&& task) {
    parallel_ranges(n, kChunk, [&](int64_t begin, int64_t end) {
      Key chunk[kChunk + kPadding];
      Sort::make_keys(in + begin, begin, end - begin, chunk);
      task(chunk, end - begin, begin / kChunk * num_buckets);
    });
  };
  for_each_chunk([&](const Key* chunk, int64_t size, int64_t first) {
    count_buckets(chunk, size, splitters.data(), num_buckets, &counts[first]);
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
    move_to_buckets(chunk, size, splitters.data(), levels, &positions[first], &counts[first], keys);
  });
  parallel_for(num_buckets, [&](int64_t b) {
    sort_keys(keys + starts[b], starts[b + 1] - starts[b]);
    Sort::finish(keys + starts[b], starts[b + 1] - starts[b], out + starts[b]);
  });
}

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

template <typename Sort>
void sort_keyed_row(const typename Sort::Element* in, int64_t n, typename Sort::Key* keys,
                    typename Sort::Output* out) {
  if constexpr (sizeof(typename Sort::Key) >= 4) {
    if (n >= kParallelSortLength) return sort_long_row<Sort>(in, n, keys, out);
  }
  Sort::make_keys(in, 0, n, keys);
  sort_keys(keys, n);
  Sort::finish(keys, n, out);
}

/** Sorts small keys by counting how often each occurs. */
template <typename T>
void counting_sort_row(const T* in, int64_t n, T* out) {
  using Key = typename SortKey<T>::Key;
  constexpr int64_t kNumKeys = int64_t{1} << (8 * sizeof(Key));
  std::vector<int64_t> counts(kNumKeys);
  for (int64_t i = 0; i < n; ++i) ++counts[SortKey<T>::exact(in[i])];
  for (int64_t key = 0; key < kNumKeys; ++key) {
    out = std::fill_n(out, counts[key], SortKey<T>::value(static_cast<Key>(key)));
  }
}

/** Sorts each of a vector's lanes along n vectors, by Batcher's odd-even merge network. */
template <typename Key>
void sort_lanes(Key* keys, int64_t n) {
  const hn::ScalableTag<Key> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t p = 1; p < n; p *= 2) {
    for (int64_t k = p; k >= 1; k /= 2) {
      for (int64_t j = k % p; j + k < n; j += 2 * k) {
        for (int64_t i = j; i < std::min(j + k, n - k); ++i) {
          if (i / (2 * p) != (i + k) / (2 * p)) continue;
          const auto a = hn::Load(d, keys + i * lanes);
          const auto b = hn::Load(d, keys + (i + k) * lanes);
          hn::Store(hn::Min(a, b), d, keys + i * lanes);
          hn::Store(hn::Max(a, b), d, keys + (i + k) * lanes);
        }
      }
    }
  }
}

/** Sorts short rows side by side, one to a lane. Strides and offsets count elements. */
template <typename Sort>
void sort_short_rows(const ShortRows& rows, const typename Sort::Element* in,
                     typename Sort::Output* out) {
  using Key = typename Sort::Key;
  const hn::ScalableTag<Key> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t n = rows.length;
  HWY_ALIGN Key keys[kMaxShortLength * HWY_MAX_BYTES / sizeof(Key)];
  for (int64_t first = 0; first < rows.num_rows; first += lanes) {
    const int64_t count = std::min(lanes, rows.num_rows - first);
    for (int64_t r = 0; r < lanes; ++r) {
      const auto* row = in + rows.in_offsets[first + std::min(r, count - 1)];
      for (int64_t i = 0; i < n; ++i) {
        Sort::make_keys(row + i * rows.in_stride, i, 1, keys + i * lanes + r);
      }
    }
    sort_lanes(keys, n);
    for (int64_t r = 0; r < count; ++r) {
      auto* row = out + rows.out_offsets[first + r];
      for (int64_t i = 0; i < n; ++i) {
        Sort::finish(keys + i * lanes + r, 1, row + i * rows.out_stride);
      }
    }
  }
}

/** True when the keys alone tell the values: no NaN and no negative zero. */
template <typename T>
bool has_plain_values(const ShortRows& rows, const T* in) {
  if constexpr (SortKey<T>::kIsFloat) {
    bool plain = true;
    for (int64_t r = 0; r < rows.num_rows; ++r) {
      for (int64_t i = 0; i < rows.length; ++i) {
        auto bits = SortKey<T>::bits(in[rows.in_offsets[r] + i * rows.in_stride]);
        plain &= bits != SortKey<T>::kSign && !SortKey<T>::is_nan(bits);
      }
    }
    return plain;
  }
  return true;
}

bool SortShortRows(Dtype dtype, const ShortRows& rows, const void* in, void* out) {
  return dispatch_dtype(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_same_v<T, complex64_t>) {
      return false;
    } else {
      auto* elements = static_cast<const T*>(in);
      if (!has_plain_values(rows, elements)) return false;
      sort_short_rows<ValueSort<T>>(rows, elements, static_cast<T*>(out));
      return true;
    }
  });
}

bool ArgsortShortRows(Dtype dtype, const ShortRows& rows, const void* in, uint32_t* out) {
  return dispatch_dtype(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (sizeof(T) > 4) {
      return false;
    } else {
      using Packed = std::conditional_t<sizeof(T) <= 2, uint32_t, uint64_t>;
      sort_short_rows<IndexSort<T, Packed>>(rows, static_cast<const T*>(in), out);
      return true;
    }
  });
}

/** Argsort of keys of 64 bits, by pairs of key and position. */
template <typename T>
void argsort_wide_row(const T* in, uint32_t* out, int64_t n) {
  Scratch<hwy::uint128_t> pairs(n);
  for (int64_t i = 0; i < n; ++i) {
    pairs[i].lo = static_cast<uint64_t>(i);
    pairs[i].hi = SortKey<T>::folded(in[i]);
  }
  hwy::Sorter()(pairs.get(), static_cast<size_t>(n), hwy::SortAscending());
  for (int64_t i = 0; i < n; ++i) out[i] = static_cast<uint32_t>(pairs[i].lo);
}

void ArgsortRow(Dtype dtype, const void* in, uint32_t* out, int64_t n) {
  dispatch_dtype(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    auto* elements = static_cast<const T*>(in);
    auto run = [&]<typename Packed>(Packed) {
      sort_keyed_row<IndexSort<T, Packed>>(elements, n, Scratch<Packed>(n).get(), out);
    };
    if constexpr (sizeof(T) <= 2) {
      n <= (int64_t{1} << 16) ? run(uint32_t{}) : run(uint64_t{});
    } else if constexpr (sizeof(T) == 4) {
      run(uint64_t{});
    } else {
      argsort_wide_row(elements, out, n);
    }
  });
}

void SortRow(Dtype dtype, const void* in, void* out, int64_t n) {
  dispatch_dtype(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    auto* elements = static_cast<const T*>(in);
    auto* sorted = static_cast<T*>(out);
    if constexpr (std::is_same_v<T, complex64_t>) {
      Scratch<uint32_t> positions(n);
      argsort_wide_row(elements, positions.get(), n);
      for (int64_t i = 0; i < n; ++i) sorted[i] = elements[positions[i]];
    } else if constexpr (sizeof(T) == 1) {
      counting_sort_row(elements, n, sorted);
    } else {
      using Key = typename SortKey<T>::Key;
      bool sorted_by_counting = false;
      if constexpr (sizeof(T) == 2) {
        sorted_by_counting = n >= kParallelSortLength;
        if (sorted_by_counting) counting_sort_row(elements, n, sorted);
      }
      if (!sorted_by_counting) {
        // Keys have the size of the elements, so the output is their scratch as well.
        sort_keyed_row<ValueSort<T>>(elements, n, reinterpret_cast<Key*>(out), sorted);
      }
      if constexpr (SortKey<T>::kIsFloat) restore_equals(elements, sorted, n);
    }
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mlx::core::cpu {

HWY_EXPORT(SortShortRows);
HWY_EXPORT(ArgsortShortRows);
HWY_EXPORT(PartitionRow);
HWY_EXPORT(ArgpartitionRow);
HWY_EXPORT(SortRow);
HWY_EXPORT(ArgsortRow);

void sort_row(Dtype dtype, const void* in, void* out, int64_t length) {
  HWY_DYNAMIC_DISPATCH(SortRow)(dtype, in, out, length);
}

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

bool sort_short_rows(Dtype dtype, const ShortRows& rows, const void* in, void* out) {
  return HWY_DYNAMIC_DISPATCH(SortShortRows)(dtype, rows, in, out);
}

bool argsort_short_rows(Dtype dtype, const ShortRows& rows, const void* in, uint32_t* out) {
  return HWY_DYNAMIC_DISPATCH(ArgsortShortRows)(dtype, rows, in, out);
}

void argsort_row(Dtype dtype, const void* in, uint32_t* out, int64_t length) {
  HWY_DYNAMIC_DISPATCH(ArgsortRow)(dtype, in, out, length);
}

}  // namespace mlx::core::cpu
#endif
