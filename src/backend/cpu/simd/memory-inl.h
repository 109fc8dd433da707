// Loads and stores that convert float16 and bfloat16 to and from float32 vectors, rounding to
// nearest even; partial ones for tails; streaming stores for outputs larger than the cache.
#if defined(MLX_CPU_SIMD_MEMORY_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MLX_CPU_SIMD_MEMORY_INL_H_
#undef MLX_CPU_SIMD_MEMORY_INL_H_
#else
#define MLX_CPU_SIMD_MEMORY_INL_H_
#endif

#include <hwy/cache_control.h>

#include <cstring>

#include "backend/cpu/simd/vocabulary-inl.h"
#include "mlx/types/half_types.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {

// Whether the target converts float16 by an instruction that rounds to nearest even.
#if HWY_ARCH_X86
inline constexpr bool kHasHalfConversion = HWY_TARGET <= HWY_AVX2;
#else
inline constexpr bool kHasHalfConversion = HWY_ARCH_ARM != 0;
#endif

// ---- bits of 16-bit floats in 32-bit lanes

template <class V>
HWY_INLINE V bfloat16_bits(V bits) {  // uint32 lanes holding float32 bits
  hn::DFromV<V> d;
  hn::RebindToFloat<decltype(d)> df;
  V odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(d, 1));
  V rounded = hn::ShiftRight<16>(bits + (odd + hn::Set(d, 0x7fff)));
  auto nan = hn::IsNaN(hn::BitCast(df, bits));
  if (HWY_UNLIKELY(!hn::AllFalse(df, nan))) {
    V quiet = hn::Or(hn::ShiftRight<16>(bits), hn::Set(d, 0x40));
    rounded = hn::IfThenElse(hn::RebindMask(d, nan), quiet, rounded);
  }
  return rounded;
}

template <class V>
HWY_INLINE V float16_bits(V bits) {
  hn::DFromV<V> d;
  hn::RebindToFloat<decltype(d)> df;
  V sign = hn::And(hn::ShiftRight<16>(bits), hn::Set(d, 0x8000));
  V magnitude = hn::And(bits, hn::Set(d, 0x7fffffff));
  V odd = hn::And(hn::ShiftRight<13>(magnitude), hn::Set(d, 1));
  V normal = hn::ShiftRight<13>(magnitude + hn::Set(d, 0xfff) + odd - hn::Set(d, 0x38000000));
  V small = hn::BitCast(d, hn::Add(hn::BitCast(df, magnitude), hn::Set(df, 0.5f))) -
            hn::Set(d, 0x3f000000);
  V nan = hn::Or(hn::Set(d, 0x7e00), hn::And(hn::ShiftRight<13>(magnitude), hn::Set(d, 0x1ff)));
  V y = hn::IfThenElse(hn::Lt(magnitude, hn::Set(d, 0x38800000)), small, normal);
  y = hn::IfThenElse(hn::Gt(magnitude, hn::Set(d, 0x477fefff)), hn::Set(d, 0x7c00), y);
  y = hn::IfThenElse(hn::Gt(magnitude, hn::Set(d, 0x7f800000)), nan, y);
  return hn::Or(sign, y);
}

template <class V>
HWY_INLINE V float32_bits_of_float16(V half) {  // uint32 lanes holding float16 bits
  hn::DFromV<V> d;
  hn::RebindToFloat<decltype(d)> df;
  V sign = hn::ShiftLeft<16>(hn::And(half, hn::Set(d, 0x8000)));
  V magnitude = hn::And(half, hn::Set(d, 0x7fff));
  V shifted = hn::ShiftLeft<13>(magnitude);
  V small = hn::BitCast(
      d, hn::Mul(hn::ConvertTo(df, hn::BitCast(hn::RebindToSigned<decltype(d)>(), magnitude)),
                 hn::Set(df, 0x1p-24f)));
  V y =
      hn::IfThenElse(hn::Lt(magnitude, hn::Set(d, 0x400)), small, shifted + hn::Set(d, 0x38000000));
  y = hn::IfThenElse(hn::Gt(magnitude, hn::Set(d, 0x7bff)), hn::Or(shifted, hn::Set(d, 0x7f800000)),
                     y);
  return hn::Or(sign, y);
}

