// How the sorts see elements: as unsigned keys, with or without positions. Included once per SIMD
// target.
#if defined(MLX_BACKEND_CPU_SORT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MLX_BACKEND_CPU_SORT_INL_H_
#undef MLX_BACKEND_CPU_SORT_INL_H_
#else
#define MLX_BACKEND_CPU_SORT_INL_H_
#endif

#include <hwy/highway.h>

#include "backend/cpu/sort_keys.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

inline constexpr int64_t kKeyPadding = 64;  // keys that a vector load may read past an array's end

/** SortKey<T>::exact of a vector of elements' bits. */
template <typename T, class D>
HWY_INLINE hn::Vec<D> exact_keys(D d, hn::Vec<D> bits) {
  using K = SortKey<T>;
  const auto sign = hn::Set(d, K::kSign);
  if constexpr (K::kIsFloat) {
    const hn::RebindToSigned<D> di;
    const auto negative = hn::BitCast(d, hn::BroadcastSignBit(hn::BitCast(di, bits)));
    const auto keys = hn::Xor(bits, hn::Or(negative, sign));
    const auto nan = hn::Gt(hn::AndNot(sign, bits), hn::Set(d, K::kInfinityBits));
    return hn::IfThenElse(nan, hn::Set(d, K::kNan), keys);
  } else {
    return hn::Xor(bits, sign);
  }
}

/** The bits of the elements whose keys these are. */
template <typename T, class D>
HWY_INLINE hn::Vec<D> bits_of_keys(D d, hn::Vec<D> keys) {
  using K = SortKey<T>;
  const auto sign = hn::Set(d, K::kSign);
  if constexpr (K::kIsFloat) {
    const hn::RebindToSigned<D> di;
    const auto was_positive = hn::BitCast(d, hn::BroadcastSignBit(hn::BitCast(di, keys)));
    return hn::Xor(keys, hn::Or(hn::Not(was_positive), sign));
  } else {
    return hn::Xor(keys, sign);
  }
}

/** How a value sort sees its elements: keys that are turned back into values. */
template <typename T>
struct ValueSort {
  using Element = T;
  using Key = typename SortKey<T>::Key;
  using Output = T;
  static constexpr bool kHasPositions = false;

  static void make_keys(const T* in, int64_t /*first*/, int64_t n, Key* keys) {
    const hn::ScalableTag<Key> d;
    const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
    auto bits = reinterpret_cast<const Key*>(in);
    int64_t i = 0;
    for (; i + lanes <= n; i += lanes) {
      hn::StoreU(exact_keys<T>(d, hn::LoadU(d, bits + i)), d, keys + i);
    }
    for (; i < n; ++i) keys[i] = SortKey<T>::exact(in[i]);
  }
  static void finish(const Key* keys, int64_t n, T* out) {
    const hn::ScalableTag<Key> d;
    const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
    auto bits = reinterpret_cast<Key*>(out);
    int64_t i = 0;
    for (; i + lanes <= n; i += lanes) {
      hn::StoreU(bits_of_keys<T>(d, hn::LoadU(d, keys + i)), d, bits + i);
    }
    for (; i < n; ++i) out[i] = SortKey<T>::value(keys[i]);
  }
};

/** How an argsort sees its elements: key and position in one word, so equal keys keep their order.
 */
template <typename T, typename Packed>
struct IndexSort {
  using Element = T;
  using Key = Packed;
  using Output = uint32_t;
  static constexpr bool kHasPositions = true;
  static constexpr int kShift = 4 * sizeof(Packed);

  static void make_keys(const T* in, int64_t first, int64_t n, Key* keys) {
    int64_t i = 0;
    using Narrow = typename SortKey<T>::Key;
    if constexpr (2 * sizeof(Narrow) == sizeof(Packed)) {
      const hn::ScalableTag<Packed> d;
      const hn::Rebind<Narrow, decltype(d)> narrow;
      const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
      auto source = reinterpret_cast<const Narrow*>(in);
      for (; i + lanes <= n; i += lanes) {
        auto bits = hn::LoadU(narrow, source + i);
        if constexpr (SortKey<T>::kIsFloat) {
          const auto is_zero = hn::Eq(bits, hn::Set(narrow, SortKey<T>::kSign));
          bits = hn::IfThenZeroElse(is_zero, bits);
        }
        const auto high = hn::ShiftLeft<kShift>(hn::PromoteTo(d, exact_keys<T>(narrow, bits)));
        const auto place = hn::Iota(d, static_cast<Packed>(first + i));
        hn::StoreU(hn::Or(high, place), d, keys + i);
      }
    }
    for (; i < n; ++i) {
      keys[i] = static_cast<Key>(SortKey<T>::folded(in[i])) << kShift | static_cast<Key>(first + i);
    }
  }
  static void finish(const Key* keys, int64_t n, uint32_t* out) {
    constexpr Key kPosition = (Key(1) << kShift) - 1;
    int64_t i = 0;
    if constexpr (sizeof(Key) == 8) {
      const hn::ScalableTag<Key> d;
      const hn::Rebind<uint32_t, decltype(d)> narrow;
      const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
      for (; i + lanes <= n; i += lanes) {
        hn::StoreU(hn::TruncateTo(narrow, hn::LoadU(d, keys + i)), narrow, out + i);
      }
    }
    for (; i < n; ++i) out[i] = static_cast<uint32_t>(keys[i] & kPosition);
  }
};

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

}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#endif
