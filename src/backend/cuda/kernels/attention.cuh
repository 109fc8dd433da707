// Attention over blocks of keys with a running softmax: the L x L scores never reach memory.
#pragma once

#include "args.h"
#include "block.cuh"

namespace mlx_device {

constexpr float kHiddenScore = -1e30f;  // finite, so that a row with all keys hidden averages them

enum MaskKind { kNoMask, kBoolMask, kAddedMask };

/** The score of one query and key after mask and causality; `score` is scaled already. */
template <class T, MaskKind kMask>
inline float masked_score(const AttentionArgs& a, float score, int batch, int head, int query, int key) {
  if constexpr (kMask != kNoMask) {
    long long at = batch * a.mask_strides[0] + head * a.mask_strides[1] + query * a.mask_strides[2] + key * a.mask_strides[3];
    if constexpr (kMask == kBoolMask) {
      if (!static_cast<const bool*>(a.mask)[at]) score = kHiddenScore;
    } else {
      score += widen<T>(static_cast<const T*>(a.mask)[at]);
      score = score < kHiddenScore ? kHiddenScore : score;
    }
  }
  if (a.causal && key > query + a.keys - a.queries) score = kHiddenScore;
  return score;
}

template <class T>
struct TensorCore;
template <>
struct TensorCore<bfloat_t> {
  static void mma(float (&d)[4], const unsigned (&x)[4], unsigned b0, unsigned b1) { mma_bfloat(d, x, b0, b1); }
  static unsigned pack(float low, float high) { return pack_bfloat2(low, high); }
};
template <>
struct TensorCore<half_t> {
  static void mma(float (&d)[4], const unsigned (&x)[4], unsigned b0, unsigned b1) { mma_half(d, x, b0, b1); }
  static unsigned pack(float low, float high) { return pack_half2(low, high); }
};

/** Rows of D 16-bit features in shared memory, padded by 16 bytes so that ldmatrix meets no bank twice. */
template <class T, int D, int kRows>
struct SharedTile {
  static constexpr int kPitch = D + 8;
  static constexpr int kBytes = kRows * kPitch * 2;
  T* base;

