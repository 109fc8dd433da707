// Products of quantised rows with vectors.
#include "backend/cpu/quantized_dot.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "backend/cpu/gemm/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/quantized_dot.simd.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "backend/cpu/quantized_codes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {
namespace {

// Rows follow one another in memory: asked for this far ahead they come a fifth faster than by what
// the processor sees coming.
constexpr int64_t kPrefetchBytes = 4096;

// Four-bit codes are met word by word: lane i of a vector of words holds the codes 8i..8i+7 of a
// block of 8 * kWidth, and shift j takes code j of each. x is stored in that order.
constexpr int64_t kNibbleBlock = 8 * kWidth;

bool in_nibble_order(int64_t k, const QuantizedFormat& format) {
  return format.bits == 4 && k % kNibbleBlock == 0;
}

// Byte products: x becomes a 24-bit integer for each group, cut into three signed bytes, so that
// four-bit codes are multiplied exactly, 64 at a time.
#if HWY_TARGET <= HWY_AVX3
constexpr bool kHasByteProducts = true;
#else
constexpr bool kHasByteProducts = false;
#endif
constexpr int64_t kByteBlock = 128;  // codes in a vector of bytes

// 24 bits for float32, 16 for narrower types: as good as the type itself.
constexpr int byte_digits(Dtype dtype) { return dtype.size() == 2 ? 2 : 3; }

bool in_byte_order(int64_t k, const QuantizedFormat& format) {
  return kHasByteProducts && format.bits == 4 && k % kByteBlock == 0;
}

#if HWY_TARGET <= HWY_AVX3
// Layout of a block: for each digit, the largest first, the bytes of the even codes, then of the
// odd.
PreparedVector prepare_bytes(const float* x, int64_t k, int64_t group, int digits, float* scratch) {
  const float largest_integer = std::ldexp(127.0f, 8 * (digits - 1));
  float* sums = scratch + k;
  float* factors = sums + k / group;
  auto* bytes = reinterpret_cast<int8_t*>(scratch);
  const __m128i evens_first = _mm_setr_epi8(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15);
  for (int64_t g = 0; g < k / group; ++g) {
    const float* values = x + g * group;
    __m512 sum_lanes = _mm512_setzero_ps();
    __m512 largest_lanes = _mm512_setzero_ps();
    for (int64_t i = 0; i < group; i += 16) {
      const __m512 v = _mm512_loadu_ps(values + i);
      sum_lanes = _mm512_add_ps(sum_lanes, v);
      largest_lanes = _mm512_max_ps(_mm512_abs_ps(v), largest_lanes);
    }
    const float sum = _mm512_reduce_add_ps(sum_lanes);
    const float largest = _mm512_reduce_max_ps(largest_lanes);
    sums[g] = sum;
    const bool finite = std::isfinite(sum) && std::isfinite(largest);
    factors[g] = finite ? largest / largest_integer : sum;
    const float inverse = finite && largest > 0 ? largest_integer / largest : 0.0f;
    const __mmask16 used = finite && std::isfinite(inverse) ? 0xffff : 0;
    for (int64_t i = 0; i < group; i += 16) {
      const int64_t at = g * group + i;
      int8_t* block = bytes + at / kByteBlock * kByteBlock * digits + at % kByteBlock / 2;
      const __m512 scaled = _mm512_mul_ps(_mm512_loadu_ps(values + i), _mm512_set1_ps(inverse));
      __m512i rest = _mm512_maskz_cvtps_epi32(used, scaled);
      for (int digit = digits - 1; digit >= 0; --digit) {
        const __m128i low = _mm_shuffle_epi8(_mm512_cvtepi32_epi8(rest), evens_first);
        _mm_storel_epi64(reinterpret_cast<__m128i*>(block + digit * kByteBlock), low);
        _mm_storeh_pd(reinterpret_cast<double*>(block + digit * kByteBlock + 64),
                      _mm_castsi128_pd(low));
        // What is left after the signed low byte.
        rest = _mm512_srai_epi32(_mm512_add_epi32(rest, _mm512_set1_epi32(128)), 8);
      }
    }
  }
  return {scratch, sums, factors, digits};
}
#else
PreparedVector prepare_bytes(const float*, int64_t, int64_t, int, float*) { return {}; }
#endif

#if HWY_TARGET <= HWY_AVX3
// sums + the products of four unsigned and four signed bytes in each lane.
HWY_INLINE __m512i add_byte_products(__m512i sums, __m512i codes, const int8_t* digits) {
  const __m512i factors = _mm512_loadu_si512(digits);
#if defined(__AVX512VNNI__) || HWY_TARGET == HWY_AVX3_DL
  return _mm512_dpbusd_epi32(sums, codes, factors);
#else
  const __m512i pairs = _mm512_maddubs_epi16(codes, factors);
  return _mm512_add_epi32(sums, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
#endif
}

// The scale of each lane of a block: a lane covers eight codes of one group.
template <int kGroup>
HWY_INLINE __m512 lane_scales(const float* scales, int64_t block, __m512i indices) {
  if constexpr (kGroup == 128) return _mm512_set1_ps(scales[block]);
  if constexpr (kGroup == 64) {
    double pair;
    std::memcpy(&pair, scales + 2 * block, sizeof(pair));
    return _mm512_permutexvar_ps(indices, _mm512_castpd_ps(_mm512_set1_pd(pair)));
  }
  return _mm512_permutexvar_ps(indices, _mm512_broadcast_f32x4(_mm_loadu_ps(scales + 4 * block)));
}

// The sums of code * x for each lane, x being put together from its digits by Horner's rule.
template <int kDigits>
HWY_INLINE __m512i block_products(const uint8_t* packed, const int8_t* digits) {
  const __m512i mask = _mm512_set1_epi8(15);
  // Shifts each lane by a byte, on a port that the products leave free.
  const __m512i times_256 = _mm512_set4_epi32(0x0e0d0c80, 0x0a090880, 0x06050480, 0x02010080);
  const __m512i pairs = _mm512_loadu_si512(packed);
  __builtin_prefetch(packed + kPrefetchBytes);
  const __m512i low = _mm512_and_si512(pairs, mask);
  const __m512i high = _mm512_and_si512(_mm512_srli_epi32(pairs, 4), mask);
  __m512i sums = add_byte_products(_mm512_setzero_si512(), low, digits);
  sums = add_byte_products(sums, high, digits + 64);
#pragma GCC unroll 2
  for (int i = 1; i < kDigits; ++i) {
    sums = _mm512_shuffle_epi8(sums, times_256);
    sums = add_byte_products(sums, low, digits + i * kByteBlock);
    sums = add_byte_products(sums, high, digits + i * kByteBlock + 64);
  }
  return sums;
}

// kRows rows share the loads of the digits. The scales already hold the factors of x.
template <int kGroup, int kRows, int kDigits>
void dot_blocks(float* y, const uint8_t* packed, int64_t packed_stride, const float* scales,
                int64_t scale_stride, const int8_t* digits, int64_t k, const float* initial) {
  alignas(64) int32_t lane_group[16];
  for (int i = 0; i < 16; ++i) lane_group[i] = 8 * i / kGroup;
  const __m512i indices = _mm512_load_si512(lane_group);
  __m512 total[kRows];
#pragma GCC unroll 2
  for (int r = 0; r < kRows; ++r) total[r] = _mm512_load_ps(initial + r * 16);
  for (int64_t block = 0; block < k / kByteBlock; ++block, digits += kDigits * kByteBlock) {
#pragma GCC unroll 2
    for (int r = 0; r < kRows; ++r) {
      const __m512i sums = block_products<kDigits>(packed + r * packed_stride + block * 64, digits);
      const __m512 scale = lane_scales<kGroup>(scales + r * scale_stride, block, indices);
      total[r] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums), scale, total[r]);
    }
  }
#pragma GCC unroll 2
  for (int r = 0; r < kRows; ++r) y[r] = _mm512_reduce_add_ps(total[r]);
}

