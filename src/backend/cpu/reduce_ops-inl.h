// Operations and loads of the reductions. Included once per SIMD target.
#if defined(MLX_BACKEND_CPU_REDUCE_OPS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MLX_BACKEND_CPU_REDUCE_OPS_INL_H_
#undef MLX_BACKEND_CPU_REDUCE_OPS_INL_H_
#else
#define MLX_BACKEND_CPU_REDUCE_OPS_INL_H_
#endif

#include <limits>
#include <type_traits>

#include "backend/cpu/accumulator.h"
#include "backend/cpu/simd/memory-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/** Elements as accumulators. */
template <class D, typename T>
HWY_INLINE hn::Vec<D> load(D d, const T* p) {
  if constexpr (std::is_same_v<T, Accumulator<T>>)
    return hn::LoadU(d, p);
  else
    return load_float(d, p);
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

/** Floats: a NaN wins, and of two equal values the first (so -0 and 0 keep their order). */
template <bool kIsMin>
struct BestOp {
  template <typename T>
  static constexpr T identity() {
    using Limits = std::numeric_limits<T>;
    constexpr T kInfinity = Limits::infinity();
    if constexpr (kIsMin)
      return Limits::has_infinity ? kInfinity : Limits::max();
    else
      return Limits::has_infinity ? static_cast<T>(-kInfinity) : Limits::lowest();
  }
  template <class D, class V>
  static HWY_INLINE V apply(D, V a, V b) {
    if constexpr (hwy::IsFloat<hn::TFromD<D>>()) {
      const auto better = kIsMin ? hn::Lt(b, a) : hn::Lt(a, b);
      return hn::IfThenElse(hn::Or(better, hn::IsNaN(b)), b, a);
    } else {
      return kIsMin ? hn::Min(a, b) : hn::Max(a, b);
    }
  }
};
using MinOp = BestOp<true>;
using MaxOp = BestOp<false>;

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