  void load_async(const T* from, long long stride, int valid_rows) const {
    for (int i = threadIdx.x; i < kRows * (D / 8); i += blockDim.x) {
      int row = i / (D / 8), col = i % (D / 8) * 8;
      copy_async16(base + row * kPitch + col, from + (row < valid_rows ? row * stride + col : 0), row < valid_rows);
    }
  }
  const T* at(int row, int col) const { return base + row * kPitch + col; }
};

/** Four warps, 16 queries each, against blocks of 64 keys; on tensor cores. */
template <class T, int D, MaskKind kMask>
inline void attention_tiles(const AttentionArgs& a) {
  constexpr int kQueries = 64, kKeys = 64, kWarpQueries = 16;
  MLX_SHARED_BYTES(shared);
  using Q = SharedTile<T, D, kQueries>;
  using K = SharedTile<T, D, kKeys>;
  Q q_tile{reinterpret_cast<T*>(shared)};
  K k_tile[2], v_tile[2];
  for (int i = 0; i < 2; ++i) {
    k_tile[i].base = reinterpret_cast<T*>(shared + Q::kBytes + i * 2 * K::kBytes);
    v_tile[i].base = reinterpret_cast<T*>(shared + Q::kBytes + (i * 2 + 1) * K::kBytes);
  }
  wait_for_inputs();
  let_next_kernel_start();
  // The last blocks of queries see the most keys under a causal mask: they start first.
  int block = static_cast<int>(gridDim.x - 1 - blockIdx.x);
  int head = static_cast<int>(blockIdx.y % a.heads);
  int batch = static_cast<int>(blockIdx.y / a.heads);
  int first_query = block * kQueries;
  const T* q = static_cast<const T*>(a.q) + batch * a.q_strides[0] + head * a.q_strides[1] + first_query * a.q_strides[2];
  const T* k = static_cast<const T*>(a.k) + batch * a.k_strides[0] + head / a.group * a.k_strides[1];
  const T* v = static_cast<const T*>(a.v) + batch * a.v_strides[0] + head / a.group * a.v_strides[1];
  int lane = lane_id(), warp = warp_id();
  int g = lane / 4, t = lane % 4;

  int key_blocks = (a.keys + kKeys - 1) / kKeys;
  if (a.causal && a.keys >= a.queries) {
    int seen = first_query + kQueries + a.keys - a.queries;
    int needed = (seen + kKeys - 1) / kKeys;
    key_blocks = needed < key_blocks ? needed : key_blocks;
  }
  q_tile.load_async(q, a.q_strides[2], a.queries - first_query);
  k_tile[0].load_async(k, a.k_strides[2], a.keys);
  v_tile[0].load_async(v, a.v_strides[2], a.keys);
  copy_async_commit();

  unsigned q_frag[D / 16][4];
  float o[D / 8][4];
#pragma unroll
  for (int i = 0; i < D / 8; ++i) {
#pragma unroll
    for (int e = 0; e < 4; ++e) o[i][e] = 0.0f;
  }
  float row_max[2] = {-kInfinity, -kInfinity};
  float row_sum[2] = {0.0f, 0.0f};
  float scale = a.scale * 1.4426950408889634f;

  for (int j = 0; j < key_blocks; ++j) {
    if (j + 1 < key_blocks) {
      long long next = static_cast<long long>(j + 1) * kKeys;
      k_tile[(j + 1) & 1].load_async(k + next * a.k_strides[2], a.k_strides[2], a.keys - static_cast<int>(next));
      v_tile[(j + 1) & 1].load_async(v + next * a.v_strides[2], a.v_strides[2], a.keys - static_cast<int>(next));
    }
    copy_async_commit();
    copy_async_wait<1>();
    __syncthreads();
    if (j == 0) {
#pragma unroll
      for (int i = 0; i < D / 16; ++i) {
        load_matrices(q_frag[i], q_tile.at(warp * kWarpQueries + lane % 8 + 8 * (lane / 8 % 2), i * 16 + 8 * (lane / 16)));
      }
    }
    float s[kKeys / 8][4];
#pragma unroll
    for (int n = 0; n < kKeys / 8; ++n) {
#pragma unroll
      for (int e = 0; e < 4; ++e) s[n][e] = 0.0f;
    }
#pragma unroll
    for (int i = 0; i < D / 16; ++i) {
#pragma unroll
      for (int n = 0; n < kKeys / 16; ++n) {
        unsigned b[4];
        load_matrices(b, k_tile[j & 1].at(n * 16 + lane % 8 + 8 * (lane / 16), i * 16 + 8 * (lane / 8 % 2)));
        TensorCore<T>::mma(s[2 * n], q_frag[i], b[0], b[1]);
        TensorCore<T>::mma(s[2 * n + 1], q_frag[i], b[2], b[3]);
      }
    }
    // Only blocks on the diagonal or at the end need a look at each score.
    int first_key = j * kKeys;
    bool partial = first_key + kKeys > a.keys ||
                   (a.causal && first_key + kKeys - 1 > first_query + warp * kWarpQueries + a.keys - a.queries);
#pragma unroll
    for (int n = 0; n < kKeys / 8; ++n) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        float score = s[n][e] * scale;
        if (kMask != kNoMask || partial) {
          int query = first_query + warp * kWarpQueries + g + 8 * (e / 2);
          int key = first_key + n * 8 + 2 * t + e % 2;
          if (key >= a.keys) {
            score = -kInfinity;
          } else if (query < a.queries) {
            // Mask and score meet in units of log 2.
            float natural = masked_score<T, kMask>(a, s[n][e] * a.scale, batch, head, query, key);
            score = natural * 1.4426950408889634f;
          }
        }
        s[n][e] = score;
      }
    }
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      float max = row_max[r];
#pragma unroll
      for (int n = 0; n < kKeys / 8; ++n) max = fmaxf(max, fmaxf(s[n][2 * r], s[n][2 * r + 1]));
      max = fmaxf(max, shuffle_xor(max, 1));
      max = fmaxf(max, shuffle_xor(max, 2));
      float shrink = exp2_approx(row_max[r] - max);
      row_max[r] = max;
      float sum = 0.0f;
#pragma unroll
      for (int n = 0; n < kKeys / 8; ++n) {
        s[n][2 * r] = exp2_approx(s[n][2 * r] - max);
        s[n][2 * r + 1] = exp2_approx(s[n][2 * r + 1] - max);
        sum += s[n][2 * r] + s[n][2 * r + 1];
      }
      row_sum[r] = row_sum[r] * shrink + sum;
#pragma unroll
      for (int i = 0; i < D / 8; ++i) {
        o[i][2 * r] *= shrink;
        o[i][2 * r + 1] *= shrink;
      }
    }