template <int kRows, int kDigits>
void dot_byte_order(float* y, const uint8_t* packed, int64_t packed_stride, const float* scales,
                    int64_t scale_stride, const int8_t* digits, int64_t k, int64_t group,
                    const float* initial) {
  auto dot = group == 32   ? &dot_blocks<32, kRows, kDigits>
             : group == 64 ? &dot_blocks<64, kRows, kDigits>
                           : &dot_blocks<128, kRows, kDigits>;
  dot(y, packed, packed_stride, scales, scale_stride, digits, k, initial);
}
#else
template <int kRows, int kDigits>
void dot_byte_order(float*, const uint8_t*, int64_t, const float*, int64_t, const int8_t*, int64_t,
                    int64_t, const float*) {}
#endif

/** The sum over groups of bias * sum of x. */
float dot_biases(const float* bias, const float* sums, int64_t groups) {
  const FloatTag d;
  auto total = hn::Zero(d);
  int64_t g = 0;
  for (; g + kWidth <= groups; g += kWidth) {
    total = hn::MulAdd(hn::LoadU(d, bias + g), hn::LoadU(d, sums + g), total);
  }
  float sum = hn::GetLane(hn::SumOfLanes(d, total));
  for (; g < groups; ++g) sum += bias[g] * sums[g];
  return sum;
}

