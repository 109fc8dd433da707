// Primitives of quantised matrices on the CPU: few rows go through dot products with the packed
// codes, many through the GEMM core with a packer that expands them.
#include "backend/cpu/quantized.h"

#include <algorithm>
#include <vector>

#include "backend/cpu/copy.h"
#include "backend/cpu/gemm/gemm.h"
#include "backend/cpu/gemm/scratch.h"
#include "backend/cpu/quantized_codes.h"
#include "backend/cpu/quantized_dot.h"
#include "base/thread_pool.h"
#include "graph/shape.h"
#include "mlx/primitives/quantized.h"

namespace mlx::core::cpu {

namespace {

using Inputs = const std::vector<array>&;
using Outputs = std::vector<array>&;

/** The most rows of x for which dot products beat expanding the codes once. */
constexpr int64_t most_dot_rows(int bits) { return bits == 4 ? 8 : 4; }

constexpr int64_t kCodesPerTask = 1 << 16;  // less is not worth handing over

array contiguous_rows(const array& a) {
  if (a.flags().row_contiguous) return a;
  array copied = array::placeholder(a.shape(), a.dtype());
  copy_contiguous(a, copied);
  return copied;
}

/** A row of real floats of any dtype as float. */
void load_row(float* dst, const char* src, Dtype dtype, int64_t size) {
  if (dtype == float64) {
    const auto* values = reinterpret_cast<const double*>(src);
    for (int64_t i = 0; i < size; ++i) dst[i] = static_cast<float>(values[i]);
  } else {
    convert_to_float(dst, src, dtype, size);
  }
}

void store_row(char* dst, Dtype dtype, const float* src, int64_t size) {
  if (dtype == float64) {
    std::copy(src, src + size, reinterpret_cast<double*>(dst));
  } else {
    convert_from_float(dst, dtype, src, size);
  }
}

/** Scales and biases in a dtype that the kernels read. */
array kernel_scales(const array& a) {
  array rows = contiguous_rows(a);
  if (rows.dtype() != float64) return rows;
  array converted = array::placeholder(rows.shape(), float32);
  converted.set_data(allocator::malloc(converted.nbytes()));
  load_row(converted.data<float>(), rows.data<char>(), float64, rows.size());
  return converted;
}

void eval_quantize(const array& in, Outputs outputs, const QuantizedFormat& format) {
  array w = contiguous_rows(in);
  for (array& out : outputs) out.set_data(allocator::malloc(out.nbytes()));
  if (w.size() == 0) return;
  const int64_t group = format.group_size;
  const int64_t groups = static_cast<int64_t>(w.size()) / group;
  const int64_t group_bytes = group * format.bits / 8;
  const int64_t size = static_cast<int64_t>(w.itemsize());
  auto* packed = outputs[0].data<uint8_t>();
  parallel_ranges(groups, kCodesPerTask / 8 / group, [&](int64_t begin, int64_t end) {
    float values[128];
    uint8_t codes[128];
    for (int64_t g = begin; g < end; ++g) {
      float scale;
      float bias;
      load_row(values, w.data<char>() + g * group * size, w.dtype(), group);
      quantize_group(values, format, codes, &scale, &bias);
      pack_codes(codes, format.bits, group, packed + g * group_bytes);
      store_row(outputs[1].data<char>() + g * size, w.dtype(), &scale, 1);
      store_row(outputs[2].data<char>() + g * size, w.dtype(), &bias, 1);
    }
  });
}

void eval_dequantize(Inputs inputs, array& out, const QuantizedFormat& format) {
  array w = contiguous_rows(inputs[0]);
  array scales = kernel_scales(inputs[1]);
  array biases = kernel_scales(inputs[2]);
  out.set_data(allocator::malloc(out.nbytes()));
  if (out.size() == 0) return;
  const bool half = inputs[1].itemsize() == 2 && out.dtype() == inputs[1].dtype();
  const Dtype rounded_to = half ? out.dtype() : float32;
  // Rows follow one another, so the whole matrix is one long row.
  const auto size = static_cast<int64_t>(out.size());
  parallel_ranges(size, kCodesPerTask, [&](int64_t begin, int64_t end) {
    constexpr int64_t kPiece = 1024;
    float values[kPiece];
    for (int64_t i = begin; i < end; i += kPiece) {
      const int64_t count = std::min(kPiece, end - i);
      float* target = out.dtype() == float32 ? out.data<float>() + i : values;
      dequantize_row(target, w.data<char>(), scales.data<char>(), biases.data<char>(),
                     scales.dtype(), format, i, count, rounded_to);
      if (target == values) {
        store_row(out.data<char>() + i * static_cast<int64_t>(out.itemsize()), out.dtype(), values,
                  count);
      }
    }
  });
}

void eval_quantize_or_dequantize(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  const auto [unused, group_size, bits, mode, dequantize] =
      static_cast<const fast::Quantize&>(primitive).state();
  if (dequantize) {
    eval_dequantize(inputs, outputs[0], {bits, group_size});
  } else {
    eval_quantize(inputs[0], outputs, {bits, group_size});
  }
}

/** One quantised matrix: `rows` rows of `columns` values. */
struct PackedMatrix {
  const char* packed;
  const char* scales;
  const char* biases;
  Dtype scale_dtype;
  int64_t columns;
  QuantizedFormat format;

