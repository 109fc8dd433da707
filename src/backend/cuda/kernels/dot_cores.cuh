// Matrix products with 2 to 8 rows of x on tensor cores, for 16-bit floats: the matrix goes from memory to registers at
// memory speed, whatever the number of rows.
#pragma once

#include "attention.cuh"
#include "dot.cuh"

namespace mlx_device {

/** A block takes 16 * MT rows of w; its 8 warps share k between them, 32 columns at a time, 8 neighbours a lane: the order
 * of columns within a product is free, as long as w and x have the same. kAhead loads are on their way. */
template <class T, int MT, int kAhead>
inline void dot_cores(const DotArgs& a) {
  constexpr int kWarps = 8, kStep = kWarps * 32;
  __shared__ float parts[kWarps][8][16 * MT + 1];
  int lane = lane_id(), warp = warp_id();
  int g = lane / 4, t = lane % 4;
  long long batch = blockIdx.y;
  long long first = static_cast<long long>(blockIdx.x) * (16 * MT);
  int k = static_cast<int>(a.k), at = warp * 32 + 8 * t;  // a dimension's length is an int
  const T* w[MT][2];
#pragma unroll
  for (int i = 0; i < MT; ++i) {
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      long long n = first + 16 * i + 8 * h + g;
      w[i][h] = static_cast<const T*>(a.w) + batch * a.batch_w + (n < a.n ? n : a.n - 1) * a.w_stride + at;
    }
  }
  // Rows of x that do not exist are the last one: nobody looks at what comes of them.
  const T* x = static_cast<const T*>(a.x) + batch * a.batch_x + (g < a.m ? g : a.m - 1) * a.x_stride + at;
  Raw16 w_ahead[kAhead][MT][2], x_ahead[kAhead];
  auto fetch = [&](int ahead, int slot) {
    bool inside = at + ahead * kStep < k;
    x_ahead[slot] = inside ? load_16(x + ahead * kStep) : Raw16{0, 0, 0, 0};
#pragma unroll
    for (int i = 0; i < MT; ++i) {
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        w_ahead[slot][i][h] = inside ? load_once_16(w[i][h] + ahead * kStep) : Raw16{0, 0, 0, 0};
      }
    }
  };
  float total[MT][4];
#pragma unroll
  for (int i = 0; i < MT; ++i) {
#pragma unroll
    for (int e = 0; e < 4; ++e) total[i][e] = 0.0f;
  }
  wait_for_inputs();
  let_next_kernel_start();
#pragma unroll
  for (int u = 0; u < kAhead; ++u) fetch(u, u);
  // All lanes of a warp take the same steps.
  for (int step = warp * 32; step < k; step += kAhead * kStep) {
#pragma unroll
    for (int u = 0; u < kAhead; ++u) {
#pragma unroll
      for (int i = 0; i < MT; ++i) {
        const Raw16 &top = w_ahead[u][i][0], &low = w_ahead[u][i][1];
        const unsigned first_half[4] = {top.x, low.x, top.y, low.y}, second_half[4] = {top.z, low.z, top.w, low.w};
        TensorCore<T>::mma(total[i], first_half, x_ahead[u].x, x_ahead[u].y);
        TensorCore<T>::mma(total[i], second_half, x_ahead[u].z, x_ahead[u].w);
      }
      fetch(u + kAhead, u);
    }
    at += kAhead * kStep;
    x += kAhead * kStep;
#pragma unroll
    for (int i = 0; i < MT; ++i) {
      w[i][0] += kAhead * kStep;
      w[i][1] += kAhead * kStep;
    }
  }
#pragma unroll
  for (int i = 0; i < MT; ++i) {
#pragma unroll
    for (int e = 0; e < 4; ++e) parts[warp][2 * t + e % 2][16 * i + g + e / 2 * 8] = total[i][e];
  }
  __syncthreads();
  for (int i = threadIdx.x; i < 16 * MT * 8; i += kWarps * 32) {
    int n = i % (16 * MT), m = i / (16 * MT);
    if (m >= a.m || first + n >= a.n) continue;
    float sum = 0.0f;
#pragma unroll
    for (int p = 0; p < kWarps; ++p) sum += parts[p][m][n];
    put_dot<T>(a, batch, first + n, m, sum);
  }
}

}  // namespace mlx_device