// Multiplies a row's scales by the factors of x, and leaves the lanes of the sum of bias * sum of
// x.
template <typename S>
void scale_factors(const S* scales, const S* biases, const float* factors, const float* sums,
                   int64_t groups, float* scaled, float* lanes) {
  const FloatTag d;
  auto total = hn::Zero(d);
  int64_t g = 0;
  for (; g + kWidth <= groups; g += kWidth) {
    const auto factor = hn::LoadU(d, factors + g);
    hn::StoreU(hn::Mul(load_float(d, scales + g), factor), d, scaled + g);
    total = hn::MulAdd(load_float(d, biases + g), hn::LoadU(d, sums + g), total);
  }
  hn::StoreU(total, d, lanes);
  for (; g < groups; ++g) {
    scaled[g] = static_cast<float>(scales[g]) * factors[g];
    lanes[0] += static_cast<float>(biases[g]) * sums[g];
  }
}

// Two rows at a time share the loads of x.
template <typename S>
void dot_byte_rows(float* y, const PreparedVector& x, int64_t k, const QuantizedRows& w,
                   int64_t rows) {
  constexpr int64_t kBuffered = 512;
  constexpr int64_t kStride = kBuffered + 16;
  alignas(64) float scaled[2 * kStride] = {};
  alignas(64) float lanes[2 * 16] = {};
  const int64_t group = w.format.group_size;
  const int64_t part = kBuffered * group;
  for (int64_t row = 0; row < rows; row += 2) {
    const int count = static_cast<int>(std::min<int64_t>(2, rows - row));
    float result[2] = {0, 0};
    for (int64_t k0 = 0; k0 < k; k0 += part) {
      const int64_t depth = std::min(part, k - k0);
      const int64_t g0 = k0 / group;
      for (int r = 0; r < count; ++r) {
        const int64_t offset = (row + r) * w.scale_stride;
        scale_factors(reinterpret_cast<const S*>(w.scales + offset) + g0,
                      reinterpret_cast<const S*>(w.biases + offset) + g0, x.factors + g0,
                      x.sums + g0, depth / group, scaled + r * kStride, lanes + r * 16);
      }
      float sums[2] = {0, 0};
      const auto* digits = reinterpret_cast<const int8_t*>(x.permuted) + x.digits * k0;
      const uint8_t* codes = w.packed + row * w.packed_stride + k0 / 2;
      auto dot = count == 2 ? (x.digits == 2 ? &dot_byte_order<2, 2> : &dot_byte_order<2, 3>)
                            : (x.digits == 2 ? &dot_byte_order<1, 2> : &dot_byte_order<1, 3>);
      dot(sums, codes, w.packed_stride, scaled, kStride, digits, depth, group, lanes);
      for (int r = 0; r < count; ++r) result[r] += sums[r];
    }
    for (int r = 0; r < count; ++r) y[row + r] = result[r];
  }
}