// ---- loads to float32; float64 stays

template <class D>
HWY_INLINE hn::Vec<D> load_float(D d, const hn::TFromD<D>* p) {
  return hn::LoadU(d, p);
}
template <class D>
HWY_INLINE hn::Vec<D> load_float(D d, const bfloat16_t* p) {
  const hn::Rebind<uint16_t, D> d16;
  const hn::Rebind<uint32_t, D> d32;
  auto half = hn::LoadU(d16, reinterpret_cast<const uint16_t*>(p));
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(d32, half)));
}
template <class D>
HWY_INLINE hn::Vec<D> load_float(D d, const float16_t* p) {
  const hn::Rebind<uint16_t, D> d16;
  auto half = hn::LoadU(d16, reinterpret_cast<const uint16_t*>(p));
  if constexpr (kHasHalfConversion) {
    return hn::PromoteTo(d, hn::BitCast(hn::Rebind<hwy::float16_t, D>(), half));
  } else {
    const hn::Rebind<uint32_t, D> d32;
    return hn::BitCast(d, float32_bits_of_float16(hn::PromoteTo(d32, half)));
  }
}

// ---- the 16-bit vector that stands for a float32 vector

template <class T, class D>
HWY_INLINE auto round_to_16_bits(D d, hn::Vec<D> v) {
  const hn::Rebind<uint16_t, D> d16;
  const hn::Rebind<uint32_t, D> d32;
  if constexpr (std::is_same_v<T, float16_t> && kHasHalfConversion) {
    return hn::BitCast(d16, hn::DemoteTo(hn::Rebind<hwy::float16_t, D>(), v));
  } else {
    auto bits = hn::BitCast(d32, v);
    if constexpr (std::is_same_v<T, float16_t>)
      bits = float16_bits(bits);
    else
      bits = bfloat16_bits(bits);
    return hn::DemoteTo(d16, hn::BitCast(hn::Rebind<int32_t, D>(), bits));
  }
}

template <class T>
concept SixteenBits = std::is_same_v<T, float16_t> || std::is_same_v<T, bfloat16_t>;

// ---- stores from float32; float64 stays

template <class D>
HWY_INLINE void store_float(D d, hn::Vec<D> v, hn::TFromD<D>* p) {
  hn::StoreU(v, d, p);
}
template <class D, SixteenBits T>
HWY_INLINE void store_float(D d, hn::Vec<D> v, T* p) {
  const hn::Rebind<uint16_t, D> d16;
  hn::StoreU(round_to_16_bits<T>(d, v), d16, reinterpret_cast<uint16_t*>(p));
}

/** Stores past the caches; p must be aligned to the vector (half a vector for 16-bit types). */
template <class D>
HWY_INLINE void stream_float(D d, hn::Vec<D> v, hn::TFromD<D>* p) {
  hn::Stream(v, d, p);
}
template <class D, SixteenBits T>
HWY_INLINE void stream_float(D d, hn::Vec<D> v, T* p) {
  const hn::Rebind<uint16_t, D> d16;
  hn::Stream(round_to_16_bits<T>(d, v), d16, reinterpret_cast<uint16_t*>(p));
}

// ---- two vectors of bfloat16 at once, as the even and the odd elements: no lane changes its place

/** The float32 vectors of the even and odd elements of 2 Lanes(d) bfloat16. */
template <class D>
HWY_INLINE void load_even_odd(D d, const bfloat16_t* p, hn::Vec<D>& even, hn::Vec<D>& odd) {
  const hn::Rebind<uint32_t, D> d32;
  auto pairs = hn::LoadU(d32, reinterpret_cast<const uint32_t*>(p));
  even = hn::BitCast(d, hn::ShiftLeft<16>(pairs));
  odd = hn::BitCast(d, hn::And(pairs, hn::Set(d32, 0xffff0000u)));
}

/** Whether any lane of either is NaN. */
template <class D>
HWY_INLINE bool has_nan(D d, hn::Vec<D> a, hn::Vec<D> b) {
#if HWY_TARGET <= HWY_AVX3
  if constexpr (sizeof(a) == 64) {
    return _mm512_cmp_ps_mask(a.raw, b.raw, _CMP_UNORD_Q) != 0;
  } else
#endif
  {
    return !hn::AllFalse(d, hn::Or(hn::IsNaN(a), hn::IsNaN(b)));
  }
}

