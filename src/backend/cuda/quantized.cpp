// Affine quantised matrices on the GPU: few rows of x by dots with the packed codes, many by
// expanding the codes once and multiplying.
#include "backend/cuda/quantized.h"

#include <cstdint>

#include "backend/cuda/kernel_memo.h"
#include "backend/cuda/kernels/args.h"
#include "backend/cuda/matmul.h"
#include "backend/cuda/rows.h"
#include "graph/shape.h"
#include "mlx/primitives/quantized.h"

namespace mlx::core::cuda {

using mlx_device::QuantizeArgs;
using mlx_device::QuantizedArgs;

namespace {

constexpr int64_t kMostDotRows = 8;
constexpr int64_t kMostCoreRows = 32;
constexpr size_t kMostShared = 160 * 1024;  // of x in a block's shared memory
constexpr size_t kMostScales = 78 * 1024;

void check_mode(QuantizationMode mode, const char* op) {
  if (mode != QuantizationMode::Affine) {
    throw_runtime(op, "No kernel for the GPU for the quantization mode {}; use mx.cpu.",
                  quantization_mode_to_string(mode));
  }
}

bool is_simple(Dtype dtype) { return dtype == float32 || dtype == float16 || dtype == bfloat16; }

/** Expands codes into `out`, whose memory is allocated. */
void launch_dequantize(Encoder& encoder, const array& codes, const array& scales,
                       const array& biases, const array& out, int bits, int group_size,
                       bool round_twice) {
  QuantizedArgs args{};
  args.codes = pointer(encoder.input(codes));
  args.scales = pointer(encoder.input(scales));
  args.biases = pointer(encoder.input(biases));
  args.out = mutable_pointer(encoder.output(out));
  args.groups = static_cast<long long>(out.size()) / group_size;
  std::string name = fmt::format("dequantize_{}_{}_{}_{}_{}", device_type(out.dtype()),
                                 device_type(scales.dtype()), bits, group_size, round_twice);
  const Kernel& kernel = get_kernel(name, [&] {
    return simple_source(name, "quantized.cuh",
                         fmt::format("dequantize<{}, {}, {}, {}, {}>", device_type(out.dtype()),
                                     device_type(scales.dtype()), bits, group_size, round_twice),
                         "QuantizedArgs", 256);
  });
  int64_t threads = static_cast<int64_t>(out.size()) / 8;
  encoder.launch(kernel, {static_cast<unsigned>((threads + 255) / 256)}, {256}, args);
}

void eval_quantize(const Primitive& primitive, const std::vector<array>& inputs,
                   std::vector<array>& outputs) {
  auto [unused, group_size, bits, mode, dequantize] =
      static_cast<const fast::Quantize&>(primitive).state();
  check_mode(mode, dequantize ? "dequantize" : "quantize");
  Encoder& encoder = Encoder::of(primitive.stream());
  for (auto& output : outputs) encoder.allocate(output);
  if (outputs[0].size() == 0) return;
  array in = as_row_contiguous(encoder, inputs[0]);
  if (dequantize) {
    array scales = as_row_contiguous(encoder, inputs[1]);
    array biases = as_row_contiguous(encoder, inputs[2]);
    launch_dequantize(encoder, in, scales, biases, outputs[0], bits, group_size, true);
    return;
  }
  QuantizeArgs args{};
  args.values = pointer(encoder.input(in));
  args.codes = mutable_pointer(encoder.output(outputs[0]));
  args.scales = mutable_pointer(encoder.output(outputs[1]));
  args.biases = mutable_pointer(encoder.output(outputs[2]));
  args.groups = static_cast<long long>(in.size()) / group_size;
  const char* type = device_type(in.dtype());
  std::string name = fmt::format("quantize_{}_{}_{}", type, bits, group_size);
  const Kernel& kernel = get_kernel(name, [&, bits = bits, group_size = group_size] {
    return simple_source(name, "quantized.cuh",
                         fmt::format("quantize<{}, {}, {}>", type, bits, group_size),
                         "QuantizeArgs", 256);
  });
  int64_t threads = static_cast<int64_t>(in.size()) / 8;
  encoder.launch(kernel, {static_cast<unsigned>((threads + 255) / 256)}, {256}, args);
}

struct Product {
  int64_t m, n, k, matrices;
};

QuantizedArgs product_args(Encoder& encoder, const array& x, const array& w, const array& scales,
                           const array& biases, const array& out, const Product& p,
                           int group_size) {
  QuantizedArgs args{};
  args.x = pointer(encoder.input(x));
  args.codes = pointer(encoder.input(w));
  args.scales = pointer(encoder.input(scales));
  args.biases = pointer(encoder.input(biases));
  args.out = mutable_pointer(encoder.output(out));
  args.m = p.m;
  args.n = p.n;
  args.k = p.k;
  args.groups = p.k / group_size;
  args.batch_x = p.m * p.k;
  args.batch_w = p.n;
  args.batch_out = p.m * p.n;
  return args;
}

/** Rows of w and of x, in 16s and 8s, that a block of the tensor core kernel takes. */
struct CoresTile {
  int w, x;
};
CoresTile cores_tile(const Product& p, int bits) {
  if (p.m > 16) return {bits == 8 ? 1 : 2, 4};
  return {p.n >= 4096 || p.m > 8 ? 2 : 1, p.m > 8 ? 2 : 1};
}

/** True if done: x @ w.T by tensor cores, which need 16-bit floats and take few rows of x at once.
 */
bool multiply_by_cores(Encoder& encoder, const array& x, const array& w, const array& scales,
                       const array& biases, array& out, const Product& p, int bits,
                       int group_size) {
  bool whole_codes = bits == 2 || bits == 4 || bits == 8;
  if (!whole_codes || bits * group_size < 128 || p.m > kMostCoreRows || x.itemsize() != 2 ||
      !is_simple(x.dtype()) || scales.dtype() != x.dtype() || p.matrices > 65535) {
    return false;
  }
  CoresTile tile = cores_tile(p, bits);
  // Scale and bias of each group of each row, as floats; two blocks are to fit a multiprocessor.
  auto shared = [&] { return static_cast<size_t>(16 * tile.w) * ((p.k / group_size) | 1) * 8; };
  if (shared() > kMostScales) tile.w = 1;
  if (shared() > kMostScales) return false;
  encoder.allocate(out);
  QuantizedArgs args = product_args(encoder, x, w, scales, biases, out, p, group_size);
  const char* type = device_type(x.dtype());
  std::string name =
      fmt::format("quantized_cores_{}_{}_{}_{}_{}", type, bits, group_size, tile.w, tile.x);
  const Kernel& kernel = get_kernel(name, [&] {
    return simple_source(
        name, "quantized_cores.cuh",
        fmt::format("quantized_cores<{}, {}, {}, {}, {}>", type, bits, group_size, tile.w, tile.x),
        "QuantizedArgs", 256, 2);
  });
  auto pieces = [](int64_t length, int64_t piece) {
    return static_cast<unsigned>((length + piece - 1) / piece);
  };
  encoder.launch(
      kernel,
      {pieces(p.n, 16 * tile.w), pieces(p.m, 8 * tile.x), static_cast<unsigned>(p.matrices)}, {256},
      args, shared());
  return true;
}

/** True if done: x @ w.T with few rows of x, codes that fit machine words. */
bool multiply_by_dots(Encoder& encoder, const array& x, const array& w, const array& scales,
                      const array& biases, array& out, const Product& p, int bits, int group_size) {
  bool whole_codes = bits == 2 || bits == 4 || bits == 8;
  int codes = 128 / bits;
  if (!whole_codes || p.m > kMostDotRows || p.k % codes != 0 || group_size < codes ||
      !is_simple(x.dtype()) || scales.dtype() != x.dtype() || p.matrices > 65535) {
    return false;
  }
  int rows_at_once = p.m >= 8 ? 8 : p.m >= 4 ? 4 : p.m >= 2 ? 2 : 1;
  int64_t padded = (p.k / codes + 31) / 32 * 32;
  auto shared = [&](int rows) {
    return static_cast<size_t>(rows * padded) * (codes * x.itemsize() + sizeof(float));
  };
  while (rows_at_once > 1 && (p.m % rows_at_once != 0 || shared(rows_at_once) > kMostShared))
    rows_at_once /= 2;
  if (shared(rows_at_once) > kMostShared) return false;
  encoder.allocate(out);
  // More rows of w in a warp use x more often, but leave fewer warps.
  int warp_rows = p.n >= 8192 ? 4 : p.n >= 4096 ? 2 : 1;
  if (rows_at_once >= 4 && warp_rows > 2) warp_rows = 2;
  QuantizedArgs args = product_args(encoder, x, w, scales, biases, out, p, group_size);
  auto aligned = [](const void* at) { return reinterpret_cast<uintptr_t>(at) % 16 == 0; };
  if (!aligned(args.x) || !aligned(args.codes) || p.k * bits / 8 % 16 != 0 || p.k % 8 != 0) {
    throw_internal("a quantised operand that is not aligned to 16 bytes");
  }
  const char* type = device_type(x.dtype());
  auto make_source = [&](const std::string& name) {
    return simple_source(name, "quantized.cuh",
                         fmt::format("quantized_dot_rows<{}, {}, {}, {}, {}>", type, bits,
                                     group_size, rows_at_once, warp_rows),
                         "QuantizedArgs", 256, rows_at_once == 1 ? 3 : 2);
  };
  const Kernel& kernel = named_kernel(make_source, "quantized_dot_{}_{}_{}_{}_{}", type, bits,
                                      group_size, rows_at_once, warp_rows);
  auto blocks = static_cast<unsigned>((p.n + 8 * warp_rows - 1) / (8 * warp_rows));
  encoder.launch(
      kernel,
      {blocks, static_cast<unsigned>(p.m / rows_at_once), static_cast<unsigned>(p.matrices)}, {256},
      args, shared(rows_at_once));
  return true;
}

/** An array that starts at an address the vector loads of the kernels can use. */
array as_aligned(Encoder& encoder, const array& a) {
  array rows = as_row_contiguous(encoder, a);
  if (rows.offset() % 16 == 0) return rows;
  array copied = array::placeholder(rows.shape(), rows.dtype());
  copy_contiguous(encoder, rows, copied);
  return copied;
}

void eval_quantized_matmul(const Primitive& primitive, const std::vector<array>& inputs,
                           std::vector<array>& outputs) {
  auto [group_size, bits, mode, transpose] = static_cast<const QuantizedMatmul&>(primitive).state();
  check_mode(mode, "quantized_matmul");
  Encoder& encoder = Encoder::of(primitive.stream());
  array& out = outputs[0];
  if (out.size() == 0) {
    encoder.allocate(out);
    return;
  }
  array x = as_aligned(encoder, inputs[0]);
  array w = as_aligned(encoder, inputs[1]);
  array scales = as_aligned(encoder, inputs[2]);
  array biases = as_aligned(encoder, inputs[3]);
  Product p{};
  p.k = x.shape(-1);
  p.n = out.shape(-1);
  p.matrices = static_cast<int64_t>(w.size()) / (static_cast<int64_t>(w.shape(-1)) * w.shape(-2));
  p.m = static_cast<int64_t>(out.size()) / p.n / p.matrices;
  if (transpose) {
    if (p.m <= kMostCoreRows) {
      if (multiply_by_cores(encoder, x, w, scales, biases, out, p, bits, group_size)) return;
      if (multiply_by_dots(encoder, x, w, scales, biases, out, p, bits, group_size)) return;
    }
  }
  // The codes at full width, [matrices, rows, columns], then an ordinary product.
  int rows = w.shape(-2);
  int columns = static_cast<int>(static_cast<int64_t>(w.shape(-1)) * 32 / bits);
  array values = encoder.temporary({static_cast<int>(p.matrices), rows, columns}, x.dtype());
  launch_dequantize(encoder, w, scales, biases, values, bits, group_size, false);
  array matrix = values;
  if (transpose) {
    matrix = array::placeholder({static_cast<int>(p.matrices), columns, rows}, x.dtype());
    Strides strides{values.strides(0), 1, values.strides(1)};
    matrix.copy_shared_buffer(values, strides, view_flags(matrix.shape(), strides, values.size()),
                              values.size());
  }
  Shape flat{static_cast<int>(p.matrices), static_cast<int>(p.m), static_cast<int>(p.k)};
  array left = array::placeholder(flat, x.dtype());
  left.copy_shared_buffer(x, row_major_strides(flat), {true, true, false}, x.size());
  array product = array::placeholder({flat[0], flat[1], static_cast<int>(p.n)}, out.dtype());
  multiply(encoder, left, matrix, nullptr, product, 1.0f, 0.0f);
  out.copy_shared_buffer(product, row_major_strides(out.shape()), {true, true, false}, out.size());
}

}  // namespace

void register_quantized(KernelTable& table) {
  table.add<fast::Quantize>(eval_quantize);
  table.add<QuantizedMatmul>(eval_quantized_matmul);
}

}  // namespace mlx::core::cuda
