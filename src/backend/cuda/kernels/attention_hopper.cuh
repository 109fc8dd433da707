// Attention of many queries on Hopper: one warp group fetches tiles of keys and values, the others multiply, each for 64
// queries, so that copies, tensor cores and the softmax work at the same time.
#pragma once

#include "attention.cuh"
#include "ptx_hopper.cuh"

namespace mlx_device {

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)

template <class T>
struct GroupCore;
template <>
struct GroupCore<bfloat_t> {
  template <int N, int R, class A>
  static void multiply(float (&d)[R], const A& a, unsigned long long b, int keep) {
    GroupProduct<N>::bfloat(d, a, b, keep);
  }
};
template <>
struct GroupCore<half_t> {
  template <int N, int R, class A>
  static void multiply(float (&d)[R], const A& a, unsigned long long b, int keep) {
    GroupProduct<N>::half(d, a, b, keep);
  }
};

/** Where a tile of work lies. Long rows come first and heads of a section follow one another. */
struct AttentionPlace {
  int first_query, head, batch, key_blocks;
};
template <int kQueries, int kKeys>
inline AttentionPlace attention_place(const AttentionHopperArgs& args, int tile) {
  const AttentionArgs& a = args.a;
  int whole = args.section * args.query_blocks;
  int section = tile / whole;
  int rest = tile - section * whole;
  int first_head = section * args.section;
  int all_heads = args.tiles / args.query_blocks;
  int heads = all_heads - first_head < args.section ? all_heads - first_head : args.section;
  int block = args.query_blocks - 1 - rest / heads;
  int head = first_head + rest % heads;
  AttentionPlace place{block * kQueries, head % a.heads, head / a.heads, (a.keys + kKeys - 1) / kKeys};
  // Rows that see no key at all average all of them, so nothing is skipped where there are such rows.
  if (a.causal && a.keys >= a.queries) {
    int needed = (place.first_query + kQueries + a.keys - a.queries + kKeys - 1) / kKeys;
    place.key_blocks = needed < place.key_blocks ? needed : place.key_blocks;
  }
  return place;
}

/** A ring of tiles: which one is next, and the parity of its phase. */
template <int kStages>
struct Ring {
  int stage = 0;
  unsigned parity = 0;
  void advance() {
    if (++stage == kStages) {
      stage = 0;
      parity ^= 1;
    }
  }
};

/** Scores of a tile of keys become weights; the running maximum and sum of both rows of a thread move on. */
template <class T, int kKeys, MaskKind kMask>
struct AttentionSoftmax {
  float max[2] = {-kInfinity, -kInfinity};
  float sum[2] = {0.0f, 0.0f};