template <class D, class M>
HWY_INLINE hn::Vec<D> add_one_where(D d, M mask, hn::Vec<D> v) {
#if HWY_TARGET <= HWY_AVX3
  if constexpr (sizeof(v) == 64) {
    return hn::Vec<D>{_mm512_mask_add_epi16(v.raw, mask.raw, v.raw, _mm512_set1_epi16(1))};
  } else
#endif
  {
    return hn::Sub(v, hn::VecFromMask(d, mask));
  }
}

/** The bfloat16 bits of both, interleaved. `plain_nans`: NaNs are quiet and end in 16 zero bits, so
 * that rounding leaves them as they are. */
template <bool plain_nans, class D>
HWY_INLINE auto round_even_odd(D d, hn::Vec<D> even, hn::Vec<D> odd) {
  const hn::Rebind<uint32_t, D> d32;
  auto a = hn::BitCast(d32, even);
  auto b = hn::BitCast(d32, odd);
#if HWY_TARGET == HWY_SCALAR
  return hn::Or(bfloat16_bits(a), hn::ShiftLeft<16>(bfloat16_bits(b)));
#else
  const hn::Repartition<uint16_t, D> d16;
  auto kept = hn::BitCast(d16, hn::OrAnd(hn::ShiftRight<16>(a), b, hn::Set(d32, 0xffff0000u)));
  auto lost = hn::BitCast(d16, hn::OrAnd(hn::ShiftLeft<16>(b), a, hn::Set(d32, 0xffffu)));
  // Up where more than half is lost, or half of it beside an odd number.
  auto decides = hn::OrAnd(lost, kept, hn::Set(d16, 1));
  auto up = hn::Gt(decides, hn::Set(d16, 0x8000));
  auto rounded = add_one_where(d16, up, kept);
  auto both = hn::BitCast(d32, rounded);
  if (!plain_nans && HWY_UNLIKELY(has_nan(d, even, odd))) {
    both = hn::Or(bfloat16_bits(a), hn::ShiftLeft<16>(bfloat16_bits(b)));
  }
  return both;
#endif
}

// ---- the first `count` lanes only; other lanes are zero and memory beyond is not touched

template <class D, class T>
HWY_INLINE hn::Vec<D> load_float_n(D d, const T* p, size_t count) {
  HWY_ALIGN uint8_t buffer[HWY_MAX_BYTES] = {};
  std::memcpy(buffer, p, count * sizeof(T));
  return load_float(d, reinterpret_cast<const T*>(buffer));
}
template <class D, class T>
HWY_INLINE void store_float_n(D d, hn::Vec<D> v, T* p, size_t count) {
  HWY_ALIGN uint8_t buffer[HWY_MAX_BYTES];
  store_float(d, v, reinterpret_cast<T*>(buffer));
  std::memcpy(p, buffer, count * sizeof(T));
}

/** Rounds each lane to the precision of T, as storing and loading it would. */
template <class T, class D>
HWY_INLINE hn::Vec<D> round_to(D d, hn::Vec<D> v) {
  if constexpr (std::is_same_v<T, float>) {
    return v;
  } else {
    HWY_ALIGN T buffer[HWY_MAX_BYTES / sizeof(float)];
    store_float(d, v, buffer);
    return load_float(d, buffer);
  }
}

/** Copies bytes with non-temporal stores; dst aligned to 64 bytes. Call hwy::FlushStream() after
 * the last block, before another thread reads. */
HWY_INLINE void stream_bytes(void* HWY_RESTRICT dst, const void* HWY_RESTRICT src, size_t bytes) {
  const hn::ScalableTag<uint8_t> d;
  const size_t lanes = hn::Lanes(d);
  auto* to = static_cast<uint8_t*>(dst);
  auto* from = static_cast<const uint8_t*>(src);
  size_t i = 0;
  for (; i + lanes <= bytes; i += lanes) hn::Stream(hn::LoadU(d, from + i), d, to + i);
  if (i < bytes) std::memcpy(to + i, from + i, bytes - i);
}

}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#endif  // MLX_CPU_SIMD_MEMORY_INL_H_
