// Sorting of one contiguous row: keys by vectorised quicksort, long rows by buckets.
#include "backend/cpu/sort.h"

#include <algorithm>
#include <cstring>
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
#include "backend/cpu/buckets-inl.h"

#ifndef MLX_CPU_SORT_ONCE
#define MLX_CPU_SORT_ONCE
namespace mlx::core::cpu {

constexpr int64_t kEqualsChunk = 16384;

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
  int64_t num_chunks = (n + kEqualsChunk - 1) / kEqualsChunk;
  std::vector<EqualCounts> counts(num_chunks);
  parallel_ranges(n, kEqualsChunk, [&](int64_t begin, int64_t end) {
    counts[begin / kEqualsChunk] = count_equals(in + begin, end - begin);
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
    for (int64_t i = c * kEqualsChunk, end = std::min(n, i + kEqualsChunk); i < end; ++i) {
      auto bits = K::bits(in[i]);
      if (K::is_nan(bits)) {
        *nan++ = in[i];
      } else if (mixed_zeros && (bits == 0 || bits == K::kSign)) {
        *zeros++ = in[i];
      }
    }
  }
}

/** Sorts a long row: distributes the keys to buckets in parallel, then sorts the buckets in
 * parallel. `keys` has room for n keys. A sorted row is unique, so it does not depend on the
 * splitters. */
template <typename Sort>
void sort_long_row(const typename Sort::Element* in, int64_t n, typename Sort::Key* keys,
                   typename Sort::Output* out) {
  constexpr int64_t kSamplesPerBucket = 128;
  const int levels = n < (int64_t{1} << 21) ? 3 : 4;
  const int num_buckets = 1 << levels;
  const auto sample = sorted_sample<Sort>(in, n, num_buckets * kSamplesPerBucket);
  std::vector<typename Sort::Key> splitters(num_buckets - 1);
  for (int b = 1; b < num_buckets; ++b) splitters[b - 1] = sample[b * kSamplesPerBucket];
  const auto starts = distribute<Sort>(in, n, splitters.data(), levels, keys);
  parallel_for(num_buckets, [&](int64_t b) {
    sort_keys(keys + starts[b], starts[b + 1] - starts[b]);
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

}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mlx::core::cpu {

HWY_EXPORT(SortRow);
HWY_EXPORT(ArgsortRow);

void sort_row(Dtype dtype, const void* in, void* out, int64_t length) {
  HWY_DYNAMIC_DISPATCH(SortRow)(dtype, in, out, length);
}

void argsort_row(Dtype dtype, const void* in, uint32_t* out, int64_t length) {
  HWY_DYNAMIC_DISPATCH(ArgsortRow)(dtype, in, out, length);
}

}  // namespace mlx::core::cpu
#endif
