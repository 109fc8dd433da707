// Row kernels of affine-quantised matrices: packing, unpacking and products with vectors.
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

/** A vector prepared for products with quantised rows of `k` codes. */
struct PreparedVector {
  const float* permuted;  // in the order in which the kernel meets the codes
  const float* sums;      // of each group
  const float* factors;   // of each group, where x was cut into bytes
  int digits;             // bytes of each element then
};

/** Floats of scratch that prepare_vector and dot_rows need. */
int64_t prepared_size(int64_t k, const QuantizedFormat& format);

/** `dtype` is the one x had before it became float: narrow types need fewer digits. */
PreparedVector prepare_vector(const float* x, Dtype dtype, int64_t k, const QuantizedFormat& format,
                              float* scratch);

/** y[i] = sum over k of x[k] * value(row i, k), for rows [0, rows). Strides in bytes between rows.
 */
void dot_rows(float* y, const PreparedVector& x, int64_t k, const void* packed,
              int64_t packed_stride, const void* scales, const void* biases, int64_t scale_stride,
              Dtype scale_dtype, const QuantizedFormat& format, int64_t rows);

}  // namespace mlx::core::cpu
