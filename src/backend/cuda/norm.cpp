// RMS and layer normalisation on the GPU, and their gradients.
#include "backend/cuda/norm.h"

#include <algorithm>

#include "backend/cuda/kernel_memo.h"
#include "backend/cuda/kernels/args.h"
#include "backend/cuda/reduce.h"
#include "backend/cuda/rows.h"
#include "mlx/primitives/norm.h"

namespace mlx::core::cuda {

using mlx_device::NormArgs;
using mlx_device::NormGradArgs;

namespace {

/** Rows that a multiprocessor should work on at once: some are read while others wait at their
 * barriers. Measured on an H200; `held` is a thread's bytes of the row. */
int rows_at_once(int threads, int held, bool centered) {
  if (threads == 1024) return held <= 64 ? 2 : 1;
  if (threads == 512) return centered && held <= 64 ? 3 : 2;
  return 4;
}

constexpr int kLongThreads = 512;
constexpr int64_t kGradBlocks = 256;  // fixed, as it decides the order of summation

/** A weight or bias; a 0-d one stands for "none" and is neutral. */
struct Parameter {
  Parameter(Encoder& encoder, const array& a)
      : given(a.ndim() > 0), values(as_row_contiguous(encoder, a)) {}
  CuDevicePtr address(Encoder& encoder) const { return given ? encoder.input(values) : 0; }

