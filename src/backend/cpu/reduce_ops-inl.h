// Operations and loads of the reductions. Included once per SIMD target.
#if defined(MLX_BACKEND_CPU_REDUCE_OPS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MLX_BACKEND_CPU_REDUCE_OPS_INL_H_
#undef MLX_BACKEND_CPU_REDUCE_OPS_INL_H_
#else
#define MLX_BACKEND_CPU_REDUCE_OPS_INL_H_
#endif

#include <limits>
#include <type_traits>

#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "mlx/types/half_types.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/** Maps a storage type to its accumulator type. */
template <typename T>
struct AccumulatorOf {
  using type = T;
};
template <>
struct AccumulatorOf<float16_t> {
  using type = float;
};
template <>
struct AccumulatorOf<bfloat16_t> {
  using type = float;
};
template <typename T>
using Accumulator = typename AccumulatorOf<T>::type;

template <class D, typename T>
HWY_INLINE hn::Vec<D> load(D d, const T* p) {
  return hn::LoadU(d, p);
}
template <class D>
HWY_INLINE hn::Vec<D> load(D d, const float16_t* p) {
  return hn::PromoteTo(
      d, hn::LoadU(hn::Rebind<hwy::float16_t, D>(), reinterpret_cast<const hwy::float16_t*>(p)));
}
template <class D>
HWY_INLINE hn::Vec<D> load(D d, const bfloat16_t* p) {
  return hn::PromoteTo(
      d, hn::LoadU(hn::Rebind<hwy::bfloat16_t, D>(), reinterpret_cast<const hwy::bfloat16_t*>(p)));
}

template <class D, class V>
HWY_INLINE V multiply(D d, V a, V b) {
  using T = hn::TFromD<D>;
  if constexpr (std::is_integral_v<T> && sizeof(T) == 8) {
    // No 64-bit multiply on most targets: lane by lane.
    constexpr size_t kMax = HWY_MAX_BYTES / 8;
    HWY_ALIGN T left[kMax];
    HWY_ALIGN T right[kMax];
    hn::Store(a, d, left);
    hn::Store(b, d, right);
    for (size_t i = 0; i < hn::Lanes(d); ++i) {
      left[i] = static_cast<T>(static_cast<uint64_t>(left[i]) * static_cast<uint64_t>(right[i]));
    }
    return hn::Load(d, left);
  } else {
    return hn::Mul(a, b);
  }
}

struct SumOp {
  template <typename T>
  static constexpr T identity() {
    return T(0);
  }
  template <class D, class V>
  static HWY_INLINE V apply(D, V a, V b) {
    return hn::Add(a, b);
  }
};

struct ProdOp {
  template <typename T>
  static constexpr T identity() {
    return T(1);
  }
  template <class D, class V>
  static HWY_INLINE V apply(D d, V a, V b) {
    return multiply(d, a, b);
  }
};

// Floats: a NaN wins, and of two equal values the first (so -0 and 0 keep their order).
struct MinOp {
  template <typename T>
  static constexpr T identity() {
    using Limits = std::numeric_limits<T>;
    return Limits::has_infinity ? Limits::infinity() : Limits::max();
  }
  template <class D, class V>
  static HWY_INLINE V apply(D, V a, V b) {
    if constexpr (hwy::IsFloat<hn::TFromD<D>>()) {
      return hn::IfThenElse(hn::Or(hn::Lt(b, a), hn::IsNaN(b)), b, a);
    } else {
      return hn::Min(a, b);
    }
  }
};

struct MaxOp {
  template <typename T>
  static constexpr T identity() {
    using Limits = std::numeric_limits<T>;
    return Limits::has_infinity ? static_cast<T>(-Limits::infinity()) : Limits::lowest();
  }
  template <class D, class V>
  static HWY_INLINE V apply(D, V a, V b) {
    if constexpr (hwy::IsFloat<hn::TFromD<D>>()) {
      return hn::IfThenElse(hn::Or(hn::Gt(b, a), hn::IsNaN(b)), b, a);
    } else {
      return hn::Max(a, b);
    }
  }
};

/** The identity in the storage type. */
template <class Op, typename T>
T storage_identity() {
  if constexpr (std::is_same_v<T, Accumulator<T>>)
    return Op::template identity<T>();
  else
    return T(Op::template identity<float>());
}

/** A hint only: the address may lie outside the array. */
HWY_INLINE void prefetch_at(const void* p, int64_t bytes_ahead) {
  hwy::Prefetch(reinterpret_cast<const void*>(reinterpret_cast<uintptr_t>(p) +
                                              static_cast<uintptr_t>(bytes_ahead)));
}

/** The same for what is needed later: into the second-level cache. */
HWY_INLINE void prefetch_far(const void* p, int64_t bytes_ahead) {
#if defined(__GNUC__)
  __builtin_prefetch(reinterpret_cast<const void*>(reinterpret_cast<uintptr_t>(p) +
                                                   static_cast<uintptr_t>(bytes_ahead)),
                     0, 2);
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#endif
