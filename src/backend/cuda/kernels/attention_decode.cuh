// Attention of few queries over many keys: the keys are cut into splits, each read once at memory speed, and the
// parts are joined in order.
#pragma once

#include "attention.cuh"

namespace mlx_device {

/** Writes feature d of a row: the result, or a split's part of it. */
template <class T, int D>
inline void put_decoded(const AttentionArgs& a, int batch, int key_head, int row, int split, int d, float top,
                        float total, float value) {
  int head = key_head * a.group + row / a.queries;
  long long out_row = (static_cast<long long>(batch) * a.heads + head) * a.queries + row % a.queries;
  if (a.splits > 1) {
    float* part = a.partial + (out_row * a.splits + split) * (D + 2);
    part[2 + d] = value;
    if (d == 0) {
      part[0] = top;
      part[1] = total;
    }
  } else {
    float shrink = 1.0f;
    if (a.sinks != nullptr) {
      float sink =
          static_cast<float>(widen<T>(static_cast<const T*>(a.sinks)[head * a.sinks_stride])) * 1.4426950408889634f;
      float new_max = fmaxf(top, sink);
      shrink = exp2_approx(top - new_max);
      total = total * shrink + exp2_approx(sink - new_max);
    }
    static_cast<T*>(a.out)[out_row * D + d] = narrow<T>(static_cast<Compute<T>>(value * shrink / total));
  }
}

/** What the warps of a block have found for each of its rows: the running maximum, sum and output. */
template <class T, int kWarps, int R, int D>
struct DecodedParts {
  float max[kWarps][R], sum[kWarps][R], out[kWarps][R][D];

  /** Joins the warps, always in the same order, and writes the rows; all threads call it. */
  void put_joined(const AttentionArgs& a, int batch, int key_head, int first_row, int rows, int split) const {
    __syncthreads();
    for (int i = threadIdx.x; i < R * D; i += kWarps * 32) {
      int r = i / D, d = i % D;
      if (first_row + r >= rows) continue;
      float top = -kInfinity;
#pragma unroll
      for (int w = 0; w < kWarps; ++w) top = fmaxf(top, max[w][r]);
      float total = 0.0f, value = 0.0f;
#pragma unroll
      for (int w = 0; w < kWarps; ++w) {
        float weight = max[w][r] == -kInfinity ? 0.0f : exp2_approx(max[w][r] - top);
        total += sum[w][r] * weight;
        value += out[w][r][d] * weight;
      }
      put_decoded<T, D>(a, batch, key_head, first_row + r, split, d, top, total, value);
    }
  }
};

/** One row's running softmax over D features, spread over kLanes lanes with 8 features each. */
template <class T, int D, int R, MaskKind kMask>
inline void attention_decode(const AttentionArgs& a) {
  constexpr int kLanes = D / 8;              // lanes that share a key
  constexpr int kTogether = 32 / kLanes;     // keys a warp reads with one load
  constexpr int kUnroll = R >= 4 ? 2 : 4;
  constexpr int kWarps = 8;
  constexpr float kLog2 = 1.4426950408889634f;
  __shared__ DecodedParts<T, kWarps, R, D> parts;
  wait_for_inputs();
  let_next_kernel_start();
  int lane = lane_id(), warp = warp_id();
  int feature = lane % kLanes * 8;
  int key_heads = a.heads / a.group;
  int key_head = static_cast<int>(blockIdx.x) / a.row_groups % key_heads;
  int batch = static_cast<int>(blockIdx.x) / a.row_groups / key_heads;
  int first_row = static_cast<int>(blockIdx.x) % a.row_groups * R;
  int rows = a.group * a.queries;
  int split = static_cast<int>(blockIdx.y);
  const T* k = static_cast<const T*>(a.k) + batch * a.k_strides[0] + key_head * a.k_strides[1] + feature;
  const T* v = static_cast<const T*>(a.v) + batch * a.v_strides[0] + key_head * a.v_strides[1] + feature;
  float q[R][8], o[R][8], max[R], sum[R];
#pragma unroll
  for (int r = 0; r < R; ++r) {
    int row = first_row + r < rows ? first_row + r : rows - 1;
    int head = key_head * a.group + row / a.queries;
    const T* from = static_cast<const T*>(a.q) + batch * a.q_strides[0] + head * a.q_strides[1] +
                    row % a.queries * a.q_strides[2] + feature;
    Vec<T, 8> raw = load_vec<T, 8>(from);
#pragma unroll
    for (int e = 0; e < 8; ++e) {
      q[r][e] = static_cast<float>(widen<T>(raw.v[e])) * a.scale;
      o[r][e] = 0.0f;
    }
    max[r] = -kInfinity;
    sum[r] = 0.0f;
  }
  int first = split * a.split_keys;
  int last = first + a.split_keys < a.keys ? first + a.split_keys : a.keys;
  constexpr int kStep = kWarps * kTogether * kUnroll;
  for (int base = first + warp * kTogether * kUnroll; base < last; base += kStep) {
    Vec<T, 8> kv[kUnroll], vv[kUnroll];
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      int key = base + u * kTogether + lane / kLanes;
      key = key < last ? key : last - 1;
      kv[u] = load_vec<T, 8>(k + key * a.k_strides[2]);
    }
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      int key = base + u * kTogether + lane / kLanes;
      key = key < last ? key : last - 1;
      vv[u] = load_vec<T, 8>(v + key * a.v_strides[2]);
    }
#pragma unroll
    for (int r = 0; r < R; ++r) {
      float score[kUnroll];
      float top = max[r];
#pragma unroll
      for (int u = 0; u < kUnroll; ++u) {
        float dot = 0.0f;
#pragma unroll
        for (int e = 0; e < 8; ++e) dot = fmaf(static_cast<float>(widen<T>(kv[u].v[e])), q[r][e], dot);
        dot = warp_reduce<kLanes>(Sum(), dot);
        int key = base + u * kTogether + lane / kLanes;
        if (key >= last) {
          dot = -kInfinity;
        } else if (kMask != kNoMask || a.causal) {
          int row = first_row + r < rows ? first_row + r : rows - 1;
          dot = masked_score<T, kMask>(a, dot, batch, key_head * a.group + row / a.queries, row % a.queries, key);
        }
        score[u] = dot * kLog2;
        top = fmaxf(top, score[u]);
      }
      // A lane group that has met no key yet keeps its neutral state.
      float shrink = top == -kInfinity ? 1.0f : exp2_approx(max[r] - top);
      max[r] = top;
      sum[r] *= shrink;
#pragma unroll
      for (int e = 0; e < 8; ++e) o[r][e] *= shrink;
#pragma unroll
      for (int u = 0; u < kUnroll; ++u) {
        float p = top == -kInfinity ? 0.0f : exp2_approx(score[u] - top);
        sum[r] += p;
#pragma unroll
        for (int e = 0; e < 8; ++e) o[r][e] = fmaf(p, static_cast<float>(widen<T>(vv[u].v[e])), o[r][e]);
      }
    }
  }
  // Join the lane groups of a warp, always in the same order.
