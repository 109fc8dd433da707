// Block kernels that convert between all pairs of dtypes.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/element/casts.simd.cpp"
#include <hwy/foreach_target.h>

#include "backend/cpu/element/block-inl.h"
#include "backend/cpu/element/families.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {

/** As C++ converts, with out-of-range floats doing what x86 does: through int32 for up to 16 bits
 * and int32, through int64 for the wider ones, so that -1.0 becomes the largest unsigned value. */
template <class R, class T>
HWY_INLINE R convert(T x) {
  if constexpr (std::is_same_v<T, complex64_t>) {
    if constexpr (std::is_same_v<R, bool>)
      return (x.real() != 0.0f) | (x.imag() != 0.0f);
    else
      return convert<R>(x.real());
  } else if constexpr (std::is_same_v<R, complex64_t>) {
    return complex64_t(static_cast<float>(x), 0.0f);
  } else if constexpr (std::is_same_v<R, bool>) {
    return x != T(0);
  } else if constexpr (std::is_floating_point_v<T> && std::is_same_v<R, uint64_t>) {
    constexpr T kHalf = static_cast<T>(9223372036854775808.0);
    bool high = x >= kHalf;
    auto low = static_cast<uint64_t>(static_cast<int64_t>(high ? x - kHalf : x));
    return low + (static_cast<uint64_t>(high) << 63);
  } else if constexpr (std::is_floating_point_v<T> && std::is_integral_v<R>) {
    using Middle =
        std::conditional_t<(sizeof(R) < 4 || std::is_same_v<R, int32_t>), int32_t, int64_t>;
    return static_cast<R>(static_cast<Middle>(x));
  } else {
    return static_cast<R>(x);
  }
}

template <class T>
inline constexpr bool kIsHalf = std::is_same_v<T, float16_t> || std::is_same_v<T, bfloat16_t>;

template <class R, class T>
HWY_INLINE void convert_loop(R* HWY_RESTRICT out, const T* HWY_RESTRICT in, size_t n) {
  if constexpr (std::is_same_v<R, bool>) {
    auto* bytes = reinterpret_cast<uint8_t*>(out);
    for (size_t i = 0; i < n; ++i) bytes[i] = static_cast<uint8_t>(convert<bool>(in[i]));
  } else {
    for (size_t i = 0; i < n; ++i) out[i] = convert<R>(in[i]);
  }
}

template <class R, class T>
HWY_INLINE void convert_floats(R* out, const T* in, size_t n, bool stream = false) {
  const hn::ScalableTag<float> d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  if (stream) {
    for (; i + lanes <= n; i += lanes) stream_float(d, load_float(d, in + i), out + i);
  }
  for (; i + lanes <= n; i += lanes) store_float(d, load_float(d, in + i), out + i);
  if (i < n) store_float_n(d, load_float_n(d, in + i, n - i), out + i, n - i);
}

template <class R, class T>
void cast_block(void* dst, const void* const* sources, size_t n, const void* params) {
  auto* out = static_cast<R*>(dst);
  auto* in = static_cast<const T*>(sources[0]);
  if constexpr (std::is_same_v<R, T>) {
    if (dst != sources[0]) std::memcpy(dst, sources[0], n * sizeof(T));
  } else if constexpr (kAsFloatVector<R> && kAsFloatVector<T>) {
    convert_floats(out, in, n, has_wish(params, kStreamResult));
  } else if constexpr (kIsHalf<R> || kIsHalf<T>) {
    // Through float32, a few vectors at a time.
    constexpr size_t kChunk = 256;
    HWY_ALIGN float buffer[kChunk];
    for (size_t i = 0; i < n; i += kChunk) {
      size_t count = n - i < kChunk ? n - i : kChunk;
      if constexpr (kIsHalf<T>) {
        convert_floats(buffer, in + i, count);
        convert_loop(out + i, buffer, count);
      } else {
        convert_loop(buffer, in + i, count);
        convert_floats(out + i, buffer, count);
      }
    }
  } else if (dst != sources[0]) {
    convert_loop(out, in, n);
  } else {  // in place, items of equal size
#pragma GCC ivdep
    for (size_t i = 0; i < n; ++i) out[i] = convert<R>(in[i]);
  }
}

template <class T>
struct MakeCast {
  template <class R>
  static BlockKernel make() {
    return &cast_block<R, T>;
  }
};
struct MakeCastFrom {
  template <class T>
  static BlockKernel make(Dtype::Val to) {
    return kernel_for<MakeCast<T>, kAll>(to);
  }
};

BlockKernel find_cast_kernel(Dtype::Val from, Dtype::Val to) {
  switch (from) {
    case Dtype::Val::bool_:
      return MakeCastFrom::make<bool>(to);
    case Dtype::Val::uint8:
      return MakeCastFrom::make<uint8_t>(to);
    case Dtype::Val::uint16:
      return MakeCastFrom::make<uint16_t>(to);
    case Dtype::Val::uint32:
      return MakeCastFrom::make<uint32_t>(to);
    case Dtype::Val::uint64:
      return MakeCastFrom::make<uint64_t>(to);
    case Dtype::Val::int8:
      return MakeCastFrom::make<int8_t>(to);
    case Dtype::Val::int16:
      return MakeCastFrom::make<int16_t>(to);
    case Dtype::Val::int32:
      return MakeCastFrom::make<int32_t>(to);
    case Dtype::Val::int64:
      return MakeCastFrom::make<int64_t>(to);
    case Dtype::Val::float16:
      return MakeCastFrom::make<float16_t>(to);
    case Dtype::Val::float32:
      return MakeCastFrom::make<float>(to);
    case Dtype::Val::float64:
      return MakeCastFrom::make<double>(to);
    case Dtype::Val::bfloat16:
      return MakeCastFrom::make<bfloat16_t>(to);
    case Dtype::Val::complex64:
      return MakeCastFrom::make<complex64_t>(to);
  }
  return nullptr;
}

}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mlx::core::cpu {

HWY_EXPORT(find_cast_kernel);

BlockKernel cast_kernel(Dtype::Val from, Dtype::Val to) {
  return HWY_DYNAMIC_DISPATCH(find_cast_kernel)(from, to);
}

}  // namespace mlx::core::cpu
#endif  // HWY_ONCE