  bool given;
  array values;
};

void launch_norm(Encoder& encoder, bool centered, float eps, const std::vector<array>& inputs,
                 array& out) {
  donate_or_allocate(encoder, inputs[0], out);
  if (out.size() == 0) return;
  Rows rows = as_rows(encoder, inputs[0]);
  Parameter weight(encoder, inputs[1]);
  Parameter bias(encoder, centered ? inputs[2] : inputs[1]);
  NormArgs args{};
  CuDevicePtr source = encoder.input(rows.x);
  CuDevicePtr w = weight.address(encoder);
  CuDevicePtr b = centered ? bias.address(encoder) : 0;
  CuDevicePtr target = encoder.output(out);
  args.x = pointer(source);
  args.weight = pointer(w);
  args.bias = pointer(b);
  args.out = mutable_pointer(target);
  args.rows = rows.count;
  args.n = rows.length;
  args.weight_stride = 1;
  args.bias_stride = 1;
  args.eps = eps;
  RowBlock block = row_block(rows.length, rows.x.itemsize(), {source, target, w, b});
  if (!block.fits) block.threads = kLongThreads;
  const char* type = device_type(rows.x.dtype());
  const char* weight_type = device_type(weight.given ? weight.values.dtype() : rows.x.dtype());
  auto make_source = [&](const std::string& name) {
    std::string body = block.fits
                           ? fmt::format("norm_row<{}, {}, {}, {}, {}, {}>", type, weight_type,
                                         block.threads, block.vecs, block.width, centered)
                           : fmt::format("norm_long_row<{}, {}, {}, {}>", type, weight_type,
                                         block.threads, centered);
    return simple_source(
        name, "norm.cuh", body, "NormArgs", block.threads,
        rows_at_once(block.threads, block.vecs * block.width * static_cast<int>(rows.x.itemsize()),
                     centered));
  };
  const Kernel& kernel = named_kernel(make_source, "norm_{}_{}_{}_{}_{}_{}_{}",
                                      centered ? "layer" : "rms", block.fits ? "r" : "l", type,
                                      weight_type, block.threads, block.vecs, block.width);
  encoder.launch(kernel, {static_cast<unsigned>(rows.count)},
                 {static_cast<unsigned>(block.threads)}, args);
}

/** The gradient of a parameter: the sum of its partial rows, in the parameter's dtype; zero without
 * one. */
void sum_partials(Encoder& encoder, bool given, const array& partial, array& out) {
  encoder.allocate(out);
  if (out.size() == 0) return;
  if (given) {
    reduce_middle(encoder, ReduceOp::sum, partial, out, 1, partial.shape(0), partial.shape(1));
  } else {
    CuDevicePtr target = encoder.output(out);
    encoder.fill_bytes(target, 0, out.nbytes());
  }
}

/** inputs: x, weight, [bias], cotangent; outputs: the gradients of all but the last. */
void launch_norm_grad(Encoder& encoder, bool centered, float eps, const std::vector<array>& inputs,
                      std::vector<array>& outputs) {
  encoder.allocate(outputs[0]);
  Rows rows = as_rows(encoder, inputs[0]);
  Rows cotangent = as_rows(encoder, inputs.back());
  Parameter weight(encoder, inputs[1]);
  bool bias_given = centered && inputs[2].ndim() > 0;
  int64_t blocks = std::clamp<int64_t>(rows.count, 1, kGradBlocks);
  Shape partial_shape{static_cast<int>(blocks), static_cast<int>(rows.length)};
  array partial_weight = encoder.temporary(weight.given ? partial_shape : Shape{1, 1}, float32);
  array partial_bias = encoder.temporary(bias_given ? partial_shape : Shape{1, 1}, float32);
  if (outputs[0].size() == 0) {
    for (size_t i = 1; i < outputs.size(); ++i)
      sum_partials(encoder, false, partial_weight, outputs[i]);
    return;
  }
  NormGradArgs args{};
  args.x = pointer(encoder.input(rows.x));
  args.weight = pointer(weight.address(encoder));
  args.cotangent = pointer(encoder.input(cotangent.x));
  args.grad_x = mutable_pointer(encoder.output(outputs[0]));
  CuDevicePtr w = encoder.output(partial_weight);
  CuDevicePtr b = encoder.output(partial_bias);
  args.partial_weight = weight.given ? static_cast<float*>(mutable_pointer(w)) : nullptr;
  args.partial_bias = bias_given ? static_cast<float*>(mutable_pointer(b)) : nullptr;
  args.rows = rows.count;
  args.n = rows.length;
  args.weight_stride = 1;
  args.eps = eps;
  int threads = rows.length >= 4096 ? 512 : rows.length >= 512 ? 256 : 64;
  const char* type = device_type(rows.x.dtype());
  const char* weight_type = device_type(weight.given ? weight.values.dtype() : rows.x.dtype());
  std::string name =
      fmt::format("norm_grad_{}_{}_{}_{}", centered ? "layer" : "rms", type, weight_type, threads);
  const Kernel& kernel = get_kernel(name, [&] {
    return simple_source(
        name, "norm.cuh",
        fmt::format("norm_grad_rows<{}, {}, {}, {}>", type, weight_type, threads, centered),
        "NormGradArgs", threads);
  });
  encoder.launch(kernel, {static_cast<unsigned>(blocks)}, {static_cast<unsigned>(threads)}, args);
  sum_partials(encoder, weight.given, partial_weight, outputs[1]);
  if (centered) sum_partials(encoder, bias_given, partial_bias, outputs[2]);
}

void eval_rms_norm(const Primitive& primitive, const std::vector<array>& inputs,
                   std::vector<array>& outputs) {
  float eps = static_cast<const fast::RMSNorm&>(primitive).state().second;
  launch_norm(Encoder::of(primitive.stream()), false, eps, inputs, outputs[0]);
}

void eval_layer_norm(const Primitive& primitive, const std::vector<array>& inputs,
                     std::vector<array>& outputs) {
  float eps = static_cast<const fast::LayerNorm&>(primitive).state().second;
  launch_norm(Encoder::of(primitive.stream()), true, eps, inputs, outputs[0]);
}

void eval_rms_norm_vjp(const Primitive& primitive, const std::vector<array>& inputs,
                       std::vector<array>& outputs) {
  float eps = static_cast<const fast::RMSNormVJP&>(primitive).state().second;
  launch_norm_grad(Encoder::of(primitive.stream()), false, eps, inputs, outputs);
}

void eval_layer_norm_vjp(const Primitive& primitive, const std::vector<array>& inputs,
                         std::vector<array>& outputs) {
  float eps = static_cast<const fast::LayerNormVJP&>(primitive).state().second;
  launch_norm_grad(Encoder::of(primitive.stream()), true, eps, inputs, outputs);
}

}  // namespace

void register_norm(KernelTable& table) {
  table.add<fast::RMSNorm>(eval_rms_norm);
  table.add<fast::RMSNormVJP>(eval_rms_norm_vjp);
  table.add<fast::LayerNorm>(eval_layer_norm);
  table.add<fast::LayerNormVJP>(eval_layer_norm_vjp);
}

}  // namespace mlx::core::cuda