  /** `shrink` receives the factors for what has been summed so far. */
  void step(const AttentionArgs& a, const AttentionPlace& at, float (&s)[kKeys / 2], int first_key, int first_row,
            float (&shrink)[2]) {
    constexpr float kLog2 = 1.4426950408889634f;
    float scale = a.scale * kLog2;
    int t = lane_id() % 4;
    // Only tiles on the diagonal or at the end need a look at each score.
    bool partial = first_key + kKeys > a.keys ||
                   (a.causal && first_key + kKeys - 1 > first_row / 16 * 16 + a.keys - a.queries);
    if (kMask == kNoMask && partial) {
      // A thread's first key that does not exist, and each row's last key to be seen, counted from its first.
      int end = a.keys - first_key - 2 * t;
      int last[2];
#pragma unroll
      for (int r = 0; r < 2; ++r) {
        int query = first_row + 8 * r;
        last[r] = a.causal && query < a.queries ? query + a.keys - a.queries - first_key - 2 * t : a.keys;
      }
#pragma unroll
      for (int i = 0; i < kKeys / 2; ++i) {
        constexpr float kHidden = kHiddenScore * kLog2;
        int key = i / 4 * 8 + i % 2;
        s[i] = key > last[i % 4 / 2] ? kHidden : s[i] * scale;
        if (key >= end) s[i] = -kInfinity;
      }
      scale = 1.0f;
    }
    if (kMask != kNoMask) {
#pragma unroll
      for (int i = 0; i < kKeys / 2; ++i) {
        int query = first_row + i % 4 / 2 * 8;
        int key = first_key + i / 4 * 8 + 2 * t + i % 2;
        if (key >= a.keys) {
          s[i] = -kInfinity;
        } else if (query < a.queries) {
          // Mask and score meet in units of log 2.
          s[i] = masked_score<T, kMask>(a, s[i] * a.scale, at.batch, at.head, query, key) * kLog2;
        } else {
          s[i] *= scale;
        }
      }
      scale = 1.0f;
    }
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      // Four chains, so that the latencies of neighbours overlap.
      float top[2] = {s[2 * r], s[2 * r + 1]};
#pragma unroll
      for (int n = 1; n < kKeys / 8; ++n) {
        top[0] = fmaxf(top[0], s[4 * n + 2 * r]);
        top[1] = fmaxf(top[1], s[4 * n + 2 * r + 1]);
      }
      float high = fmaxf(top[0], top[1]);
      high = fmaxf(high, shuffle_xor(high, 1));
      high = fmaxf(max[r], fmaxf(high, shuffle_xor(high, 2)) * scale);
      shrink[r] = exp2_approx(max[r] - high);
      max[r] = high;
      float part[2] = {0.0f, 0.0f};
#pragma unroll
      for (int n = 0; n < kKeys / 8; ++n) {
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          float p = exp2_approx(fmaf(s[4 * n + 2 * r + e], scale, -high));
          s[4 * n + 2 * r + e] = p;
          part[e] += p;
        }
      }
      sum[r] = fmaf(sum[r], shrink[r], part[0] + part[1]);
    }
  }
};

/** Turns words of four neighbouring column blocks, one of each in every lane of a quad, into 16 neighbouring bytes. */
inline Raw16 transpose_quad(unsigned w0, unsigned w1, unsigned w2, unsigned w3, int t) {
  bool odd = t & 1, high = t & 2;
  unsigned a = shuffle_xor(odd ? w0 : w1, 1), b = shuffle_xor(odd ? w2 : w3, 1);
  if (odd) {
    w0 = a;
    w2 = b;
  } else {
    w1 = a;
    w3 = b;
  }
  unsigned c = shuffle_xor(high ? w0 : w2, 2), d = shuffle_xor(high ? w1 : w3, 2);
  if (high) {
    w0 = c;
    w1 = d;
  } else {
    w2 = c;
    w3 = d;
  }
  return {w0, w1, w2, w3};
}

#endif

