// Matrix products with one or a few rows: each warp dots rows of the matrix, read once at memory speed.
#pragma once

#include "args.h"
#include "block.cuh"

namespace mlx_device {

template <class T>
struct DotAccumulator {
  using type = float;
};
template <>
struct DotAccumulator<double> {
  using type = double;
};
inline float fused(float a, float b, float c) { return fmaf(a, b, c); }
inline double fused(double a, double b, double c) { return ::fma(a, b, c); }

/** Writes the product of row n of w and row m of x. */
template <class T, class A>
inline void put_dot(const DotArgs& a, long long batch, long long n, int m, A total) {
  total *= static_cast<A>(a.alpha);
  if (a.c != nullptr) {
    const T* c = static_cast<const T*>(a.c) + batch * a.batch_c;
    total += static_cast<A>(a.beta) * static_cast<A>(widen<T>(c[n * a.c_n_stride + m * a.c_m_stride]));
  }
  static_cast<T*>(a.out)[batch * a.batch_out + n * a.out_n_stride + m * a.out_m_stride] = narrow<T>(total);
}

/** M rows of x; R rows of w for each team of S warps, which share k between them; N neighbours a load. */
template <class T, int M, int R, int S, int N>
inline void dot_rows(const DotArgs& a) {
  using A = typename DotAccumulator<T>::type;
  constexpr int kUnroll = 8 / R > 4 ? 4 : 8 / R;
  constexpr int kLane = S * 32 * N;  // from one load of a lane to its next
  __shared__ A parts[S > 1 ? 8 * R * M : 1];
  int team = warp_id() / S, part = warp_id() % S;
  long long batch = blockIdx.y;
  long long first = (static_cast<long long>(blockIdx.x) * (8 / S) + team) * R;
  const T* w = static_cast<const T*>(a.w) + batch * a.batch_w;
  const T* x = static_cast<const T*>(a.x) + batch * a.batch_x;
  const T* rows[R];
#pragma unroll
  for (int r = 0; r < R; ++r) rows[r] = w + (first + r < a.n ? first + r : a.n - 1) * a.w_stride;
  A sum[R][M];
#pragma unroll
  for (int r = 0; r < R; ++r) {
#pragma unroll
    for (int m = 0; m < M; ++m) sum[r][m] = A(0);
  }
  wait_for_inputs();
  let_next_kernel_start();
  int k = static_cast<int>(a.k), at = (part * 32 + lane_id()) * N;  // a dimension's length is an int
  for (; at < k; at += kUnroll * kLane) {
    Vec<T, N> wv[kUnroll][R];
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
#pragma unroll
      for (int r = 0; r < R; ++r) {
        if (at + u * kLane < k) wv[u][r] = load_vec<T, N>(rows[r] + at + u * kLane);
      }
    }
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      if (at + u * kLane >= k) break;
#pragma unroll
      for (int m = 0; m < M; ++m) {
        Vec<T, N> xv = load_vec<T, N>(x + m * a.x_stride + at + u * kLane);
#pragma unroll
        for (int j = 0; j < N; ++j) {
          A value = widen<T>(xv.v[j]);
#pragma unroll
          for (int r = 0; r < R; ++r) sum[r][m] = fused(widen<T>(wv[u][r].v[j]), value, sum[r][m]);
        }
      }
    }
  }
#pragma unroll
  for (int r = 0; r < R; ++r) {
#pragma unroll
    for (int m = 0; m < M; ++m) {
      A total = warp_reduce<32>(Sum(), sum[r][m]);
      if (lane_id() != 0) continue;
      if constexpr (S > 1) {
        parts[(warp_id() * R + r) * M + m] = total;
      } else if (first + r < a.n) {
        put_dot<T>(a, batch, first + r, m, total);
      }
    }
  }
  if constexpr (S > 1) {
    __syncthreads();
    if (part != 0 || lane_id() >= R * M) return;
    int r = lane_id() / M, m = lane_id() % M;
    A total = A(0);
#pragma unroll
    for (int p = 0; p < S; ++p) total += parts[((team * S + p) * R + r) * M + m];
    if (first + r < a.n) put_dot<T>(a, batch, first + r, m, total);
  }
}

}  // namespace mlx_device