#pragma unroll
  for (int r = 0; r < R; ++r) {
#pragma unroll
    for (int mask = kLanes; mask < 32; mask *= 2) {
      float other_max = shuffle_xor(max[r], mask);
      float top = fmaxf(max[r], other_max);
      float mine = max[r] == -kInfinity ? 0.0f : exp2_approx(max[r] - top);
      float theirs = other_max == -kInfinity ? 0.0f : exp2_approx(other_max - top);
      bool upper_half = (lane & mask) != 0;
      float other_sum = shuffle_xor(sum[r], mask);
      sum[r] = upper_half ? other_sum * theirs + sum[r] * mine : sum[r] * mine + other_sum * theirs;
#pragma unroll
      for (int e = 0; e < 8; ++e) {
        float other = shuffle_xor(o[r][e], mask);
        o[r][e] = upper_half ? other * theirs + o[r][e] * mine : o[r][e] * mine + other * theirs;
      }
      max[r] = top;
    }
    if (lane < kLanes) {
#pragma unroll
      for (int e = 0; e < 8; ++e) parts.out[warp][r][feature + e] = o[r][e];
      if (lane == 0) {
        parts.max[warp][r] = max[r];
        parts.sum[warp][r] = sum[r];
      }
    }
  }
  parts.put_joined(a, batch, key_head, first_row, rows, split);
}

/** Up to 8 rows that share their keys, on tensor cores: a warp takes 16 keys at once, straight from memory to registers
 * (the order of features within a key is free, as long as queries follow it). Scores are kept transposed, a column a
 * row, so that weights become the next product's factor. */