  int64_t packed_stride() const { return columns * format.bits / 8; }
  int64_t scale_stride() const {
    return columns / format.group_size * static_cast<int64_t>(size_of(scale_dtype));
  }
  QuantizedRows rows(int64_t row) const {
    auto bytes = [](const char* p) { return reinterpret_cast<const uint8_t*>(p); };
    return {bytes(packed + row * packed_stride()),
            bytes(scales + row * scale_stride()),
            bytes(biases + row * scale_stride()),
            packed_stride(),
            scale_stride(),
            scale_dtype,
            format};
  }
  void load(float* dst, int64_t row, int64_t first, int64_t count) const {
    dequantize_row(dst, packed + row * packed_stride(), scales + row * scale_stride(),
                   biases + row * scale_stride(), scale_dtype, format, first, count);
  }
};

/** out[m x n] = x[m x k] @ w.T with dot products: w's codes are read once, from memory. */
void multiply_few(const char* x, Dtype dtype, char* out, int64_t m, int64_t n, int64_t k,
                  const PackedMatrix& w) {
  const int64_t size = size_of(dtype);
  const int64_t stride = prepared_size(k, w.format);
  float* scratch = thread_scratch<float>(ScratchUse::packed_a, m * stride + k);
  std::vector<PreparedVector> rows;
  for (int64_t i = 0; i < m; ++i) {
    float* plain = scratch + m * stride;
    load_row(plain, x + i * k * size, dtype, k);
    rows.push_back(prepare_vector(plain, dtype, k, w.format, scratch + i * stride));
  }
  const int64_t grain = std::max<int64_t>(16, kCodesPerTask / k);
  parallel_ranges(n, grain, [&](int64_t begin, int64_t end) {
    constexpr int64_t kRows = 16;
    float sums[kRows];
    for (int64_t j = begin; j < end; j += kRows) {
      const int64_t count = std::min(kRows, end - j);
      for (int64_t i = 0; i < m; ++i) {
        dot_rows(sums, rows[i], k, w.packed + j * w.packed_stride(), w.packed_stride(),
                 w.scales + j * w.scale_stride(), w.biases + j * w.scale_stride(), w.scale_stride(),
                 w.scale_dtype, w.format, count);
        store_row(out + (i * n + j) * size, dtype, sums, count);
      }
    }
  });
}

void multiply_many(const char* x, Dtype dtype, char* out, int64_t m, int64_t n, int64_t k,
                   const PackedMatrix& w, bool transpose) {
  const int64_t size = size_of(dtype);
  const bool wide = dtype == float64;
  std::vector<float> narrow;
  if (wide) {
    narrow.resize(m * k);
    load_row(narrow.data(), x, dtype, m * k);
  }
  const Matrix matrix{wide ? reinterpret_cast<const char*>(narrow.data()) : x,
                      wide ? float32 : dtype, k, 1};
  auto pack_a = [&](float* dst, int width, int64_t first, int64_t count, int64_t k0,
                    int64_t depth) { pack_dense(dst, width, matrix, first, count, k0, depth); };
  auto pack_b = [&](float* dst, int width, int64_t first, int64_t count, int64_t k0,
                    int64_t depth) {
    if (transpose) {
      // Lanes are rows of w: expand a piece of each, then transpose.
      const int64_t begin = k0 / 8 * 8;
      const int64_t end = std::min(k, (k0 + depth + 7) / 8 * 8);
      float* rows = thread_scratch<float>(ScratchUse::other, width * (end - begin));
      for (int64_t s = 0; s < count; s += width) {
        const int64_t lanes = std::min<int64_t>(width, count - s);
        if (expand_quantized_rows(dst + s * depth, width, w.rows(first + s),
                                  static_cast<int>(lanes), k0, depth)) {
          continue;
        }
        for (int64_t i = 0; i < lanes; ++i) {
          w.load(rows + i * (end - begin), first + s + i, begin, end - begin);
        }
        pack_sliver(dst + s * depth, width, rows + (k0 - begin), float32, end - begin, 1,
                    static_cast<int>(lanes), depth);
      }
    } else {
      const int64_t begin = first / 8 * 8;
      const int64_t end = std::min(n, (first + count + 7) / 8 * 8);
      float* row = thread_scratch<float>(ScratchUse::other, end - begin + width);
      for (int64_t j = 0; j < depth; ++j) {
        w.load(row, k0 + j, begin, end - begin);
        for (int64_t s = 0; s < count; s += width) {
          const int64_t lanes = std::min<int64_t>(width, count - s);
          std::copy(row + first - begin + s, row + first - begin + s + lanes,
                    dst + s * depth + j * width);
        }
      }
    }
  };
  auto store = [&](const float* sums, int64_t ld, int64_t row, int64_t rows, int64_t column,
                   int64_t columns) {
    for (int64_t i = 0; i < rows; ++i) {
      store_row(out + ((row + i) * n + column) * size, dtype, sums + i * ld, columns);
    }
  };
  gemm_packed(m, n, k, pack_a, pack_b, Store<float>(store));
}

void eval_quantized_matmul(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  const auto [group_size, bits, mode, transpose] =
      static_cast<const QuantizedMatmul&>(primitive).state();
  array x = contiguous_rows(inputs[0]);
  array w = contiguous_rows(inputs[1]);
  array scales = kernel_scales(inputs[2]);
  array biases = kernel_scales(inputs[3]);
  array& out = outputs[0];
  out.set_data(allocator::malloc(out.nbytes()));
  if (out.size() == 0) return;
  const int64_t k = x.shape(-1);
  const int64_t n = out.shape(-1);
  const int64_t matrices =
      static_cast<int64_t>(w.size()) / (static_cast<int64_t>(w.shape(-1)) * w.shape(-2));
  const int64_t m = static_cast<int64_t>(out.size()) / n / matrices;
  const int64_t size = static_cast<int64_t>(x.itemsize());
  const int64_t w_size = static_cast<int64_t>(w.nbytes()) / matrices;
  const int64_t scale_size = static_cast<int64_t>(scales.nbytes()) / matrices;
  for (int64_t i = 0; i < matrices; ++i) {
    const PackedMatrix matrix{w.data<char>() + i * w_size,
                              scales.data<char>() + i * scale_size,
                              biases.data<char>() + i * scale_size,
                              scales.dtype(),
                              static_cast<int64_t>(w.shape(-1)) * 32 / bits,
                              {bits, group_size}};
    const char* rows = x.data<char>() + i * m * k * size;
    char* target = out.data<char>() + i * m * n * size;
    if (transpose && m <= most_dot_rows(bits)) {
      multiply_few(rows, x.dtype(), target, m, n, k, matrix);
    } else {
      multiply_many(rows, x.dtype(), target, m, n, k, matrix, transpose);
    }
  }
}

}  // namespace

void register_quantized(KernelTable& table) {
  table.add<QuantizedMatmul>(eval_quantized_matmul);
  table.add<fast::Quantize>(eval_quantize_or_dequantize);
}

}  // namespace mlx::core::cpu
