// Fused attention on the GPU: tiles on tensor cores, split keys for few queries, and a general
// kernel for the rest.
#include "backend/cuda/attention.h"

#include <algorithm>

#include "backend/cuda/kernels/args.h"
#include "backend/cuda/rows.h"
#include "mlx/primitives/attention.h"

namespace mlx::core::cuda {

using mlx_device::AttentionArgs;

namespace {

// Fixed numbers, not the device's: the splits decide the order of summation.
constexpr int64_t kWantedBlocks = 512;
constexpr int64_t kMinSplitKeys = 128;
constexpr int kMostDecodeQueries = 8;
constexpr int kMostFeatures = 256;

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
  int at_once = rows >= 4 ? 4 : rows >= 2 ? 2 : 1;
  p.args.row_groups = (rows + at_once - 1) / at_once;
  int64_t units = p.batch * p.key_heads * p.args.row_groups;
  int64_t splits = std::clamp<int64_t>((kWantedBlocks + units - 1) / units, 1,
                                       std::max<int64_t>(1, p.args.keys / kMinSplitKeys));
  p.args.split_keys = static_cast<int>((p.args.keys + splits - 1) / splits);
  p.args.splits = static_cast<int>((p.args.keys + p.args.split_keys - 1) / p.args.split_keys);
  int d = p.args.features;
  int64_t out_rows = static_cast<int64_t>(out.size()) / d;
  array partial = encoder.temporary(
      {p.args.splits > 1 ? static_cast<int>(out_rows * p.args.splits * (d + 2)) : 1}, float32);
  std::string name = fmt::format("attention_decode_{}_{}_{}_{}", p.type, d, at_once, p.mask);
  const Kernel& kernel = get_kernel(name, [&] {
    return simple_source(
        name, "attention_decode.cuh",
        fmt::format("attention_decode<{}, {}, {}, {}>", p.type, d, at_once, p.mask),
        "AttentionArgs", 256, 2);
  });
  for (const array* read : reads) encoder.input(*read);
  p.args.partial = static_cast<float*>(mutable_pointer(encoder.output(partial)));
  if (p.args.splits == 1) encoder.output(out);
  encoder.launch(kernel, {static_cast<unsigned>(units), static_cast<unsigned>(p.args.splits)},
                 {256}, p.args);
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
