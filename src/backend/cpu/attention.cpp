// Scaled dot-product attention on the CPU: tiles of keys and values meet blocks of query rows, and
// a running softmax joins the tiles, so the matrix of scores never exists.
#include "backend/cpu/attention.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "backend/cpu/attention_kernels.h"
#include "backend/cpu/gemm/gemm.h"
#include "backend/cpu/gemm/scratch.h"
#include "base/thread_pool.h"
#include "mlx/primitives/attention.h"

namespace mlx::core::cpu {

namespace {

constexpr int64_t kTileKeys = 128;
constexpr int64_t kChunkRows = 256;   // query rows that share the packing of a tile
constexpr int64_t kSplitKeys = 512;   // at least so many keys for each part of a split
constexpr int64_t kWantedTasks = 32;  // fewer are split along the keys
constexpr int64_t kPad = 16;          // keeps rows of scratch off the same cache sets

int64_t div_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

/** The arrays and sizes of one call. The rows of a key head are (query head of its group, query).
 */
struct Attention {
  const array& q;
  const array& k;
  const array& v;
  const array* mask;
  const array* sinks;
  array& out;
  float scale;
  bool causal;

  int64_t batch = q.shape(0);
  int64_t heads = q.shape(1);
  int64_t key_heads = k.shape(1);
  int64_t queries = q.shape(2);
  int64_t keys = k.shape(2);
  int64_t depth = q.shape(3);
  int64_t width = v.shape(3);
  int64_t group = heads / key_heads;
  int64_t rows = group * queries;

  const char* at(const array& a, int64_t b, int64_t h, int64_t i) const {
    return a.data<char>() + (b * a.strides(0) + h * a.strides(1) + i * a.strides(2)) *
                                static_cast<int64_t>(a.itemsize());
  }
  /** The number of keys that a query may see; all of them if none, since a row that sees nothing
   * averages everything. */
  int64_t visible(int64_t query) const {
    if (!causal) return keys;
    const int64_t end = keys - queries + query + 1;
    return end <= 0 ? keys : std::min(end, keys);
  }
};

/** Running results of a chunk of rows over some of the keys. */
struct Partial {
  float* sums;  // rows x width, not yet divided
  float* max;
  float* total;
};

/** One chunk of query rows of one key head, against the keys [key_begin, key_end). */
class Chunk {
 public:
  Chunk(const Attention& attention, int64_t batch, int64_t key_head, int64_t row, int64_t rows)
      : a_(attention),
        kernel_(micro_kernel<float>()),
        batch_(batch),
        key_head_(key_head),
        row_(row),
        rows_(rows) {}

  void run(int64_t key_begin, int64_t key_end, const Partial& result) {
    const int64_t nr = kernel_.columns;
    q_stride_ = a_.depth + kPad;
    s_stride_ = kTileKeys + kPad;
    const int64_t block = std::max<int64_t>(1, 64 / kernel_.rows) * kernel_.rows;
    const int64_t v_padded = div_up(a_.width, nr) * nr;
    const int64_t total = rows_ * q_stride_ + block * s_stride_ +
                          div_up(kTileKeys, nr) * nr * a_.depth + kTileKeys * v_padded +
                          4 * kPackSlack;
    q_ = thread_scratch<float>(ScratchUse::other, total);
    scores_ = q_ + rows_ * q_stride_ + kPackSlack;
    k_packed_ = scores_ + block * s_stride_ + kPackSlack;
    v_packed_ = k_packed_ + div_up(kTileKeys, nr) * nr * a_.depth + kPackSlack;
    load_queries();
    int64_t last = 0;  // keys that some row sees
    for (int64_t i = 0; i < rows_; ++i) {
      last = std::max(last, a_.visible((row_ + i) % a_.queries));
      result.max[i] = -INFINITY;
      result.total[i] = 0;
    }
    std::fill(result.sums, result.sums + rows_ * a_.width, 0.0f);
    last = std::min(last, key_end);
    for (int64_t key = key_begin; key < last; key += kTileKeys) {
      const int64_t count = std::min(kTileKeys, last - key);
      pack_tile(key, count);
      for (int64_t i = 0; i < rows_; i += block) {
        multiply_tile(i, std::min(block, rows_ - i), key, count, result);
      }
    }
  }

 private:
  int64_t query_head(int64_t i) const { return key_head_ * a_.group + (row_ + i) / a_.queries; }
  int64_t query(int64_t i) const { return (row_ + i) % a_.queries; }

  void load_queries() {
    for (int64_t i = 0; i < rows_; ++i) {
      const char* source = a_.at(a_.q, batch_, query_head(i), query(i));
      float* row = q_ + i * q_stride_;
      if (a_.q.strides(3) == 1) {
        convert_to_float(row, source, a_.q.dtype(), a_.depth);
      } else {
        const int64_t step = a_.q.strides(3) * static_cast<int64_t>(a_.q.itemsize());
        for (int64_t d = 0; d < a_.depth; ++d) {
          convert_to_float(row + d, source + d * step, a_.q.dtype(), 1);
        }
      }
      scale_values(row, a_.depth, a_.scale);
    }
  }