template <class T, int D, MaskKind kMask>
inline void attention_decode_cores(const AttentionArgs& a) {
  constexpr int kRows = 8, kWarps = 4, kKeys = 16;
  constexpr int kBlocks = D / 64;
  constexpr float kLog2 = 1.4426950408889634f;
  __shared__ DecodedParts<T, kWarps, kRows, D> parts;
  wait_for_inputs();
  let_next_kernel_start();
  int lane = lane_id(), warp = warp_id();
  int g = lane / 4, t = lane % 4;
  int key_heads = a.heads / a.group;
  int key_head = static_cast<int>(blockIdx.x) / a.row_groups % key_heads;
  int batch = static_cast<int>(blockIdx.x) / a.row_groups / key_heads;
  int first_row = static_cast<int>(blockIdx.x) % a.row_groups * kRows;
  int rows = a.group * a.queries;
  int split = static_cast<int>(blockIdx.y);
  const T* k = static_cast<const T*>(a.k) + batch * a.k_strides[0] + key_head * a.k_strides[1];
  const T* v = static_cast<const T*>(a.v) + batch * a.v_strides[0] + key_head * a.v_strides[1];
  auto row_of = [&](int r) { return first_row + r < rows ? first_row + r : rows - 1; };

  // Features 32 i + 8 t + (0 .. 7) of row g.
  unsigned q[D / 32][4];
  {
    int row = row_of(g);
    int head = key_head * a.group + row / a.queries;
    const T* from = static_cast<const T*>(a.q) + batch * a.q_strides[0] + head * a.q_strides[1] +
                    row % a.queries * a.q_strides[2] + 8 * t;
#pragma unroll
    for (int i = 0; i < D / 32; ++i) {
      Raw16 raw = load_16(from + 32 * i);
      q[i][0] = raw.x;
      q[i][1] = raw.y;
      q[i][2] = raw.z;
      q[i][3] = raw.w;
    }
  }
  // o[b][i]: features 64 b + 8 g + 2 i and the next of rows 2 t and 2 t + 1.
  float o[kBlocks][4][4];
#pragma unroll
  for (int b = 0; b < kBlocks; ++b) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
#pragma unroll
      for (int e = 0; e < 4; ++e) o[b][i][e] = 0.0f;
    }
  }
  float max[2] = {-kInfinity, -kInfinity}, sum[2] = {0.0f, 0.0f};
  int first = split * a.split_keys;
  int last = first + a.split_keys < a.keys ? first + a.split_keys : a.keys;
  auto key_at = [&](int key) { return static_cast<long long>(key < last ? key : last - 1); };
  float scale = a.scale * kLog2;
  Raw16 kv[2][D / 32], vv[4][kBlocks];
  auto load_keys = [&](int base) {
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      const T* from = k + key_at(base + g + 8 * h) * a.k_strides[2] + 8 * t;
#pragma unroll
      for (int i = 0; i < D / 32; ++i) kv[h][i] = load_16(from + 32 * i);
    }
  };
  int base = first + warp * kKeys;
  if (base < last) load_keys(base);
  for (; base < last; base += kWarps * kKeys) {
    // Keys 2 t, 2 t + 1, 2 t + 8 and 2 t + 9; features 64 b + 8 g + (0 .. 7).
#pragma unroll
    for (int n = 0; n < 4; ++n) {
      const T* from = v + key_at(base + 2 * t + n % 2 + n / 2 * 8) * a.v_strides[2] + 8 * g;
#pragma unroll
      for (int b = 0; b < kBlocks; ++b) vv[n][b] = load_16(from + 64 * b);
    }
    float s[4] = {0.0f, 0.0f, 0.0f, 0.0f};
#pragma unroll
    for (int i = 0; i < D / 32; ++i) {
      unsigned low[4] = {kv[0][i].x, kv[1][i].x, kv[0][i].y, kv[1][i].y};
      unsigned high[4] = {kv[0][i].z, kv[1][i].z, kv[0][i].w, kv[1][i].w};
      TensorCore<T>::mma(s, low, q[i][0], q[i][1]);
      TensorCore<T>::mma(s, high, q[i][2], q[i][3]);
    }
    if (base + kWarps * kKeys < last) load_keys(base + kWarps * kKeys);
    // s[e]: key g + 8 (e / 2), row 2 t + e % 2.
    if (kMask != kNoMask || a.causal) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        int key = base + g + e / 2 * 8;
        int row = row_of(2 * t + e % 2);
        s[e] = key >= last ? -kInfinity
                           : masked_score<T, kMask>(a, s[e] * a.scale, batch, key_head * a.group + row / a.queries,
                                                    row % a.queries, key) *
                                 kLog2;
      }
    } else {
#pragma unroll
      for (int e = 0; e < 4; ++e) s[e] = base + g + e / 2 * 8 >= last ? -kInfinity : s[e] * scale;
    }
    float shrink[2];
