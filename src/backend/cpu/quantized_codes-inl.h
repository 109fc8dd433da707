// What kernels of quantised matrices share: codes unpacked from bit streams to bytes and floats.
// Included once per SIMD target.
#if defined(MLX_BACKEND_CPU_QUANTIZED_CODES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MLX_BACKEND_CPU_QUANTIZED_CODES_INL_H_
#undef MLX_BACKEND_CPU_QUANTIZED_CODES_INL_H_
#else
#define MLX_BACKEND_CPU_QUANTIZED_CODES_INL_H_
#endif

#include <cstring>

#include "backend/cpu/simd/memory-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {

using FloatTag = hn::ScalableTag<float>;
using Floats = hn::Vec<FloatTag>;
using WordTag = hn::RebindToUnsigned<FloatTag>;
using WordVector = hn::Vec<WordTag>;
constexpr int64_t kWidth = static_cast<int64_t>(hn::MaxLanes(FloatTag()));
constexpr int64_t kPiece = 256;  // codes unpacked at once

// Expands the codes [first, first + count) of a bit stream to bytes.
inline void unpack_codes(const uint8_t* packed, int bits, int64_t first, int64_t count,
                         uint8_t* codes) {
  packed += first * bits / 8;
  if (bits == 8) {
    std::memcpy(codes, packed, count);
    return;
  }
  int64_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  if (bits == 4) {
    const hn::Full128<uint8_t> d;
    for (; i + 32 <= count; i += 32, packed += 16) {
      const auto pairs = hn::LoadU(d, packed);
      const auto low = hn::And(pairs, hn::Set(d, 15));
      const auto high =
          hn::And(hn::BitCast(d, hn::ShiftRight<4>(hn::BitCast(hn::Full128<uint16_t>(), pairs))),
                  hn::Set(d, 15));
      hn::StoreU(hn::InterleaveLower(d, low, high), d, codes + i);
      hn::StoreU(hn::InterleaveUpper(d, low, high), d, codes + i + 16);
    }
  }
#endif
  const uint32_t mask = (1u << bits) - 1;
  for (; i < count; i += 8, packed += bits) {  // eight codes fill `bits` bytes
    uint64_t word = 0;
    std::memcpy(&word, packed, bits);
    for (int j = 0; j < 8; ++j) codes[i + j] = static_cast<uint8_t>((word >> (j * bits)) & mask);
  }
}

HWY_INLINE Floats load_codes(const uint8_t* codes) {
  const FloatTag d;
  const hn::Rebind<uint8_t, FloatTag> d8;
  const hn::RebindToSigned<FloatTag> d32;
  return hn::ConvertTo(d, hn::PromoteTo(d32, hn::LoadU(d8, codes)));
}

HWY_INLINE Floats low_nibbles(WordVector words) {
#if HWY_TARGET <= HWY_AVX3
  // The permutation takes the low four bits of each index and ignores the rest.
  alignas(64) static constexpr float kTable[16] = {0, 1, 2,  3,  4,  5,  6,  7,
                                                   8, 9, 10, 11, 12, 13, 14, 15};
  return Floats{_mm512_permutexvar_ps(words.raw, _mm512_load_ps(kTable))};
#else
  const hn::RebindToSigned<FloatTag> di;
  return hn::ConvertTo(FloatTag(), hn::BitCast(di, hn::And(words, hn::Set(WordTag(), 15))));
#endif
}

HWY_INLINE Floats low_bytes(WordVector words) {
  const hn::RebindToSigned<FloatTag> di;
  return hn::ConvertTo(FloatTag(), hn::BitCast(di, hn::And(words, hn::Set(WordTag(), 255))));
}

}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#endif