  void pack_tile(int64_t key, int64_t count) {
    const int width = kernel_.columns;
    const Matrix k_lanes{a_.at(a_.k, batch_, key_head_, key), a_.k.dtype(), a_.k.strides(2),
                         a_.k.strides(3)};
    pack_dense(k_packed_, width, k_lanes, 0, count, 0, a_.depth);
    const Matrix v_lanes{a_.at(a_.v, batch_, key_head_, key), a_.v.dtype(), a_.v.strides(3),
                         a_.v.strides(2)};
    v_direct_ = rows_ <= 2 * kernel_.rows && a_.v.dtype() == float32 && a_.v.strides(3) == 1;
    if (!v_direct_) pack_dense(v_packed_, width, v_lanes, 0, a_.width, 0, count);
    packed_keys_ = count;
    v_tile_ = static_cast<const float*>(v_lanes.data);
  }

  /** Scores of `rows` rows from the i-th against a tile, softmax, and their share of the result. */
  void multiply_tile(int64_t i, int64_t rows, int64_t key, int64_t count, const Partial& result) {
    int64_t seen = 0;
    for (int64_t r = 0; r < rows; ++r) seen = std::max(seen, a_.visible(query(i + r)));
    count = std::min(count, seen - key);
    if (count <= 0) return;
    const int nr = kernel_.columns;
    for (int64_t r = 0; r < rows; r += kernel_.rows) {
      const int m = static_cast<int>(std::min<int64_t>(kernel_.rows, rows - r));
      for (int64_t j = 0; j < count; j += nr) {
        const int n = static_cast<int>(std::min<int64_t>(nr, count - j));
        const float* b = k_packed_ + j * a_.depth;
        kernel_.run(m, n, a_.depth, q_ + (i + r) * q_stride_, q_stride_, 1, b, nr,
                    scores_ + r * s_stride_ + j, s_stride_, false, b + kStepsAhead * nr, nr);
      }
    }
    for (int64_t r = 0; r < rows; ++r)
      softmax_row(i + r, scores_ + r * s_stride_, key, count, result);
    for (int64_t r = 0; r < rows; r += kernel_.rows) {
      const int m = static_cast<int>(std::min<int64_t>(kernel_.rows, rows - r));
      for (int64_t j = 0; j < a_.width; j += nr) {
        const int n = static_cast<int>(std::min<int64_t>(nr, a_.width - j));
        const float* b = v_direct_ ? v_tile_ + j : v_packed_ + j * packed_keys_;
        const int64_t step = v_direct_ ? a_.v.strides(2) : nr;
        kernel_.run(m, n, count, scores_ + r * s_stride_, s_stride_, 1, b, step,
                    result.sums + (i + r) * a_.width + j, a_.width, true, b + kStepsAhead * nr,
                    step);
      }
    }
  }

  void softmax_row(int64_t i, float* scores, int64_t key, int64_t count, const Partial& result) {
    const int64_t position = query(i);
    if (a_.causal) {
      // A query that sees nothing has every key hidden, else those past its own position.
      const int64_t end = a_.keys - a_.queries + position + 1;
      for (int64_t j = std::max<int64_t>(0, end - key); j < count; ++j) scores[j] = kMaskedScore;
    }
    if (a_.mask != nullptr) {
      const array& mask = *a_.mask;
      const char* source = a_.at(mask, batch_, query_head(i), position) +
                           key * mask.strides(3) * static_cast<int64_t>(mask.itemsize());
      mask_scores(scores, source, mask.dtype(), mask.strides(3), count);
    }
    const float factor = softmax_step(scores, count, &result.max[i], &result.total[i]);
    if (factor != 1.0f) scale_values(result.sums + i * a_.width, a_.width, factor);
  }

