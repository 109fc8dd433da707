// Matrix products with 3 to 8 rows of x on tensor cores, for 16-bit floats: the matrix goes from memory to registers at
// memory speed, whatever the number of rows.
#pragma once

#include "attention.cuh"
#include "dot.cuh"

namespace mlx_device {

/** A block takes 16 rows of w; its 8 warps share k between them, 32 columns at a time, 8 neighbours a lane: the order of
 * columns within a product is free, as long as w and x have the same. */
template <class T>
inline void dot_cores(const DotArgs& a) {
  constexpr int kWarps = 8, kAhead = 3;
  constexpr int kSlot = kWarps * 32, kStep = kAhead * kSlot;  // from a load on its way to the next, and to its successor
  __shared__ float parts[kWarps][8][17];
  int lane = lane_id(), warp = warp_id();
  int g = lane / 4, t = lane % 4;
  long long batch = blockIdx.y;
  long long first = static_cast<long long>(blockIdx.x) * 16;
  int k = static_cast<int>(a.k), at = warp * 32 + 8 * t;  // a dimension's length is an int
  const T* w[2];
#pragma unroll
  for (int h = 0; h < 2; ++h) {
    long long n = first + 8 * h + g;
    w[h] = static_cast<const T*>(a.w) + batch * a.batch_w + (n < a.n ? n : a.n - 1) * a.w_stride + at;
  }
  // Rows of x that do not exist are the last one: nobody looks at what comes of them.
  const T* x = static_cast<const T*>(a.x) + batch * a.batch_x + (g < a.m ? g : a.m - 1) * a.x_stride + at;
  Raw16 w_ahead[kAhead][2], x_ahead[kAhead];
  auto fetch = [&](int shift, int slot) {
    bool inside = at + shift < k;
    x_ahead[slot] = inside ? load_16(x + shift) : Raw16{0, 0, 0, 0};
#pragma unroll
    for (int h = 0; h < 2; ++h) w_ahead[slot][h] = inside ? load_once_16(w[h] + shift) : Raw16{0, 0, 0, 0};
  };
  float total[4] = {0.0f, 0.0f, 0.0f, 0.0f};
  wait_for_inputs();
  let_next_kernel_start();
#pragma unroll
  for (int u = 0; u < kAhead; ++u) fetch(u * kSlot, u);
  // All lanes of a warp take the same steps.
  for (int step = warp * 32; step < k; step += kStep) {
#pragma unroll
    for (int u = 0; u < kAhead; ++u) {
      const Raw16 &top = w_ahead[u][0], &low = w_ahead[u][1];
      const unsigned first_half[4] = {top.x, low.x, top.y, low.y}, second_half[4] = {top.z, low.z, top.w, low.w};
      TensorCore<T>::mma(total, first_half, x_ahead[u].x, x_ahead[u].y);
      TensorCore<T>::mma(total, second_half, x_ahead[u].z, x_ahead[u].w);
      fetch(kStep + u * kSlot, u);
    }
    at += kStep;
    x += kStep;
    w[0] += kStep;
    w[1] += kStep;
  }
#pragma unroll
  for (int e = 0; e < 4; ++e) parts[warp][2 * t + e % 2][g + e / 2 * 8] = total[e];
  __syncthreads();
  if (threadIdx.x >= 128) return;
  int n = static_cast<int>(threadIdx.x) % 16, m = static_cast<int>(threadIdx.x) / 16;
  if (m >= a.m || first + n >= a.n) return;
  float sum = 0.0f;
#pragma unroll
  for (int p = 0; p < kWarps; ++p) sum += parts[p][m][n];
  put_dot<T>(a, batch, first + n, m, sum);
}

}  // namespace mlx_device