PreparedVector prepare(const float* x, Dtype dtype, int64_t k, const QuantizedFormat& format,
                       float* scratch) {
  const int64_t group = format.group_size;
  if (in_byte_order(k, format)) {
    return prepare_bytes(x, k, group, byte_digits(dtype), scratch);
  }
  float* sums = scratch + k;
  for (int64_t g = 0; g < k / group; ++g) {
    const FloatTag d;
    auto sum = hn::Zero(d);
    for (int64_t i = 0; i < group; i += kWidth) sum = hn::Add(sum, hn::LoadU(d, x + g * group + i));
    sums[g] = hn::GetLane(hn::SumOfLanes(d, sum));
  }
  if (!in_nibble_order(k, format)) {
    std::copy(x, x + k, scratch);
    return {scratch, sums, nullptr, 0};
  }
  for (int64_t block = 0; block < k; block += kNibbleBlock) {
    for (int64_t j = 0; j < 8; ++j) {
      for (int64_t i = 0; i < kWidth; ++i) {
        scratch[block + j * kWidth + i] = x[block + 8 * i + j];
      }
    }
  }
  return {scratch, sums, nullptr, 0};
}

HWY_INLINE Floats nibble_products(WordVector words, const float* x) {
  const FloatTag d;
  auto even = hn::Mul(low_nibbles(words), hn::LoadU(d, x));
  auto odd = hn::Mul(low_nibbles(hn::ShiftRight<4>(words)), hn::LoadU(d, x + kWidth));
  even = hn::MulAdd(low_nibbles(hn::ShiftRight<8>(words)), hn::LoadU(d, x + 2 * kWidth), even);
  odd = hn::MulAdd(low_nibbles(hn::ShiftRight<12>(words)), hn::LoadU(d, x + 3 * kWidth), odd);
  even = hn::MulAdd(low_nibbles(hn::ShiftRight<16>(words)), hn::LoadU(d, x + 4 * kWidth), even);
  odd = hn::MulAdd(low_nibbles(hn::ShiftRight<20>(words)), hn::LoadU(d, x + 5 * kWidth), odd);
  even = hn::MulAdd(low_nibbles(hn::ShiftRight<24>(words)), hn::LoadU(d, x + 6 * kWidth), even);
  odd = hn::MulAdd(low_nibbles(hn::ShiftRight<28>(words)), hn::LoadU(d, x + 7 * kWidth), odd);
  return hn::Add(even, odd);
}

float dot_nibbles(const uint8_t* packed, const float* scales, const float* x, int64_t k,
                  int64_t group) {
  const FloatTag d;
  const hn::RebindToUnsigned<FloatTag> du;
  const hn::RebindToSigned<FloatTag> di;
  // Which scale each lane of a block takes: a lane covers eight codes of one group.
  HWY_ALIGN int32_t lane_group[kWidth];
  for (int64_t i = 0; i < kWidth; ++i) lane_group[i] = static_cast<int32_t>(8 * i / group);
  const auto indices = hn::IndicesFromVec(d, hn::Load(di, lane_group));
  auto total = hn::Zero(d);
  for (int64_t block = 0; block < k; block += kNibbleBlock) {
    const auto words = hn::LoadU(du, reinterpret_cast<const uint32_t*>(packed + block / 2));
    __builtin_prefetch(packed + block / 2 + kPrefetchBytes);
    const auto products = nibble_products(words, x + block);
    const auto scale = group >= kNibbleBlock
                           ? hn::Set(d, scales[block / group])
                           : hn::TableLookupLanes(hn::LoadU(d, scales + block / group), indices);
    total = hn::MulAdd(products, scale, total);
  }
  return hn::GetLane(hn::SumOfLanes(d, total));
}

float dot_bytes(const uint8_t* packed, const float* scales, const float* x, int64_t k,
                int64_t group) {
  const FloatTag d;
  auto total = hn::Zero(d);
  for (int64_t g = 0; g < k / group; ++g) {
    auto even = hn::Zero(d);
    auto odd = hn::Zero(d);
    const uint8_t* codes = packed + g * group;
    const float* values = x + g * group;
    for (int64_t i = 0; i < group; i += 64) __builtin_prefetch(codes + i + kPrefetchBytes);
    for (int64_t i = 0; i < group; i += 2 * kWidth) {
      even = hn::MulAdd(load_codes(codes + i), hn::LoadU(d, values + i), even);
      odd = hn::MulAdd(load_codes(codes + i + kWidth), hn::LoadU(d, values + i + kWidth), odd);
    }
    total = hn::MulAdd(hn::Add(even, odd), hn::Set(d, scales[g]), total);
  }
  return hn::GetLane(hn::SumOfLanes(d, total));
}

