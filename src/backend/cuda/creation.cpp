// Ranges, reinterpreted views and random bits on the GPU: the same numbers as on the CPU.
#include "backend/cuda/creation.h"

#include "backend/cuda/kernels/args.h"
#include "backend/cuda/rows.h"
#include "mlx/primitives/creation.h"
#include "mlx/primitives/random.h"

namespace mlx::core::cuda {

using mlx_device::ArangeArgs;
using mlx_device::RandomArgs;

namespace {

unsigned blocks_of(int64_t count) { return static_cast<unsigned>((count + 255) / 256); }

void eval_arange(const Primitive& primitive, const std::vector<array>&,
                 std::vector<array>& outputs) {
  auto [start, stop, step] = static_cast<const Arange&>(primitive).state();
  Encoder& encoder = Encoder::of(primitive.stream());
  array& out = outputs[0];
  encoder.allocate(out);
  if (out.size() == 0) return;
  ArangeArgs args{mutable_pointer(encoder.output(out)), static_cast<long long>(out.size()), start,
                  step};
  bool integer = issubdtype(out.dtype(), mlx::core::integer) || out.dtype() == bool_;
  std::string name = fmt::format("arange_{}", device_type(out.dtype()));
  const Kernel& kernel = get_kernel(name, [&] {
    return simple_source(
        name, "random.cuh",
        fmt::format("{}<{}>", integer ? "arange_integer" : "arange", device_type(out.dtype())),
        "ArangeArgs", 256);
  });
  encoder.launch(kernel, {blocks_of(args.size)}, {256}, args);
}

void eval_random_bits(const Primitive& primitive, const std::vector<array>& inputs,
                      std::vector<array>& outputs) {
  draw_random_bits(Encoder::of(primitive.stream()), inputs[0], outputs[0]);
}

}  // namespace

void draw_random_bits(Encoder& encoder, const array& given_keys, array& out) {
  encoder.allocate(out);
  if (out.size() == 0) return;
  array keys = as_row_contiguous(encoder, given_keys);
  RandomArgs args{};
  args.keys = static_cast<const unsigned*>(pointer(encoder.input(keys)));
  args.out = mutable_pointer(encoder.output(out));
  args.num_keys = static_cast<long long>(keys.size() / 2);
  args.bytes = static_cast<long long>(out.nbytes()) / args.num_keys;
  const Kernel& kernel = get_kernel("random_bits_u32", [] {
    return simple_source("random_bits_u32", "random.cuh", "random_bits", "RandomArgs", 256);
  });
  int64_t words = (args.bytes + 3) / 4;
  encoder.launch(kernel, {blocks_of(args.num_keys * (words - words / 2))}, {256}, args);
}

void register_creation(KernelTable& table) {
  table.add<Arange>(eval_arange);
  table.add<RandomBits>(eval_random_bits);
}

}  // namespace mlx::core::cuda
