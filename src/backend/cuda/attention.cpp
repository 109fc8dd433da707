// Fused attention on the GPU: tiles on tensor cores, split keys for few queries, and a general
// kernel for the rest.
#include "backend/cuda/attention.h"

#include <algorithm>

#include "backend/cuda/device.h"
#include "backend/cuda/kernels/args.h"
#include "backend/cuda/library.h"
#include "backend/cuda/rows.h"
#include "mlx/primitives/attention.h"

namespace mlx::core::cuda {

using mlx_device::AttentionArgs;

namespace {

// Fixed numbers, not the device's: the splits decide the order of summation.
constexpr int64_t kWantedBlocks = 512;
constexpr int64_t kWantedCoreBlocks = 384;  // about what a large GPU runs at once
constexpr int64_t kMinSplitKeys = 128;
constexpr int kMostDecodeQueries = 8;
constexpr int kMostFeatures = 256;
constexpr int kLeastHopperQueries = 48;

/** Rows of features that the kernels read 16 bytes at a time; else a copy. */
array as_rows_of_features(Encoder& encoder, const array& a) {
  bool fits = a.strides(-1) == 1 && a.offset() % 16 == 0;
  for (int d = 0; d < 3; ++d) {
    int64_t bytes = a.strides(d) * static_cast<int64_t>(a.itemsize());
    fits = fits && (bytes % 16 == 0 || a.shape(d) == 1);
  }
  if (fits) return a;
  array copied = array::placeholder(a.shape(), a.dtype());
  copy_contiguous(encoder, a, copied);
  return copied;
}

void set_strides(long long (&to)[3], const array& a) {
  for (int d = 0; d < 3; ++d) to[d] = a.strides(d);
}

struct Problem {
  AttentionArgs args{};
  int64_t batch;
  int64_t key_heads;
  std::string type;
  std::string mask;
};

void launch_tiles(Encoder& encoder, Problem& p) {
  constexpr int kQueries = 64, kKeys = 64;
  int d = p.args.features;
  std::string name = fmt::format("attention_tiles_{}_{}_{}", p.type, d, p.mask);
  const Kernel& kernel = get_kernel(name, [&] {
    return simple_source(name, "attention.cuh",
                         fmt::format("attention_tiles<{}, {}, {}>", p.type, d, p.mask),
                         "AttentionArgs", 128, d <= 128 ? 2 : 1);
  });
  size_t shared = static_cast<size_t>(kQueries + 4 * kKeys) * (d + 8) * 2;
  auto blocks = static_cast<unsigned>((p.args.queries + kQueries - 1) / kQueries);
  encoder.launch(kernel, {blocks, static_cast<unsigned>(p.batch * p.args.heads)}, {128}, p.args,
                 shared);
}

/** The view of [batch, heads, length, features] that the copy engine reads tiles of. */
void encode_map(mlx_device::TensorMap& map, const array& a, const void* address, unsigned rows) {
  uint64_t dims[4], strides[3];
  for (int d = 0; d < 4; ++d) dims[d] = static_cast<uint64_t>(a.shape(3 - d));
  // Dimensions of length 1 may have any stride, also one that the engine refuses.
  for (int d = 0; d < 3; ++d)
    strides[d] = a.shape(2 - d) == 1 ? 16 : static_cast<uint64_t>(a.strides(2 - d)) * a.itemsize();
  const unsigned box[4] = {64, rows, 1, 1};
  const unsigned ones[4] = {1, 1, 1, 1};
  check(driver().tensor_map_encode_tiled(&map, a.dtype() == float16 ? kMapFloat16 : kMapBfloat16, 4,
                                         const_cast<void*>(address), dims, strides, box, ones, 0,
                                         kMapSwizzle128, kMapPromote256, 0),
        "describing an array to the copy engine");
}

/** Strides that the copy engine can step by. */
bool has_map(const array& a) {
  for (int d = 0; d < 3; ++d) {
    if (a.shape(d) > 1 && a.strides(d) <= 0) return false;
  }
  return true;
}

void launch_hopper(Encoder& encoder, Problem& p, const array& q, const array& k, const array& v) {
  constexpr size_t kCachedBytes = size_t{32} << 20;
  const int d = p.args.features <= 64 ? 64 : p.args.features <= 128 ? 128 : 256;
  const int keys = d == 256 ? 80 : 128;
  constexpr int kGroups = 2, kQueries = 64 * kGroups, kStages = 2;
  constexpr unsigned kThreads = 128 * (kGroups + 1);
  std::string name = fmt::format("attention_hopper_{}_{}_{}", p.type, d, p.mask);
  const Kernel& kernel = get_kernel(name, [&] {
    return simple_source(
        name, "attention_hopper.cuh",
        fmt::format("attention_hopper<{}, {}, {}, {}, {}>", p.type, d, keys, kGroups, p.mask),
        "AttentionHopperArgs", kThreads);
  });
  mlx_device::AttentionHopperArgs args{};
  args.a = p.args;
  encode_map(args.q_map, q, p.args.q, kQueries);
  encode_map(args.k_map, k, p.args.k, static_cast<unsigned>(keys));
  encode_map(args.v_map, v, p.args.v, static_cast<unsigned>(keys));
  args.query_blocks = (p.args.queries + kQueries - 1) / kQueries;
  const auto heads = static_cast<int>(p.batch * p.args.heads);
  args.tiles = args.query_blocks * heads;
  size_t head_bytes = size_t{4} * p.args.keys * p.args.features;
  auto cached = static_cast<int>(std::clamp<size_t>(kCachedBytes / head_bytes, 1, heads));
  args.section = std::min(heads, cached * p.args.group);
  size_t shared = 1024 + static_cast<size_t>(kQueries + 2 * kStages * keys) * d * 2;
  auto blocks = static_cast<unsigned>(std::min(args.tiles, gpu_device().num_sms));
  encoder.launch(kernel, {blocks}, {kThreads}, args, shared);
}

void launch_general(Encoder& encoder, Problem& p) {
  constexpr int kQueries = 16, kKeys = 32;
  std::string name = fmt::format("attention_general_{}_{}", p.type, p.mask);
  const Kernel& kernel = get_kernel(name, [&] {
    return simple_source(name, "attention.cuh",
                         fmt::format("attention_general<{}, {}>", p.type, p.mask), "AttentionArgs",
                         128);
  });
  size_t shared = sizeof(float) * (static_cast<size_t>(kQueries + kKeys) * (p.args.features + 1) +
                                   static_cast<size_t>(kKeys) * p.args.width);
  auto blocks = static_cast<unsigned>((p.args.queries + kQueries - 1) / kQueries);
  encoder.launch(kernel, {blocks, static_cast<unsigned>(p.batch * p.args.heads)}, {128}, p.args,
                 shared);
}

void launch_decode(Encoder& encoder, Problem& p, const std::vector<const array*>& reads,
                   const array& out) {
  int rows = p.args.group * p.args.queries;
  // A row alone does better without tensor cores, and float32 needs to.
  const bool on_cores = p.type != "float" && rows >= 2;
  int at_once = on_cores ? 8 : rows >= 4 ? 4 : rows >= 2 ? 2 : 1;
  p.args.row_groups = (rows + at_once - 1) / at_once;
  const int64_t wanted = on_cores ? kWantedCoreBlocks : kWantedBlocks;
  int64_t units = p.batch * p.key_heads * p.args.row_groups;
  int64_t splits = std::clamp<int64_t>((wanted + units - 1) / units, 1,
                                       std::max<int64_t>(1, p.args.keys / kMinSplitKeys));
  p.args.split_keys = static_cast<int>((p.args.keys + splits - 1) / splits);
  p.args.splits = static_cast<int>((p.args.keys + p.args.split_keys - 1) / p.args.split_keys);
  int d = p.args.features;
  int64_t out_rows = static_cast<int64_t>(out.size()) / d;
  array partial = encoder.temporary(
      {p.args.splits > 1 ? static_cast<int>(out_rows * p.args.splits * (d + 2)) : 1}, float32);
  std::string name = on_cores
                         ? fmt::format("attention_decode_cores_{}_{}_{}", p.type, d, p.mask)
                         : fmt::format("attention_decode_{}_{}_{}_{}", p.type, d, at_once, p.mask);
  const Kernel& kernel = get_kernel(name, [&] {
    if (on_cores) {
      return simple_source(name, "attention_decode.cuh",
                           fmt::format("attention_decode_cores<{}, {}, {}>", p.type, d, p.mask),
                           "AttentionArgs", 128,
                           d == 256   ? 2
                           : d == 128 ? 3
                                      : 4);
    }
    return simple_source(
        name, "attention_decode.cuh",
        fmt::format("attention_decode<{}, {}, {}, {}>", p.type, d, at_once, p.mask),
        "AttentionArgs", 256, 2);
  });
  for (const array* read : reads) encoder.input(*read);
  p.args.partial = static_cast<float*>(mutable_pointer(encoder.output(partial)));
  if (p.args.splits == 1) encoder.output(out);
  encoder.launch(kernel, {static_cast<unsigned>(units), static_cast<unsigned>(p.args.splits)},
                 {on_cores ? 128u : 256u}, p.args);
  if (p.args.splits == 1) return;
  std::string join_name = fmt::format("attention_join_{}_{}", p.type, d);
  const Kernel& join = get_kernel(join_name, [&] {
    return simple_source(join_name, "attention_decode.cuh",
                         fmt::format("attention_join<{}, {}>", p.type, d), "AttentionArgs", d);
  });
  encoder.input(partial);
  for (const array* read : reads) encoder.input(*read);
  encoder.output(out);
  encoder.launch(join, {static_cast<unsigned>(out_rows)}, {static_cast<unsigned>(d)}, p.args);
}

void eval_attention(const Primitive& primitive, const std::vector<array>& inputs,
                    std::vector<array>& outputs) {
  const auto [unused, scale, causal, has_sinks, with_logsumexp, force_fused] =
      static_cast<const fast::ScaledDotProductAttention&>(primitive).state();
  Encoder& encoder = Encoder::of(primitive.stream());
  array& out = outputs[0];
  encoder.allocate(out);
  if (out.size() == 0) return;
  array q = as_rows_of_features(encoder, inputs[0]);
  array k = as_rows_of_features(encoder, inputs[1]);
  array v = as_rows_of_features(encoder, inputs[2]);
  if (q.shape(3) > kMostFeatures || v.shape(3) > kMostFeatures) {
    throw_runtime("scaled_dot_product_attention",
                  "No kernel for the GPU for more than {} features: got {} and {}.", kMostFeatures,
                  q.shape(3), v.shape(3));
  }
  const bool has_mask = inputs.size() > (has_sinks ? 4u : 3u);
  Problem p;
  p.batch = q.shape(0);
  p.key_heads = k.shape(1);
  p.type = device_type(q.dtype());
  p.mask = !has_mask ? "kNoMask" : inputs[3].dtype() == bool_ ? "kBoolMask" : "kAddedMask";
  std::vector<const array*> reads{&q, &k, &v};
  p.args.q = pointer(encoder.input(q));
  p.args.k = pointer(encoder.input(k));
  p.args.v = pointer(encoder.input(v));
  if (has_mask) {
    p.args.mask = pointer(encoder.input(inputs[3]));
    for (int d = 0; d < 4; ++d) p.args.mask_strides[d] = inputs[3].strides(d);
    reads.push_back(&inputs[3]);
  }
  if (has_sinks) {
    p.args.sinks = pointer(encoder.input(inputs.back()));
    p.args.sinks_stride = inputs.back().strides(0);
    reads.push_back(&inputs.back());
  }
  p.args.out = mutable_pointer(encoder.output(out));
  set_strides(p.args.q_strides, q);
  set_strides(p.args.k_strides, k);
  set_strides(p.args.v_strides, v);
  p.args.heads = q.shape(1);
  p.args.group = q.shape(1) / k.shape(1);
  p.args.queries = q.shape(2);
  p.args.keys = k.shape(2);
  p.args.features = q.shape(3);
  p.args.width = v.shape(3);
  p.args.splits = 1;
  p.args.scale = scale;
  p.args.causal = causal;
  int d = p.args.features;
  bool square = d == p.args.width && p.args.keys > 0;
  bool short_queries = p.args.queries <= kMostDecodeQueries;
  if (square && short_queries && (d == 64 || d == 128 || d == 256)) {
    launch_decode(encoder, p, reads, out);
  } else if (square && q.itemsize() == 2 && d % 8 == 0 && d <= kMostFeatures && scale > 0 &&
             gpu_device().arch == "sm_90a" && p.args.queries >= kLeastHopperQueries && has_map(q) &&
             has_map(k) && has_map(v)) {
    launch_hopper(encoder, p, q, k, v);
  } else if (square && q.itemsize() == 2 && d % 16 == 0 && d <= kMostFeatures) {
    launch_tiles(encoder, p);
  } else {
    launch_general(encoder, p);
  }
}

}  // namespace

void register_attention(KernelTable& table) {
  table.add<fast::ScaledDotProductAttention>(eval_attention);
}

}  // namespace mlx::core::cuda
