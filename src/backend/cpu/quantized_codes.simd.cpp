// Row kernels of affine-quantised matrices: quantising, packing, unpacking to rows and to slivers.
#include "backend/cpu/quantized_codes.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "backend/cpu/gemm/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/quantized_codes.simd.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "backend/cpu/quantized_codes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {
namespace {

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

#if HWY_TARGET != HWY_SCALAR
// A vector of words whose 128-bit block j comes from the row j * 4 + first.
template <typename D>
HWY_INLINE hn::Vec<D> gather_word_blocks(D d, const uint8_t* const* rows, int64_t offset) {
  if constexpr (hn::MaxLanes(D()) == 4) {
    return hn::LoadU(d, reinterpret_cast<const uint32_t*>(rows[0] + offset));
  } else {
    const hn::Half<D> half;
    constexpr int kHalf = static_cast<int>(hn::MaxLanes(D())) / 2;
    return hn::Combine(d, gather_word_blocks(half, rows + kHalf, offset),
                       gather_word_blocks(half, rows, offset));
  }
}

HWY_INLINE void transpose_words(WordVector* v) {
  const WordTag d;
  const hn::RepartitionToWide<WordTag> dw;
  const auto low01 = hn::BitCast(dw, hn::InterleaveLower(d, v[0], v[1]));
  const auto low23 = hn::BitCast(dw, hn::InterleaveLower(d, v[2], v[3]));
  const auto high01 = hn::BitCast(dw, hn::InterleaveUpper(d, v[0], v[1]));
  const auto high23 = hn::BitCast(dw, hn::InterleaveUpper(d, v[2], v[3]));
  v[0] = hn::BitCast(d, hn::InterleaveLower(dw, low01, low23));
  v[1] = hn::BitCast(d, hn::InterleaveUpper(dw, low01, low23));
  v[2] = hn::BitCast(d, hn::InterleaveLower(dw, high01, high23));
  v[3] = hn::BitCast(d, hn::InterleaveUpper(dw, high01, high23));
}
#endif

#if HWY_TARGET != HWY_SCALAR
/** The scales (or biases) of one group for kWidth rows, `stride` bytes apart. */
HWY_INLINE Floats load_group(const uint8_t* base, int64_t stride, int64_t group, Dtype dtype,
                             int lanes) {
  const FloatTag d;
  alignas(64) float values[kWidth];
  if (dtype == float32) {
    for (int i = 0; i < kWidth; ++i) {
      std::memcpy(values + i, base + std::min(i, lanes - 1) * stride + group * 4, 4);
    }
  } else {
    uint16_t halves[kWidth];
    for (int i = 0; i < kWidth; ++i) {
      std::memcpy(halves + i, base + std::min(i, lanes - 1) * stride + group * 2, 2);
    }
    convert_to_float(values, halves, dtype, kWidth);
  }
  return hn::Load(d, values);
}

// Rows become lanes: four words of each row are transposed, then their codes are peeled off.
template <int kBits>
void expand_rows(float* dst, int width, const QuantizedRows& w, int lanes, int64_t first,
                 int64_t depth) {
  const FloatTag d;
  const WordTag dw;
  constexpr int kCodes = 32 / kBits;  // in a word
  const int64_t group = w.format.group_size;
  for (int64_t lane0 = 0; lane0 < lanes; lane0 += kWidth) {
    const int count = static_cast<int>(std::min<int64_t>(kWidth, lanes - lane0));
    const uint8_t* rows[kWidth];
    for (int i = 0; i < kWidth; ++i) {
      rows[i] = w.packed + (lane0 + std::min(i, count - 1)) * w.packed_stride;
    }
    auto scale = hn::Zero(d);
    auto bias = hn::Zero(d);
    for (int64_t k = 0; k < depth; k += 4 * kCodes) {
      if ((first + k) % group == 0 || k == 0) {
        const int64_t g = (first + k) / group;
        scale =
            load_group(w.scales + lane0 * w.scale_stride, w.scale_stride, g, w.scale_dtype, count);
        bias =
            load_group(w.biases + lane0 * w.scale_stride, w.scale_stride, g, w.scale_dtype, count);
      }
      WordVector words[4];
      for (int j = 0; j < 4; ++j) {
        words[j] = gather_word_blocks(dw, rows + j, (first + k) * kBits / 8);
      }
      transpose_words(words);
      float* out = dst + k * width + lane0;
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) {
        auto word = words[j];
#pragma GCC unroll 8
        for (int c = 0; c < kCodes; ++c, out += width) {
          const auto code = kBits == 4 ? low_nibbles(word) : low_bytes(word);
          hn::StoreU(hn::MulAdd(code, scale, bias), d, out);
          word = hn::ShiftRight<kBits>(word);
        }
      }
    }
  }
}
#endif

bool expand(float* dst, int width, const QuantizedRows& w, int lanes, int64_t first,
            int64_t depth) {
#if HWY_TARGET == HWY_SCALAR
  return false;
#else
  if (first % 32 != 0 || depth % 32 != 0 || width % kWidth != 0) return false;
  if (w.format.bits == 4) {
    expand_rows<4>(dst, width, w, lanes, first, depth);
  } else if (w.format.bits == 8) {
    expand_rows<8>(dst, width, w, lanes, first, depth);
  } else {
    return false;
  }
  return true;
#endif
}

// The extreme of larger magnitude becomes a code exactly, and so does zero if it lies in the range.
void quantize_values(const float* values, const QuantizedFormat& format, uint8_t* codes,
                     float* scale_out, float* bias_out) {
  const FloatTag d;
  const hn::RebindToSigned<FloatTag> di;
  const hn::Rebind<uint8_t, FloatTag> d8;
  constexpr float kSmallestScale = 1e-7f;
  const float levels = static_cast<float>((1 << format.bits) - 1);
  auto lowest = hn::LoadU(d, values);
  auto highest = lowest;
  for (int64_t i = kWidth; i < format.group_size; i += kWidth) {
    const auto v = hn::LoadU(d, values + i);
    lowest = hn::Min(lowest, v);
    highest = hn::Max(highest, v);
  }
  const float low = hn::GetLane(hn::MinOfLanes(d, lowest));
  const float high = hn::GetLane(hn::MaxOfLanes(d, highest));
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
  const auto divisor = hn::Set(d, scale);
  const auto offset = hn::Set(d, bias);
  for (int64_t i = 0; i < format.group_size; i += kWidth) {
    const auto v = hn::Sub(hn::LoadU(d, values + i), offset);
    const auto code = hn::Clamp(hn::Round(hn::Div(v, divisor)), hn::Zero(d), hn::Set(d, levels));
    hn::StoreU(hn::DemoteTo(d8, hn::ConvertTo(di, code)), d8, codes + i);
  }
  *scale_out = scale;
  *bias_out = bias;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mlx::core::cpu {

HWY_EXPORT(quantize_values);
HWY_EXPORT(dequantize);
HWY_EXPORT(expand);

void quantize_group(const float* values, const QuantizedFormat& format, uint8_t* codes,
                    float* scale, float* bias) {
  HWY_DYNAMIC_DISPATCH(quantize_values)(values, format, codes, scale, bias);
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

bool expand_quantized_rows(float* dst, int width, const QuantizedRows& w, int lanes, int64_t first,
                           int64_t depth) {
  return HWY_DYNAMIC_DISPATCH(expand)(dst, width, w, lanes, first, depth);
}

}  // namespace mlx::core::cpu
#endif
