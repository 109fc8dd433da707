// Loads of elements as accumulators of reductions, for each SIMD target.
#include <cstring>

#include "backend/cpu/reduce_kernels.h"
#include "base/dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/reduce_load.simd.cpp"
#include "hwy/foreach_target.h"
//
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {
namespace {

template <typename T, typename A>
HWY_INLINE void convert_run(const T* src, int64_t stride, size_t n, A* dst) {
  if (stride == 1) {
    for (size_t i = 0; i < n; ++i) dst[i] = static_cast<A>(src[i]);
  } else {
    for (size_t i = 0; i < n; ++i) dst[i] = static_cast<A>(src[static_cast<int64_t>(i) * stride]);
  }
}

template <typename T>
HWY_INLINE void truth_run(const T* src, int64_t stride, size_t n, uint8_t* dst) {
  if (stride == 1) {
    for (size_t i = 0; i < n; ++i) dst[i] = src[i] != T(0);
  } else {
    for (size_t i = 0; i < n; ++i) dst[i] = src[static_cast<int64_t>(i) * stride] != T(0);
  }
}

template <typename T>
HWY_INLINE void load_as_sums(const T* src, int64_t stride, size_t n, void* dst) {
  if constexpr (std::is_same_v<T, bool> || (std::is_signed_v<T> && sizeof(T) < 4)) {
    convert_run(src, stride, n, static_cast<int32_t*>(dst));
  } else if constexpr (std::is_integral_v<T> && sizeof(T) < 4) {
    convert_run(src, stride, n, static_cast<uint32_t*>(dst));
  } else if constexpr (sizeof(T) == 2) {
    convert_run(src, stride, n, static_cast<float*>(dst));
  } else {
    convert_run(src, stride, n, static_cast<T*>(dst));
  }
}

void simd_load_accumulators(Dtype storage, Dtype accumulator, const void* src, int64_t stride,
                            size_t n, void* dst) {
  dispatch_dtype(storage, [&](auto tag) {
    using T = typename decltype(tag)::type;
    auto from = static_cast<const T*>(src);
    if (accumulator == bool_) {
      truth_run(from, stride, n, static_cast<uint8_t*>(dst));
    } else if (accumulator.size() == sizeof(T)) {
      convert_run(from, stride, n, static_cast<T*>(dst));
    } else {
      load_as_sums(from, stride, n, dst);
    }
  });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mlx::core::cpu {

HWY_EXPORT(simd_load_accumulators);

void load_accumulators(Dtype storage, Dtype accumulator, const void* src, int64_t stride, size_t n,
                       void* dst) {
  HWY_DYNAMIC_DISPATCH(simd_load_accumulators)(storage, accumulator, src, stride, n, dst);
}

}  // namespace mlx::core::cpu
#endif