constexpr float kOne = 1.0f;

float dot_any(const uint8_t* packed, int bits, const float* scales, const float* x, int64_t k,
              int64_t group) {
  alignas(64) uint8_t codes[kPiece];
  float total = 0;
  for (int64_t k0 = 0; k0 < k; k0 += group) {  // a group has at most kPiece codes
    unpack_codes(packed, bits, k0, group, codes);
    total += scales[k0 / group] * dot_bytes(codes, &kOne, x + k0, group, group);
  }
  return total;
}

void dot(float* y, const PreparedVector& x, int64_t k, const uint8_t* packed, int64_t packed_stride,
         const uint8_t* scales, const uint8_t* biases, int64_t scale_stride, Dtype scale_dtype,
         const QuantizedFormat& format, int64_t rows) {
  const int64_t group = format.group_size;
  if (in_byte_order(k, format)) {
    const QuantizedRows w{packed, scales, biases, packed_stride, scale_stride, scale_dtype, format};
    return scale_dtype == float32   ? dot_byte_rows<float>(y, x, k, w, rows)
           : scale_dtype == float16 ? dot_byte_rows<float16_t>(y, x, k, w, rows)
                                    : dot_byte_rows<bfloat16_t>(y, x, k, w, rows);
  }
  const bool nibbles = in_nibble_order(k, format);
  constexpr int64_t kBuffered = 1024;
  // Scales are read a vector at a time, past the last one.
  alignas(64) float scale[kBuffered + kWidth];
  alignas(64) float bias[kBuffered];
  const int64_t part = kBuffered * group;  // codes whose scales fit the buffers
  for (int64_t row = 0; row < rows; ++row) {
    float result = 0;
    for (int64_t k0 = 0; k0 < k; k0 += part) {
      const int64_t count = std::min(part, k - k0);
      const int64_t g0 = k0 / group;
      const int64_t n = count / group;
      const int64_t offset = g0 * static_cast<int64_t>(size_of(scale_dtype));
      convert_to_float(scale, scales + offset, scale_dtype, n);
      convert_to_float(bias, biases + offset, scale_dtype, n);
      const uint8_t* codes = packed + k0 * format.bits / 8;
      float sum;
      if (nibbles) {
        sum = dot_nibbles(codes, scale, x.permuted + k0, count, group);
      } else if (format.bits == 8) {
        sum = dot_bytes(codes, scale, x.permuted + k0, count, group);
      } else {
        sum = dot_any(codes, format.bits, scale, x.permuted + k0, count, group);
      }
      result += sum + dot_biases(bias, x.sums + g0, n);
    }
    y[row] = result;
    packed += packed_stride;
    scales += scale_stride;
    biases += scale_stride;
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mlx::core::cpu {

HWY_EXPORT(prepare);
HWY_EXPORT(dot);

int64_t prepared_size(int64_t k, const QuantizedFormat& format) {
  return k + 2 * (k / format.group_size) + 64;
}

PreparedVector prepare_vector(const float* x, Dtype dtype, int64_t k, const QuantizedFormat& format,
                              float* scratch) {
  return HWY_DYNAMIC_DISPATCH(prepare)(x, dtype, k, format, scratch);
}

void dot_rows(float* y, const PreparedVector& x, int64_t k, const void* packed,
              int64_t packed_stride, const void* scales, const void* biases, int64_t scale_stride,
              Dtype scale_dtype, const QuantizedFormat& format, int64_t rows) {
  HWY_DYNAMIC_DISPATCH(dot)
  (y, x, k, static_cast<const uint8_t*>(packed), packed_stride, static_cast<const uint8_t*>(scales),
   static_cast<const uint8_t*>(biases), scale_stride, scale_dtype, format, rows);
}

}  // namespace mlx::core::cpu
#endif
