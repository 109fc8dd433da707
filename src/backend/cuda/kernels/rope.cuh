// Rotary position encoding: the angle of a position is computed once for several heads.
#pragma once

#include "args.h"
#include "element.cuh"

namespace mlx_device {

constexpr int kRopeHeads = 4;  // heads a thread rotates

template <class T, class Offset, bool kTraditional>
inline void rope(const RopeArgs& a) {
  wait_for_inputs();
  let_next_kernel_start();
  // Features beyond the rotated ones are copied, one by one.
  long long pairs = a.half + (a.n - 2 * a.half);
  long long groups = (a.heads + kRopeHeads - 1) / kRopeHeads;
  long long at = static_cast<long long>(blockIdx.x) * 256 + threadIdx.x;
  if (at >= a.batches * groups * a.positions * pairs) return;
  int pair = static_cast<int>(at % pairs);
  at /= pairs;
  long long position = at % a.positions;
  at /= a.positions;
  long long group = at % groups;
  long long batch = at / groups;
  bool rotates = pair < a.half;
  float c = 1.0f, s = 0.0f;
  int i = pair + a.half, j = i;
  if (rotates) {
    long long offset = a.offset;
    if (a.offsets != nullptr)
      offset = static_cast<long long>(static_cast<const Offset*>(a.offsets)[batch * a.offset_stride]);
    float frequency = a.frequencies_are_periods ? 1.0f / a.frequencies[pair] : a.frequencies[pair];
    float angle = static_cast<float>(offset + position) * a.scale * frequency;
    c = cos(angle);
    s = sin(angle) * a.direction;
    i = kTraditional ? 2 * pair : pair;
    j = kTraditional ? 2 * pair + 1 : pair + a.half;
  }
#pragma unroll
  for (int h = 0; h < kRopeHeads; ++h) {
    long long head = group * kRopeHeads + h;
    if (head >= a.heads) break;
    long long row = ((batch * a.heads + head) * a.positions + position) * a.n;
    const T* x = static_cast<const T*>(a.x) + row;
    T* out = static_cast<T*>(a.out) + row;
    if (rotates) {
      float p = widen<T>(x[i]), q = widen<T>(x[j]);
      out[i] = narrow<T>(p * c - q * s);
      out[j] = narrow<T>(p * s + q * c);
    } else {
      out[i] = x[i];
    }
  }
}

}  // namespace mlx_device