#pragma unroll
    for (int n = 0; n < kKeys / 16; ++n) {
      unsigned p[4] = {TensorCore<T>::pack(s[2 * n][0], s[2 * n][1]), TensorCore<T>::pack(s[2 * n][2], s[2 * n][3]),
                       TensorCore<T>::pack(s[2 * n + 1][0], s[2 * n + 1][1]),
                       TensorCore<T>::pack(s[2 * n + 1][2], s[2 * n + 1][3])};
#pragma unroll
      for (int i = 0; i < D / 16; ++i) {
        unsigned b[4];
        load_matrices_transposed(b, v_tile[j & 1].at(n * 16 + lane % 8 + 8 * (lane / 8 % 2), i * 16 + 8 * (lane / 16)));
        TensorCore<T>::mma(o[2 * i], p, b[0], b[1]);
        TensorCore<T>::mma(o[2 * i + 1], p, b[2], b[3]);
      }
    }
    __syncthreads();
  }
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    float sum = row_sum[r];
    sum += shuffle_xor(sum, 1);
    sum += shuffle_xor(sum, 2);
    int query = first_query + warp * kWarpQueries + g + 8 * r;
    float shrink = 1.0f;
    if (a.sinks != nullptr) {
      float sink = widen<T>(static_cast<const T*>(a.sinks)[head * a.sinks_stride]) * 1.4426950408889634f;
      float max = fmaxf(row_max[r], sink);
      shrink = exp2_approx(row_max[r] - max);
      sum = sum * shrink + exp2_approx(sink - max);
    }
    float inverse = shrink / sum;
    if (query >= a.queries) continue;
    T* out = static_cast<T*>(a.out) + ((static_cast<long long>(batch) * a.heads + head) * a.queries + query) * D;
#pragma unroll
    for (int i = 0; i < D / 8; ++i) {
      *reinterpret_cast<unsigned*>(out + i * 8 + 2 * t) =
          TensorCore<T>::pack(o[i][2 * r] * inverse, o[i][2 * r + 1] * inverse);
    }
  }
}

