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

/** M rows of x, R rows of w a warp, N neighbours a load. */
template <class T, int M, int R, int N>
inline void dot_rows(const DotArgs& a) {
  wait_for_inputs();
  let_next_kernel_start();
  using A = typename DotAccumulator<T>::type;
  constexpr int kUnroll = R >= 4 ? 1 : 4 / R;
  long long batch = blockIdx.y;
  long long first = (static_cast<long long>(blockIdx.x) * 8 + warp_id()) * R;
  if (first >= a.n) return;
  const T* w = static_cast<const T*>(a.w) + batch * a.batch_w;
  const T* x = static_cast<const T*>(a.x) + batch * a.batch_x;
  A sum[R][M];
#pragma unroll
  for (int r = 0; r < R; ++r) {
#pragma unroll
    for (int m = 0; m < M; ++m) sum[r][m] = A(0);
  }
  auto row_of = [&](int r) { return first + r < a.n ? first + r : a.n - 1; };
  long long at = lane_id() * N;
  for (; at + (kUnroll - 1) * 32 * N < a.k; at += kUnroll * 32 * N) {
    Vec<T, N> wv[kUnroll][R];
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
#pragma unroll
      for (int r = 0; r < R; ++r) wv[u][r] = load_vec<T, N>(w + row_of(r) * a.w_stride + at + u * 32 * N);
    }
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
#pragma unroll
      for (int m = 0; m < M; ++m) {
        Vec<T, N> xv = load_vec<T, N>(x + m * a.x_stride + at + u * 32 * N);
#pragma unroll
        for (int j = 0; j < N; ++j) {
          A value = widen<T>(xv.v[j]);
#pragma unroll
          for (int r = 0; r < R; ++r) sum[r][m] = fused(widen<T>(wv[u][r].v[j]), value, sum[r][m]);
        }
      }
    }
  }
  for (; at < a.k; at += 32 * N) {
#pragma unroll
    for (int m = 0; m < M; ++m) {
      Vec<T, N> xv = load_vec<T, N>(x + m * a.x_stride + at);
#pragma unroll
      for (int r = 0; r < R; ++r) {
        Vec<T, N> wv = load_vec<T, N>(w + row_of(r) * a.w_stride + at);
#pragma unroll
        for (int j = 0; j < N; ++j) sum[r][m] = fused(widen<T>(wv.v[j]), static_cast<A>(widen<T>(xv.v[j])), sum[r][m]);
      }
    }
  }
#pragma unroll
  for (int r = 0; r < R; ++r) {
#pragma unroll
    for (int m = 0; m < M; ++m) {
      A total = warp_reduce<32>(Sum(), sum[r][m]);
      if (lane_id() == 0 && first + r < a.n) {
        total *= static_cast<A>(a.alpha);
        if (a.c != nullptr) {
          const T* c = static_cast<const T*>(a.c) + batch * a.batch_c;
          total += static_cast<A>(a.beta) * static_cast<A>(widen<T>(c[(first + r) * a.c_n_stride + m * a.c_m_stride]));
        }
        static_cast<T*>(a.out)[batch * a.batch_out + (first + r) * a.out_n_stride + m * a.out_m_stride] = narrow<T>(total);
      }
    }
  }
}

}  // namespace mlx_device