#pragma unroll
    for (int c = 0; c < 2; ++c) {
      float top = fmaxf(s[c], s[c + 2]);
#pragma unroll
      for (int mask = 4; mask < 32; mask *= 2) top = fmaxf(top, shuffle_xor(top, mask));
      top = fmaxf(top, max[c]);
      shrink[c] = exp2_approx(max[c] - top);
      max[c] = top;
      s[c] = exp2_approx(s[c] - top);
      s[c + 2] = exp2_approx(s[c + 2] - top);
      sum[c] = fmaf(sum[c], shrink[c], s[c] + s[c + 2]);
    }
    unsigned p0 = transpose_matrix(TensorCore<T>::pack(s[0], s[1]));
    unsigned p1 = transpose_matrix(TensorCore<T>::pack(s[2], s[3]));
#pragma unroll
    for (int b = 0; b < kBlocks; ++b) {
      const unsigned words[4][4] = {{vv[0][b].x, vv[0][b].y, vv[0][b].z, vv[0][b].w},
                                    {vv[1][b].x, vv[1][b].y, vv[1][b].z, vv[1][b].w},
                                    {vv[2][b].x, vv[2][b].y, vv[2][b].z, vv[2][b].w},
                                    {vv[3][b].x, vv[3][b].y, vv[3][b].z, vv[3][b].w}};
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        unsigned x[4] = {low_halves(words[0][i], words[1][i]), high_halves(words[0][i], words[1][i]),
                         low_halves(words[2][i], words[3][i]), high_halves(words[2][i], words[3][i])};
#pragma unroll
        for (int e = 0; e < 4; ++e) o[b][i][e] *= shrink[e % 2];
        TensorCore<T>::mma(o[b][i], x, p0, p1);
      }
    }
  }
#pragma unroll
  for (int c = 0; c < 2; ++c) {
#pragma unroll
    for (int mask = 4; mask < 32; mask *= 2) sum[c] += shuffle_xor(sum[c], mask);
    if (g == 0) {
      parts.max[warp][2 * t + c] = max[c];
      parts.sum[warp][2 * t + c] = sum[c];
    }
  }
#pragma unroll
  for (int b = 0; b < kBlocks; ++b) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
#pragma unroll
      for (int e = 0; e < 4; ++e) parts.out[warp][2 * t + e % 2][64 * b + 8 * g + 2 * i + e / 2] = o[b][i][e];
    }
  }
  parts.put_joined(a, batch, key_head, first_row, rows, split);
}

/** Joins the splits of each row; a block a row, a thread a feature. */
template <class T, int D>
inline void attention_join(const AttentionArgs& a) {
  wait_for_inputs();
  let_next_kernel_start();
  long long row = blockIdx.x;
  const float* parts = a.partial + row * a.splits * (D + 2);
  float top = -kInfinity;
#pragma unroll 8
  for (int s = 0; s < a.splits; ++s) top = fmaxf(top, parts[s * (D + 2)]);
  int head = static_cast<int>(row / a.queries % a.heads);
  float sink = -kInfinity;
  if (a.sinks != nullptr) {
    sink = static_cast<float>(widen<T>(static_cast<const T*>(a.sinks)[head * a.sinks_stride])) * 1.4426950408889634f;
    top = fmaxf(top, sink);
  }
  float total = sink == -kInfinity ? 0.0f : exp2_approx(sink - top);
  float value = 0.0f;
#pragma unroll 8
  for (int s = 0; s < a.splits; ++s) {
    const float* part = parts + s * (D + 2);
    float weight = part[0] == -kInfinity ? 0.0f : exp2_approx(part[0] - top);
    total += part[1] * weight;
    value += part[2 + threadIdx.x] * weight;
  }
  static_cast<T*>(a.out)[row * D + threadIdx.x] = narrow<T>(static_cast<Compute<T>>(value / total));
}

}  // namespace mlx_device
