// Sorting of short rows side by side, one to a lane of the vectors.
#include <algorithm>
#include <type_traits>
#include <vector>

#include "backend/cpu/element/kernels.h"
#include "backend/cpu/sort.h"
#include "base/dispatch.h"

#ifndef MLX_CPU_SORT_SHORT_ONCE
#define MLX_CPU_SORT_SHORT_ONCE
namespace mlx::core::cpu {
namespace {

/** Exchanges that sort n elements: Batcher's odd-even merge network. */
struct Exchange {
  uint8_t low;
  uint8_t high;
};

const std::vector<Exchange>& merge_network(int64_t n) {
  static thread_local std::vector<Exchange> network;
  static thread_local int64_t length = 0;
  if (length == n) return network;
  network.clear();
  for (int64_t p = 1; p < n; p *= 2) {
    for (int64_t k = p; k >= 1; k /= 2) {
      for (int64_t j = k % p; j + k < n; j += 2 * k) {
        for (int64_t i = j; i < std::min(j + k, n - k); ++i) {
          if (i / (2 * p) != (i + k) / (2 * p)) continue;
          network.push_back({static_cast<uint8_t>(i), static_cast<uint8_t>(i + k)});
        }
      }
    }
  }
  length = n;
  return network;
}

}  // namespace
}  // namespace mlx::core::cpu
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/sort_short.simd.cpp"
#include <hwy/foreach_target.h>
//
#include "backend/cpu/sort-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {

/** Sorts each of a vector's lanes along n vectors. */
template <typename Key>
void sort_lanes(Key* keys, const std::vector<Exchange>& network) {
  const hn::ScalableTag<Key> d;
  const size_t lanes = hn::Lanes(d);
  for (const Exchange& exchange : network) {
    Key* low = keys + exchange.low * lanes;
    Key* high = keys + exchange.high * lanes;
    const auto a = hn::Load(d, low);
    const auto b = hn::Load(d, high);
    hn::Store(hn::Min(a, b), d, low);
    hn::Store(hn::Max(a, b), d, high);
  }
}

/** True when keys alone tell the values: no NaN and no negative zero. */
template <typename T, typename Key>
bool are_plain(const Key* keys, int64_t n) {
  using K = SortKey<T>;
  const hn::ScalableTag<Key> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  auto odd = hn::FirstN(d, 0);
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto v = hn::LoadU(d, keys + i);
    odd = hn::Or(odd,
                 hn::Or(hn::Eq(v, hn::Set(d, K::kNan)), hn::Eq(v, hn::Set(d, K::kNegativeZero))));
  }
  bool plain = hn::AllFalse(d, odd);
  for (; i < n; ++i) plain &= keys[i] != K::kNan && keys[i] != K::kNegativeZero;
  return plain;
}

/** Sorts short rows side by side, one to a lane; false where values cannot be told from keys. */
template <typename Sort>
bool sort_short_rows(const ShortRows& rows, const typename Sort::Element* in,
                     typename Sort::Output* out) {
  using Key = typename Sort::Key;
  using Element = typename Sort::Element;
  constexpr int64_t kMaxLanes = HWY_MAX_BYTES / sizeof(Key);
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(hn::ScalableTag<Key>()));
  const int64_t n = rows.length;
  const auto& network = merge_network(n);
  HWY_ALIGN Key keys[kMaxShortLength * kMaxLanes] = {};
  HWY_ALIGN Key lines[kMaxShortLength * kMaxLanes];  // the same, row by row
  Element elements[kMaxShortLength];
  typename Sort::Output sorted[kMaxShortLength];
  for (int64_t first = 0; first < rows.num_rows; first += lanes) {
    const int64_t count = std::min(lanes, rows.num_rows - first);
    for (int64_t r = 0; r < count; ++r) {
      const Element* row = in + rows.in_offsets[first + r];
      if (rows.in_stride != 1) {
        for (int64_t i = 0; i < n; ++i) elements[i] = row[i * rows.in_stride];
        row = elements;
      }
      Sort::make_keys(row, 0, n, lines + r * n);
    }
    if constexpr (!Sort::kHasPositions && SortKey<Element>::kIsFloat) {
      if (!are_plain<Element>(lines, count * n)) return false;
    }
    transpose_block(keys, lanes, lines, n, n, count, sizeof(Key));
    sort_lanes(keys, network);
    transpose_block(lines, n, keys, lanes, count, n, sizeof(Key));
    for (int64_t r = 0; r < count; ++r) {
      auto* row = out + rows.out_offsets[first + r];
      if (rows.out_stride == 1) {
        Sort::finish(lines + r * n, n, row);
        continue;
      }
      Sort::finish(lines + r * n, n, sorted);
      for (int64_t i = 0; i < n; ++i) row[i * rows.out_stride] = sorted[i];
    }
  }
  return true;
}

bool SortShortRows(Dtype dtype, const ShortRows& rows, const void* in, void* out) {
  return dispatch_dtype(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_same_v<T, complex64_t>) {
      return false;
    } else {
      return sort_short_rows<ValueSort<T>>(rows, static_cast<const T*>(in), static_cast<T*>(out));
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
      return sort_short_rows<IndexSort<T, Packed>>(rows, static_cast<const T*>(in), out);
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

bool sort_short_rows(Dtype dtype, const ShortRows& rows, const void* in, void* out) {
  return HWY_DYNAMIC_DISPATCH(SortShortRows)(dtype, rows, in, out);
}

bool argsort_short_rows(Dtype dtype, const ShortRows& rows, const void* in, uint32_t* out) {
  return HWY_DYNAMIC_DISPATCH(ArgsortShortRows)(dtype, rows, in, out);
}

}  // namespace mlx::core::cpu
#endif