  const Attention& a_;
  const MicroKernel<float>& kernel_;
  const int64_t batch_;
  const int64_t key_head_;
  const int64_t row_;
  const int64_t rows_;
  int64_t q_stride_ = 0;
  int64_t s_stride_ = 0;
  float* q_ = nullptr;
  float* scores_ = nullptr;
  float* k_packed_ = nullptr;
  float* v_packed_ = nullptr;
  const float* v_tile_ = nullptr;
  int64_t packed_keys_ = 0;  // of the tile at hand
  bool v_direct_ = false;
};

/** Joins the parts of a row in order, adds the sink, divides and stores. */
void finish_row(const Attention& a, int64_t batch, int64_t key_head, int64_t row,
                const std::vector<Partial>& parts, int64_t i) {
  Partial first = parts[0];
  float* sums = first.sums + i * a.width;
  float max = first.max[i];
  float total = first.total[i];
  for (size_t p = 1; p < parts.size(); ++p) {
    const float other_max = parts[p].max[i];
    if (other_max == -INFINITY) continue;
    const float new_max = std::max(max, other_max);
    const float mine = max == -INFINITY ? 0.0f : std::exp(max - new_max);
    const float theirs = std::exp(other_max - new_max);
    const float* values = parts[p].sums + i * a.width;
    for (int64_t d = 0; d < a.width; ++d) sums[d] = sums[d] * mine + values[d] * theirs;
    total = total * mine + parts[p].total[i] * theirs;
    max = new_max;
  }
  const int64_t head = key_head * a.group + (row + i) / a.queries;
  const int64_t query = (row + i) % a.queries;
  if (a.sinks != nullptr) {
    const array& sinks = *a.sinks;
    float sink;
    convert_to_float(
        &sink,
        sinks.data<char>() + head * sinks.strides(0) * static_cast<int64_t>(sinks.itemsize()),
        sinks.dtype(), 1);
    const float new_max = std::max(max, sink);
    const float mine = max == -INFINITY ? 0.0f : std::exp(max - new_max);
    scale_values(sums, a.width, mine);
    total = total * mine + std::exp(sink - new_max);
  }
  char* target = a.out.data<char>() + ((batch * a.heads + head) * a.queries + query) * a.width *
                                          static_cast<int64_t>(a.out.itemsize());
  if (a.keys > 0) scale_values(sums, a.width, 1.0f / total);
  convert_from_float(target, a.out.dtype(), sums, a.width);
}

void attend(const Attention& a) {
  const int64_t chunks = div_up(a.rows, kChunkRows);
  const int64_t units = a.batch * a.key_heads * chunks;
  // The keys are cut by shape alone, so results do not depend on the threads.
  int64_t splits = 1;
  if (units < kWantedTasks) {
    splits = std::clamp<int64_t>(a.keys / kSplitKeys, 1, div_up(kWantedTasks, units));
  }
  const int64_t chunk_rows = std::min(kChunkRows, a.rows);
  const int64_t partial_size = chunk_rows * (a.width + 2);
  auto run_unit = [&](int64_t unit, int64_t split, float* memory) {
    // The last chunks of a head see most keys under a causal mask: they come first.
    const int64_t chunk = chunks - 1 - unit / (a.batch * a.key_heads);
    const int64_t head = unit % (a.batch * a.key_heads);
    const int64_t row = chunk * kChunkRows;
    const int64_t rows = std::min(kChunkRows, a.rows - row);
    Partial partial{memory, memory + chunk_rows * a.width, memory + chunk_rows * (a.width + 1)};
    const int64_t tiles = div_up(a.keys, kTileKeys);
    const int64_t begin = tiles * split / splits * kTileKeys;
    const int64_t end = std::min(a.keys, tiles * (split + 1) / splits * kTileKeys);
    Chunk(a, head / a.key_heads, head % a.key_heads, row, rows).run(begin, end, partial);
    return partial;
  };
  auto finish = [&](int64_t unit, const std::vector<Partial>& parts) {
    const int64_t chunk = chunks - 1 - unit / (a.batch * a.key_heads);
    const int64_t head = unit % (a.batch * a.key_heads);
    const int64_t row = chunk * kChunkRows;
    for (int64_t i = 0; i < std::min(kChunkRows, a.rows - row); ++i) {
      finish_row(a, head / a.key_heads, head % a.key_heads, row, parts, i);
    }
  };
  if (splits == 1) {
    parallel_for(units, [&](int64_t unit) {
      float* memory = thread_scratch<float>(ScratchUse::tile, partial_size + kPackSlack);
      finish(unit, {run_unit(unit, 0, memory)});
    });
    return;
  }
  std::vector<float> memory(units * splits * partial_size);
  parallel_for(units * splits, [&](int64_t task) {
    run_unit(task / splits, task % splits, memory.data() + task * partial_size);
  });
  parallel_for(units, [&](int64_t unit) {
    std::vector<Partial> parts;
    for (int64_t split = 0; split < splits; ++split) {
      float* base = memory.data() + (unit * splits + split) * partial_size;
      parts.push_back({base, base + chunk_rows * a.width, base + chunk_rows * (a.width + 1)});
    }
    finish(unit, parts);
  });
}

void eval_attention(const Primitive& primitive, const std::vector<array>& inputs,
                    std::vector<array>& outputs) {
  const auto [unused, scale, causal, has_sinks, with_logsumexp, force_fused] =
      static_cast<const fast::ScaledDotProductAttention&>(primitive).state();
  array& out = outputs[0];
  out.set_data(allocator::malloc(out.nbytes()));
  if (out.size() == 0) return;
  const bool has_mask = inputs.size() > (has_sinks ? 4u : 3u);
  attend({.q = inputs[0],
          .k = inputs[1],
          .v = inputs[2],
          .mask = has_mask ? &inputs[3] : nullptr,
          .sinks = has_sinks ? &inputs.back() : nullptr,
          .out = out,
          .scale = scale,
          .causal = causal});
}

}  // namespace

void register_attention(KernelTable& table) {
  table.add<fast::ScaledDotProductAttention>(eval_attention);
}

}  // namespace mlx::core::cpu
