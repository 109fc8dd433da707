// Softmax, logsumexp and cross entropy on the GPU.
#include "backend/cuda/softmax.h"

#include "backend/cuda/kernels/args.h"
#include "backend/cuda/rows.h"
#include "mlx/primitives/cross_entropy.h"
#include "mlx/primitives/softmax.h"

namespace mlx::core::cuda {

using mlx_device::CrossEntropyArgs;
using mlx_device::RowArgs;

namespace {

constexpr int kLongThreads = 512;

void launch_rows(Encoder& encoder, const char* op, const Rows& rows, const array& out) {
  CuDevicePtr source = encoder.input(rows.x);
  CuDevicePtr target = encoder.output(out);
  RowArgs args{pointer(source), mutable_pointer(target), rows.count, rows.length};
  RowBlock block = row_block(rows.length, rows.x.itemsize(), {source, target});
  bool in_registers = block.fits && rows.x.dtype() != float64;
  if (!in_registers) block.threads = kLongThreads;
  std::string type = device_type(rows.x.dtype());
  std::string name =
      in_registers ? fmt::format("{}_{}_{}_{}_{}", op, type, block.threads, block.vecs, block.width)
                   : fmt::format("{}_long_{}_{}", op, type, block.width);
  const Kernel& kernel = get_kernel(name, [&] {
    std::string body =
        in_registers ? fmt::format("{}_row<{}, {}, {}, {}>", op, type, block.threads, block.vecs,
                                   block.width)
                     : fmt::format("{}_long_row<{}, {}, {}>", op, type, block.threads, block.width);
    return simple_source(name, "softmax.cuh", body, "RowArgs", block.threads);
  });
  encoder.launch(kernel, {static_cast<unsigned>(rows.count)},
                 {static_cast<unsigned>(block.threads)}, args);
}

void eval_softmax(const Primitive& primitive, const std::vector<array>& inputs,
                  std::vector<array>& outputs) {
  Encoder& encoder = Encoder::of(primitive.stream());
  donate_or_allocate(encoder, inputs[0], outputs[0]);
  if (outputs[0].size() == 0) return;
  launch_rows(encoder, "softmax", as_rows(encoder, inputs[0]), outputs[0]);
}

void eval_logsumexp(const Primitive& primitive, const std::vector<array>& inputs,
                    std::vector<array>& outputs) {
  Encoder& encoder = Encoder::of(primitive.stream());
  encoder.allocate(outputs[0]);
  if (outputs[0].size() == 0) return;
  launch_rows(encoder, "logsumexp", as_rows(encoder, inputs[0]), outputs[0]);
}

void launch_cross_entropy(Encoder& encoder, const char* op, const std::vector<array>& inputs,
                          array& out) {
  encoder.allocate(out);
  if (out.size() == 0) return;
  Rows rows = as_rows(encoder, inputs[0]);
  array targets = as_row_contiguous(encoder, inputs[1]);
  CrossEntropyArgs args{};
  CuDevicePtr source = encoder.input(rows.x);
  args.logits = pointer(source);
  args.targets = pointer(encoder.input(targets));
  array cotangent = inputs.size() > 2 ? as_row_contiguous(encoder, inputs[2]) : targets;
  if (inputs.size() > 2) {
    args.cotangent = static_cast<const float*>(pointer(encoder.input(cotangent)));
  }
  CuDevicePtr target = encoder.output(out);
  args.out = mutable_pointer(target);
  args.n = rows.length;
  bool writes_rows = inputs.size() > 2;
  RowBlock block = writes_rows ? row_block(rows.length, rows.x.itemsize(), {source, target})
                               : row_block(rows.length, rows.x.itemsize(), {source});
  const char* type = device_type(rows.x.dtype());
  const char* index = device_type(targets.dtype());
  std::string name = fmt::format("{}_{}_{}_{}", op, type, index, block.width);
  const Kernel& kernel = get_kernel(name, [&] {
    return simple_source(
        name, "softmax.cuh",
        fmt::format("{}_row<{}, {}, {}, {}>", op, type, index, kLongThreads, block.width),
        "CrossEntropyArgs", kLongThreads);
  });
  encoder.launch(kernel, {static_cast<unsigned>(rows.count)}, {kLongThreads}, args);
}

void eval_cross_entropy(const Primitive& primitive, const std::vector<array>& inputs,
                        std::vector<array>& outputs) {
  launch_cross_entropy(Encoder::of(primitive.stream()), "cross_entropy", inputs, outputs[0]);
}

void eval_cross_entropy_vjp(const Primitive& primitive, const std::vector<array>& inputs,
                            std::vector<array>& outputs) {
  launch_cross_entropy(Encoder::of(primitive.stream()), "cross_entropy_grad", inputs, outputs[0]);
}

}  // namespace

void register_softmax(KernelTable& table) {
  table.add<Softmax>(eval_softmax);
  table.add<LogSumExp>(eval_logsumexp);
  table.add<fast::CrossEntropy>(eval_cross_entropy);
  table.add<fast::CrossEntropyVJP>(eval_cross_entropy_vjp);
}

}  // namespace mlx::core::cuda