/** D features (a multiple of 64; missing ones are zeros) of 64 * kGroups queries against tiles of kKeys keys. */
template <class T, int D, int kKeys, int kGroups, MaskKind kMask>
inline void attention_hopper(const AttentionHopperArgs& args) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  constexpr int kQueries = 64 * kGroups, kStages = 2, kPanels = D / 64;
  constexpr int kConsumers = 4 * kGroups;  // warps
  constexpr int kPanelQ = kQueries * 128, kPanelK = kKeys * 128;  // bytes of 64 features
  constexpr int kTileQ = kPanels * kPanelQ, kTileK = kPanels * kPanelK;
  const AttentionArgs& a = args.a;
  __shared__ SharedBarrier q_full, q_empty, k_full[kStages], k_empty[kStages], v_full[kStages], v_empty[kStages];
  MLX_SHARED_BYTES(raw);
  unsigned char* shared = raw + (1024 - shared_address(raw) % 1024) % 1024;
  unsigned char* q_tile = shared;
  unsigned char* k_tile = q_tile + kTileQ;
  unsigned char* v_tile = k_tile + kStages * kTileK;
  int group = __shfl_sync(kAllLanes, static_cast<int>(threadIdx.x) / 128, 0);
  if (threadIdx.x == 0) {
    q_full.init(1);
    q_empty.init(kConsumers);
    for (int i = 0; i < kStages; ++i) {
      k_full[i].init(1);
      v_full[i].init(1);
      k_empty[i].init(kConsumers);
      v_empty[i].init(kConsumers);
    }
    fence_barrier_init();
    prefetch_map(&args.q_map);
    prefetch_map(&args.k_map);
    prefetch_map(&args.v_map);
  }
  __syncthreads();
  wait_for_inputs();
  let_next_kernel_start();

  if (group == 0) {
    give_registers_back<kGroups == 2 ? 24 : 32>();
    if (threadIdx.x != 0) return;
    Ring<kStages> k_ring, v_ring;
    unsigned q_parity = 1;  // nothing holds the tiles yet: the phase before the first is over
    for (int tile = static_cast<int>(blockIdx.x); tile < args.tiles; tile += static_cast<int>(gridDim.x)) {
      AttentionPlace at = attention_place<kQueries, kKeys>(args, tile);
      int key_head = at.head / a.group;
      q_empty.wait(q_parity);
      q_parity ^= 1;
      q_full.arrive_expecting(kTileQ);
      for (int p = 0; p < kPanels; ++p) {
        copy_tile4(q_tile + p * kPanelQ, &args.q_map, &q_full, p * 64, at.first_query, at.head, at.batch);
      }
      auto fetch_values = [&](int j) {
        v_empty[v_ring.stage].wait(v_ring.parity ^ 1);
        v_full[v_ring.stage].arrive_expecting(kTileK);
        for (int p = 0; p < kPanels; ++p) {
          copy_tile4(v_tile + v_ring.stage * kTileK + p * kPanelK, &args.v_map, &v_full[v_ring.stage], p * 64,
                     j * kKeys, key_head, at.batch);
        }
        v_ring.advance();
      };
      // In the order of use: a tile's values are needed after the next tile's keys.
      for (int j = at.key_blocks - 1; j >= 0; --j) {
        k_empty[k_ring.stage].wait(k_ring.parity ^ 1);
        k_full[k_ring.stage].arrive_expecting(kTileK);
        for (int p = 0; p < kPanels; ++p) {
          copy_tile4(k_tile + k_ring.stage * kTileK + p * kPanelK, &args.k_map, &k_full[k_ring.stage], p * 64,
                     j * kKeys, key_head, at.batch);
        }
        k_ring.advance();
        if (j + 1 < at.key_blocks) fetch_values(j + 1);
      }
      fetch_values(0);
    }
    return;
  }

  take_registers<kGroups == 2 ? 240 : 160>();
  int warp = warp_id() - 4, lane = lane_id();
  int which = group - 1;  // of the multiplying groups
  Ring<kStages> k_ring, v_ring;
  unsigned q_parity = 0;
  unsigned long long q_matrix = shared_matrix(q_tile + which * 64 * 128, 0);
  unsigned long long k_matrix = shared_matrix(k_tile, 0);
  unsigned long long v_matrix = shared_matrix(v_tile, kPanelK);
  // The groups multiply in turns: while one does, the other has time for its softmax.
  auto my_turn = [&] {
    named_sync(1 + which, 256);
  };
  auto your_turn = [&] {
    named_arrive(1 + (which + 1) % kGroups, 256);
  };
  if (which == kGroups - 1) named_arrive(1, 256);
  for (int tile = static_cast<int>(blockIdx.x); tile < args.tiles; tile += static_cast<int>(gridDim.x)) {
    AttentionPlace at = attention_place<kQueries, kKeys>(args, tile);
    int first_row = at.first_query + warp * 16 + lane / 4;
    float o[D / 2], s[kKeys / 2];
    unsigned weights[kKeys / 16][4];
    AttentionSoftmax<T, kKeys, kMask> softmax;
#pragma unroll
    for (int i = 0; i < D / 2; ++i) o[i] = 0.0f;
    auto start_scores = [&] {
      k_full[k_ring.stage].wait(k_ring.parity);
      hold(s);
      group_fence();
      unsigned long long from = k_matrix + static_cast<unsigned>(k_ring.stage * kTileK >> 4);
#pragma unroll
      for (int i = 0; i < D / 16; ++i) {
        GroupCore<T>::template multiply<kKeys>(s, q_matrix + (i / 4 * kPanelQ + i % 4 * 32 >> 4),
                                               from + (i / 4 * kPanelK + i % 4 * 32 >> 4), i > 0);
      }
      group_commit();
    };
    auto start_values = [&] {
      v_full[v_ring.stage].wait(v_ring.parity);
      hold(o);
      group_fence();
      unsigned long long from = v_matrix + static_cast<unsigned>(v_ring.stage * kTileK >> 4);
#pragma unroll
      for (int i = 0; i < kKeys / 16; ++i) {
        GroupCore<T>::template multiply<D>(o, weights[i], from + (i * 16 * 128 >> 4), 1);
      }
      group_commit();
    };
    auto let_go = [&](SharedBarrier& barrier) {
      if (lane == 0) barrier.arrive();
    };
    auto pack_weights = [&] {
#pragma unroll
      for (int i = 0; i < kKeys / 16; ++i) {
#pragma unroll
        for (int e = 0; e < 4; ++e) weights[i][e] = TensorCore<T>::pack(s[8 * i + 2 * e], s[8 * i + 2 * e + 1]);
      }
    };
    float shrink[2];
    q_full.wait(q_parity);
    q_parity ^= 1;
    my_turn();
    start_scores();
    your_turn();
    group_wait<0>();
    hold(s);
    let_go(k_empty[k_ring.stage]);
    k_ring.advance();
    int j = at.key_blocks - 1;
    softmax.step(a, at, s, j * kKeys, first_row, shrink);
    pack_weights();
    for (--j; j >= 0; --j) {
      my_turn();
      start_scores();
      start_values();
      your_turn();
      group_wait<1>();
      hold(s);
      let_go(k_empty[k_ring.stage]);
      k_ring.advance();
      softmax.step(a, at, s, j * kKeys, first_row, shrink);
      group_wait<0>();
      hold(o);
      hold(weights);
      let_go(v_empty[v_ring.stage]);
      v_ring.advance();
#pragma unroll
      for (int i = 0; i < D / 2; ++i) o[i] *= shrink[i % 4 / 2];
      pack_weights();
    }
    let_go(q_empty);
    start_values();
    group_wait<0>();
    hold(o);
    let_go(v_empty[v_ring.stage]);
    v_ring.advance();
    float inverse[2];
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      float sum = softmax.sum[r];
      sum += shuffle_xor(sum, 1);
      sum += shuffle_xor(sum, 2);
      float factor = 1.0f;
      if (a.sinks != nullptr) {
        float sink = widen<T>(static_cast<const T*>(a.sinks)[at.head * a.sinks_stride]) * 1.4426950408889634f;
        float top = fmaxf(softmax.max[r], sink);
        factor = exp2_approx(softmax.max[r] - top);
        sum = sum * factor + exp2_approx(sink - top);
      }
      inverse[r] = factor / sum;
    }
    int t = lane % 4;
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      int query = first_row + 8 * r;
      T* out = static_cast<T*>(a.out) +
               ((static_cast<long long>(at.batch) * a.heads + at.head) * a.queries + query) * a.width;
#pragma unroll
      for (int i = 0; i < D / 32; ++i) {
        unsigned w[4];
#pragma unroll
        for (int n = 0; n < 4; ++n) {
          const float* from = o + (4 * i + n) * 4 + 2 * r;
          w[n] = TensorCore<T>::pack(from[0] * inverse[r], from[1] * inverse[r]);
        }
        Raw16 row = transpose_quad(w[0], w[1], w[2], w[3], t);
        int feature = i * 32 + t * 8;
        if (query < a.queries && feature < a.width) store_16(out + feature, row);
      }
    }
  }
  if (which == 0) named_sync(1, 256);  // the turn that nobody takes
#endif
}

}  // namespace mlx_device