/** Any number of features up to 256 and any real dtype, without tensor cores: 16 queries a block, a lane a key. */
template <class T, MaskKind kMask>
inline void attention_general(const AttentionArgs& a) {
  constexpr int kQueries = 16, kKeys = 32, kWarpQueries = 4;
  MLX_SHARED_BYTES(shared);
  int pitch = a.features + 1;
  float* qs = reinterpret_cast<float*>(shared);
  float* ks = qs + kQueries * a.features;
  float* vs = ks + kKeys * pitch;
  wait_for_inputs();
  let_next_kernel_start();
  int first_query = static_cast<int>(blockIdx.x) * kQueries;
  int head = static_cast<int>(blockIdx.y % a.heads);
  int batch = static_cast<int>(blockIdx.y / a.heads);
  const T* q = static_cast<const T*>(a.q) + batch * a.q_strides[0] + head * a.q_strides[1];
  const T* k = static_cast<const T*>(a.k) + batch * a.k_strides[0] + head / a.group * a.k_strides[1];
  const T* v = static_cast<const T*>(a.v) + batch * a.v_strides[0] + head / a.group * a.v_strides[1];
  int lane = lane_id(), warp = warp_id();
  for (int i = threadIdx.x; i < kQueries * a.features; i += 128) {
    int query = first_query + i / a.features;
    qs[i] = query < a.queries ? static_cast<float>(widen<T>(q[query * a.q_strides[2] + i % a.features])) * a.scale : 0.0f;
  }
  float max[kWarpQueries], sum[kWarpQueries], o[kWarpQueries][8];
#pragma unroll
  for (int r = 0; r < kWarpQueries; ++r) {
    max[r] = -kInfinity;
    sum[r] = 0.0f;
#pragma unroll
    for (int e = 0; e < 8; ++e) o[r][e] = 0.0f;
  }
  int last_key = a.keys;
  if (a.causal && a.keys >= a.queries) {
    int seen = first_query + kQueries + a.keys - a.queries;
    last_key = seen < last_key ? seen : last_key;
  }
  for (int first_key = 0; first_key < last_key; first_key += kKeys) {
    __syncthreads();
    for (int i = threadIdx.x; i < kKeys * a.features; i += 128) {
      int key = i / a.features, f = i % a.features;
      ks[key * pitch + f] = first_key + key < a.keys ? static_cast<float>(widen<T>(k[(first_key + key) * a.k_strides[2] + f])) : 0.0f;
    }
    for (int i = threadIdx.x; i < kKeys * a.width; i += 128) {
      int key = i / a.width, f = i % a.width;
      vs[i] = first_key + key < a.keys ? static_cast<float>(widen<T>(v[(first_key + key) * a.v_strides[2] + f])) : 0.0f;
    }
    __syncthreads();
#pragma unroll
    for (int r = 0; r < kWarpQueries; ++r) {
      int query = first_query + warp * kWarpQueries + r;
      const float* qr = qs + (warp * kWarpQueries + r) * a.features;
      float score = 0.0f;
      for (int f = 0; f < a.features; ++f) score = fmaf(qr[f], ks[lane * pitch + f], score);
      int key = first_key + lane;
      if (key >= a.keys) {
        score = -kInfinity;
      } else if (query < a.queries) {
        score = masked_score<T, kMask>(a, score, batch, head, query, key);
      }
      float new_max = fmaxf(max[r], warp_reduce<32>(Max(), score));
      float shrink = expf(max[r] - new_max);
      float p = expf(score - new_max);
      max[r] = new_max;
      sum[r] = sum[r] * shrink + warp_reduce<32>(Sum(), p);
#pragma unroll
      for (int e = 0; e < 8; ++e) o[r][e] *= shrink;
      for (int key_lane = 0; key_lane < kKeys; ++key_lane) {
        float weight = __shfl_sync(kAllLanes, p, key_lane);
#pragma unroll
        for (int e = 0; e < 8; ++e) {
          if (lane + 32 * e < a.width) o[r][e] = fmaf(weight, vs[key_lane * a.width + lane + 32 * e], o[r][e]);
        }
      }
    }
  }
#pragma unroll
  for (int r = 0; r < kWarpQueries; ++r) {
    int query = first_query + warp * kWarpQueries + r;
    if (query >= a.queries) continue;
    float shrink = 1.0f, total = sum[r];
    if (a.sinks != nullptr) {
      float sink = static_cast<float>(widen<T>(static_cast<const T*>(a.sinks)[head * a.sinks_stride]));
      float new_max = fmaxf(max[r], sink);
      shrink = expf(max[r] - new_max);
      total = total * shrink + expf(sink - new_max);
    }
    float inverse = a.keys > 0 ? shrink / total : 0.0f;
    T* out = static_cast<T*>(a.out) + ((static_cast<long long>(batch) * a.heads + head) * a.queries + query) * a.width;
#pragma unroll
    for (int e = 0; e < 8; ++e) {
      if (lane + 32 * e < a.width) out[lane + 32 * e] = narrow<T>(static_cast<Compute<T>>(o[r][e] * inverse));
    }
  }
}

}  // namespace mlx_device
