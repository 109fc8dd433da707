// Row kernels of affine-quantised matrices: packing, unpacking and products with vectors.
#include "backend/cpu/quantized_kernels.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "backend/cpu/gemm/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/quantized_kernels.simd.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
using Floats = hn::Vec<FloatTag>;
constexpr int64_t kWidth = static_cast<int64_t>(hn::MaxLanes(FloatTag()));
constexpr int64_t kPiece = 256;  // codes unpacked at once

// Expands the codes [first, first + count) of a bit stream to bytes.
void unpack_codes(const uint8_t* packed, int bits, int64_t first, int64_t count, uint8_t* codes) {
  packed += first * bits / 8;
  if (bits == 8) {
    std::memcpy(codes, packed, count);
    return;
  }
  int64_t i = 0;
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

void dequantize(float* dst, const uint8_t* packed, const void* scales, const void* biases,
                Dtype scale_dtype, const QuantizedFormat& format, int64_t first, int64_t count,
                Dtype rounded_to) {
  const FloatTag d;
  const int64_t group = format.group_size;
  const int64_t size = size_of(scale_dtype);
  alignas(64) uint8_t codes[kPiece];
  float scale[kPiece / 8];
  float bias[kPiece / 8];
  for (int64_t k = 0; k < count; k += kPiece) {
    const int64_t part = std::min(kPiece, count - k);
    const int64_t g0 = (first + k) / group;
    const int64_t groups = (first + k + part - 1) / group - g0 + 1;
    convert_to_float(scale, static_cast<const char*>(scales) + g0 * size, scale_dtype, groups);
    convert_to_float(bias, static_cast<const char*>(biases) + g0 * size, scale_dtype, groups);
    unpack_codes(packed, format.bits, first + k, part, codes);
    int64_t i = 0;
    for (int64_t g = 0; g < groups; ++g) {
      const int64_t end = std::min(part, (g0 + g + 1) * group - (first + k));
      const auto s = hn::Set(d, scale[g]);
      for (; i + kWidth <= end; i += kWidth) {
        hn::StoreU(hn::Mul(load_codes(codes + i), s), d, dst + k + i);
      }
      for (; i < end; ++i) dst[k + i] = static_cast<float>(codes[i]) * scale[g];
    }
    if (rounded_to != float32) {
      uint16_t halves[kPiece];
      convert_from_float(halves, rounded_to, dst + k, part);
      convert_to_float(dst + k, halves, rounded_to, part);
    }
    i = 0;
    for (int64_t g = 0; g < groups; ++g) {
      const int64_t end = std::min(part, (g0 + g + 1) * group - (first + k));
      const auto b = hn::Set(d, bias[g]);
      for (; i + kWidth <= end; i += kWidth) {
        hn::StoreU(hn::Add(hn::LoadU(d, dst + k + i), b), d, dst + k + i);
      }
      for (; i < end; ++i) dst[k + i] += bias[g];
    }
  }
}

// Four-bit codes are met word by word: lane i of a vector of words holds the codes 8i..8i+7 of a
// block of 8 * kWidth, and shift j takes code j of each. x is stored in that order.
constexpr int64_t kNibbleBlock = 8 * kWidth;

bool in_nibble_order(int64_t k, const QuantizedFormat& format) {
  return format.bits == 4 && k % kNibbleBlock == 0;
}

PreparedVector prepare(const float* x, int64_t k, const QuantizedFormat& format, float* scratch) {
  const int64_t group = format.group_size;
  float* sums = scratch + k;
  for (int64_t g = 0; g < k / group; ++g) {
    const FloatTag d;
    auto sum = hn::Zero(d);
    for (int64_t i = 0; i < group; i += kWidth) sum = hn::Add(sum, hn::LoadU(d, x + g * group + i));
    sums[g] = hn::GetLane(hn::SumOfLanes(d, sum));
  }
  if (!in_nibble_order(k, format)) {
    std::copy(x, x + k, scratch);
    return {scratch, sums};
  }
  for (int64_t block = 0; block < k; block += kNibbleBlock) {
    for (int64_t j = 0; j < 8; ++j) {
      for (int64_t i = 0; i < kWidth; ++i) {
        scratch[block + j * kWidth + i] = x[block + 8 * i + j];
      }
    }
  }
  return {scratch, sums};
}

using Words = hn::Vec<hn::RebindToUnsigned<FloatTag>>;

// The low four bits of each lane as a float; the bits above are other codes.
HWY_INLINE Floats low_nibbles(Words words) {
  const FloatTag d;
#if HWY_TARGET <= HWY_AVX3
  alignas(64) static constexpr float kTable[16] = {0, 1, 2,  3,  4,  5,  6,  7,
                                                   8, 9, 10, 11, 12, 13, 14, 15};
  return Floats{_mm512_permutexvar_ps(words.raw, _mm512_load_ps(kTable))};
#else
  const hn::RebindToUnsigned<FloatTag> du;
  const hn::RebindToSigned<FloatTag> di;
  return hn::ConvertTo(d, hn::BitCast(di, hn::And(words, hn::Set(du, 15))));
#endif
}

HWY_INLINE Floats nibble_products(Words words, const float* x) {
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
  const FloatTag d;
  const int64_t group = format.group_size;
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
      auto offsets = hn::Zero(d);
      int64_t g = 0;
      for (; g + kWidth <= n; g += kWidth) {
        offsets = hn::MulAdd(hn::LoadU(d, bias + g), hn::LoadU(d, x.sums + g0 + g), offsets);
      }
      float tail = hn::GetLane(hn::SumOfLanes(d, offsets));
      for (; g < n; ++g) tail += bias[g] * x.sums[g0 + g];
      result += sum + tail;
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

HWY_EXPORT(dequantize);
HWY_EXPORT(prepare);
HWY_EXPORT(dot);

// The extreme of larger magnitude becomes a code exactly, and so does zero if it lies in the range.
void quantize_group(const float* values, const QuantizedFormat& format, uint8_t* codes,
                    float* scale_out, float* bias_out) {
  constexpr float kSmallestScale = 1e-7f;
  const float levels = static_cast<float>((1 << format.bits) - 1);
  float low = values[0];
  float high = values[0];
  for (int i = 1; i < format.group_size; ++i) {
    low = std::min(low, values[i]);
    high = std::max(high, values[i]);
  }
  const bool low_is_larger = std::abs(low) > std::abs(high);
  float scale = std::max((high - low) / levels, kSmallestScale);
  if (!low_is_larger) scale = -scale;
  const float edge = low_is_larger ? low : high;
  const float edge_code = std::rint(edge / scale);
  float bias = 0;
  if (format.bits == 1) {  // two levels: the extremes themselves
    scale = std::max(high - low, kSmallestScale);
    bias = low;
  } else if (edge_code != 0) {
    scale = edge / edge_code;
    bias = edge;
  }
  for (int i = 0; i < format.group_size; ++i) {
    const float code = std::rint((values[i] - bias) / scale);
    codes[i] = static_cast<uint8_t>(std::min(std::max(code, 0.0f), levels));
  }
  *scale_out = scale;
  *bias_out = bias;
}

void pack_codes(const uint8_t* codes, int bits, int64_t count, uint8_t* packed) {
  for (int64_t i = 0; i < count; i += 8, packed += bits) {
    uint64_t word = 0;
    for (int j = 0; j < 8; ++j) word |= static_cast<uint64_t>(codes[i + j]) << (j * bits);
    std::memcpy(packed, &word, bits);
  }
}

void dequantize_row(float* dst, const void* packed, const void* scales, const void* biases,
                    Dtype scale_dtype, const QuantizedFormat& format, int64_t first, int64_t count,
                    Dtype rounded_to) {
  HWY_DYNAMIC_DISPATCH(dequantize)
  (dst, static_cast<const uint8_t*>(packed), scales, biases, scale_dtype, format, first, count,
   rounded_to);
}

int64_t prepared_size(int64_t k, const QuantizedFormat& format) {
  return k + k / format.group_size + 16;
}

PreparedVector prepare_vector(const float* x, int64_t k, const QuantizedFormat& format,
                              float* scratch) {
  return HWY_DYNAMIC_DISPATCH(prepare)(x, k, format, scratch);
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
