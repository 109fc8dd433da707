// Row kernels of affine-quantised matrices: quantising, packing, unpacking to rows and to slivers.
#pragma once

#include <cstdint>

#include "mlx/dtype.h"

namespace mlx::core::cpu {

/** Rows of codes of `bits` bits (1-8, little-endian bit stream), with one scale and bias for each
 * `group_size` of them: value = scale * code + bias. */
struct QuantizedFormat {
  int bits;
  int group_size;
};

/** Quantises one group of values; `codes` gets group_size bytes. */
void quantize_group(const float* values, const QuantizedFormat& format, uint8_t* codes,
                    float* scale, float* bias);

/** Appends `count` codes (a multiple of 8) to a bit stream. */
void pack_codes(const uint8_t* codes, int bits, int64_t count, uint8_t* packed);

/** dst[i] = value of code first + i, for i < count; `first` and `count` are multiples of 8.
 * `packed`, `scales` and `biases` (of scale_dtype) belong to the whole row. The product of scale
 * and code is rounded to `rounded_to` before the bias is added. */
void dequantize_row(float* dst, const void* packed, const void* scales, const void* biases,
                    Dtype scale_dtype, const QuantizedFormat& format, int64_t first, int64_t count,
                    Dtype rounded_to = float32);

/** Neighbouring rows of a quantised matrix; strides in bytes. */
struct QuantizedRows {
  const uint8_t* packed;
  const uint8_t* scales;
  const uint8_t* biases;
  int64_t packed_stride;
  int64_t scale_stride;
  Dtype scale_dtype;
  QuantizedFormat format;
};

/** Expands the codes [first, first + depth) of `lanes` rows into a sliver for the GEMM core:
 * dst[k * width + lane]. False for formats and positions it does not know. */
bool expand_quantized_rows(float* dst, int width, const QuantizedRows& w, int lanes, int64_t first,
                           int64_t depth);

}  // namespace mlx::core::cpu
