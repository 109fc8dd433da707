// Rotary position encoding on the GPU.
#include "backend/cuda/rope.h"

#include <cmath>
#include <map>
#include <mutex>

#include "backend/cuda/kernel_memo.h"
#include "backend/cuda/kernels/args.h"
#include "backend/cuda/rows.h"
#include "mlx/primitives/rope.h"

namespace mlx::core::cuda {

using mlx_device::RopeArgs;

namespace {

/** The angle of each feature pair at position 1; kept, as every layer asks for the same. */
array angular_frequencies(int half, float base) {
  static auto* tables = new std::map<std::pair<int, float>, array>;
  static auto* mutex = new std::mutex;
  std::lock_guard lock(*mutex);
  auto found = tables->find({half, base});
  if (found != tables->end()) return found->second;
  std::vector<float> values(half);
  for (int i = 0; i < half; ++i) {
    values[i] = static_cast<float>(std::exp(-i * std::log(static_cast<double>(base)) / half));
  }
  return tables->emplace(std::pair{half, base}, array(values.begin(), {half})).first->second;
}

void eval_rope(const Primitive& primitive, const std::vector<array>& inputs,
               std::vector<array>& outputs) {
  auto [unused, dims, traditional, base, scale, forward] =
      static_cast<const fast::RoPE&>(primitive).state();
  Encoder& encoder = Encoder::of(primitive.stream());
  array& out = outputs[0];
  donate_or_allocate(encoder, inputs[0], out);
  if (out.size() == 0) return;
  Rows rows = as_rows(encoder, inputs[0]);
  array offsets = as_row_contiguous(encoder, inputs[1]);
  bool has_periods = inputs.size() > 2;
  array frequencies =
      has_periods ? as_row_contiguous(encoder, inputs[2]) : angular_frequencies(dims / 2, base);
  RopeArgs args{};
  args.x = pointer(encoder.input(rows.x));
  args.frequencies = static_cast<const float*>(pointer(encoder.input(frequencies)));
  if (offsets.size() == 1 && is_on_host(offsets)) {
    args.offset = host_integer(offsets);
  } else {
    args.offsets = pointer(encoder.input(offsets));
  }
  args.out = mutable_pointer(encoder.output(out));
  args.batches = out.ndim() > 2 ? out.shape(0) : 1;
  args.positions = out.shape(-2);
  args.heads = rows.count / (args.batches * args.positions);
  args.n = rows.length;
  args.half = dims / 2;
  args.offset_stride = offsets.size() > 1 ? 1 : 0;
  args.frequencies_are_periods = has_periods;
  args.scale = scale;
  args.direction = forward ? 1.0f : -1.0f;
  const char* type = device_type(out.dtype());
  const char* index = device_type(offsets.dtype());
  auto make_source = [&, traditional = traditional](const std::string& name) {
    return simple_source(name, "rope.cuh",
                         fmt::format("rope<{}, {}, {}>", type, index, traditional), "RopeArgs",
                         256);
  };
  const Kernel& kernel =
      named_kernel(make_source, "rope_{}_{}_{}", type, index, traditional ? "t" : "s");
  constexpr int64_t kHeads = 4;  // kRopeHeads of the kernel
  int64_t pairs = rows.length - args.half;
  int64_t total = args.batches * ((args.heads + kHeads - 1) / kHeads) * args.positions * pairs;
  encoder.launch(kernel, {static_cast<unsigned>((total + 255) / 256)}, {256}, args);
}

}  // namespace

void register_rope(KernelTable& table) { table.add<fast::RoPE>(eval_rope); }

}  // namespace mlx::core::cuda
