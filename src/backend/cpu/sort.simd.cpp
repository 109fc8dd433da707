// Sorting of one contiguous row: keys by vectorised quicksort, long rows split by sampled
// splitters.
#include "backend/cpu/sort.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <type_traits>
#include <vector>

#include "backend/cpu/scratch.h"
#include "backend/cpu/small_sort.h"
#include "backend/cpu/sort_keys.h"
#include "base/dispatch.h"
#include "base/thread_pool.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/sort.simd.cpp"
#include <hwy/foreach_target.h>
//
#include "backend/cpu/sort-inl.h"

#ifndef MLX_CPU_SORT_ONCE
#define MLX_CPU_SORT_ONCE
namespace mlx::core::cpu {

constexpr int64_t kChunk = 16384;  // keys of a chunk stay in the level-2 cache between two passes
constexpr int64_t kPadding = 64;   // keys that a vector load may read past the end of a chunk

/** Elements that compare equal but differ in bits; a stable sort keeps their order. */
struct EqualCounts {
  uint32_t negative_zeros = 0;
  uint32_t positive_zeros = 0;
  uint32_t nans = 0;
};

}  // namespace mlx::core::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {
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
 * parallel; with a `kth` only the bucket that holds it. `keys` has room for n keys. A sorted row is
 * unique, so it does not depend on the splitters. */
template <typename Sort>
void sort_long_row(const typename Sort::Element* in, int64_t n, typename Sort::Key* keys,
                   typename Sort::Output* out, std::optional<int64_t> kth = {}) {
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
    if (!kth || (starts[b] <= *kth && *kth < starts[b + 1])) {
      sort_keys(keys + starts[b], starts[b + 1] - starts[b]);
    }
    Sort::finish(keys + starts[b], starts[b + 1] - starts[b], out + starts[b]);
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

bool PartitionLongRow(Dtype dtype, const void* in, void* out, int64_t n, int64_t kth) {
  return dispatch_dtype(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (sizeof(T) >= 4 && !std::is_same_v<T, complex64_t>) {
      using Sort = ValueSort<T>;
      sort_long_row<Sort>(static_cast<const T*>(in), n, static_cast<typename Sort::Key*>(out),
                          static_cast<T*>(out), kth);
      return true;
    }
    return false;
  });
}

bool ArgpartitionLongRow(Dtype dtype, const void* in, uint32_t* out, int64_t n, int64_t kth) {
  return dispatch_dtype(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (sizeof(T) <= 4) {
      Scratch<uint64_t> keys(n);
      sort_long_row<IndexSort<T, uint64_t>>(static_cast<const T*>(in), n, keys.get(), out, kth);
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

HWY_EXPORT(PartitionLongRow);
HWY_EXPORT(ArgpartitionLongRow);
HWY_EXPORT(SortRow);
HWY_EXPORT(ArgsortRow);

void sort_row(Dtype dtype, const void* in, void* out, int64_t length) {
  HWY_DYNAMIC_DISPATCH(SortRow)(dtype, in, out, length);
}

bool partition_long_row(Dtype dtype, const void* in, void* out, int64_t length, int64_t kth) {
  return HWY_DYNAMIC_DISPATCH(PartitionLongRow)(dtype, in, out, length, kth);
}

bool argpartition_long_row(Dtype dtype, const void* in, uint32_t* out, int64_t length,
                           int64_t kth) {
  return HWY_DYNAMIC_DISPATCH(ArgpartitionLongRow)(dtype, in, out, length, kth);
}

void argsort_row(Dtype dtype, const void* in, uint32_t* out, int64_t length) {
  HWY_DYNAMIC_DISPATCH(ArgsortRow)(dtype, in, out, length);
}

}  // namespace mlx::core::cpu
#endif
