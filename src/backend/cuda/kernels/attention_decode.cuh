// Attention of few queries over many keys: the keys are cut into splits, each read once at memory speed, and the
// parts are joined in order.
#pragma once

#include "attention.cuh"

namespace mlx_device {

/** One row's running softmax over D features, spread over kLanes lanes with 8 features each. */
template <class T, int D, int R, MaskKind kMask>
inline void attention_decode(const AttentionArgs& a) {
  constexpr int kLanes = D / 8;              // lanes that share a key
  constexpr int kTogether = 32 / kLanes;     // keys a warp reads with one load
  constexpr int kUnroll = R >= 4 ? 2 : 4;
  constexpr int kWarps = 8;
  constexpr float kLog2 = 1.4426950408889634f;
  __shared__ float shared_max[kWarps][R];
  __shared__ float shared_sum[kWarps][R];
  __shared__ float shared_out[kWarps][R][D];
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
  // Join the lane groups of a warp, then the warps, always in the same order.
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
      for (int e = 0; e < 8; ++e) shared_out[warp][r][feature + e] = o[r][e];
      if (lane == 0) {
        shared_max[warp][r] = max[r];
        shared_sum[warp][r] = sum[r];
      }
    }
  }
  __syncthreads();
  for (int i = threadIdx.x; i < R * D; i += kWarps * 32) {
    int r = i / D, d = i % D;
    if (first_row + r >= rows) continue;
    float top = -kInfinity;
#pragma unroll
    for (int w = 0; w < kWarps; ++w) top = fmaxf(top, shared_max[w][r]);
    float total = 0.0f, value = 0.0f;
#pragma unroll
    for (int w = 0; w < kWarps; ++w) {
      float weight = shared_max[w][r] == -kInfinity ? 0.0f : exp2_approx(shared_max[w][r] - top);
      total += shared_sum[w][r] * weight;
      value += shared_out[w][r][d] * weight;
    }
    int row = first_row + r;
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
        float sink = static_cast<float>(widen<T>(static_cast<const T*>(a.sinks)[head * a.sinks_stride])) * kLog2;
        float new_max = fmaxf(top, sink);
        shrink = exp2_approx(top - new_max);
        total = total * shrink + exp2_approx(sink - new_max);
      }
      static_cast<T*>(a.out)[out_row * D + d] = narrow<T>(static_cast<Compute<T>>(value * shrink / total));
    }
  }
}

/** Joins the splits of each row; a block a row, a thread a feature. */
template <class T, int D>
inline void attention_join(const AttentionArgs& a) {
  wait_for_inputs();
  let_next_kernel_start();
  long long row = blockIdx.x;
  const float* parts = a.partial + row * a.splits * (D + 2);
  float top = -kInfinity;
  for (int s = 0; s < a.splits; ++s) top = fmaxf(top, parts[s * (D + 2)]);
  int head = static_cast<int>(row / a.queries % a.heads);
  float sink = -kInfinity;
  if (a.sinks != nullptr) {
    sink = static_cast<float>(widen<T>(static_cast<const T*>(a.sinks)[head * a.sinks_stride])) * 1.4426950408889634f;
    top = fmaxf(top, sink);
  }
  float total = sink == -kInfinity ? 0.0f : exp2_approx(sink - top);
  float value = 0.0f;
  for (int s = 0; s < a.splits; ++s) {
    const float* part = parts + s * (D + 2);
    float weight = part[0] == -kInfinity ? 0.0f : exp2_approx(part[0] - top);
    total += part[1] * weight;
    value += part[2 + threadIdx.x] * weight;
  }
  static_cast<T*>(a.out)[row * D + threadIdx.x] = narrow<T>(static_cast<Compute<T>>(value / total));
}

}  // namespace mlx_device
