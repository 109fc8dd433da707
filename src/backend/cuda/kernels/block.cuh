// Reductions across a warp and a block, in an order fixed by the block's size: same bits on every run.
#pragma once

#include "types.cuh"

namespace mlx_device {

constexpr unsigned kAllLanes = 0xffffffffu;

inline int lane_id() { return threadIdx.x & 31; }
inline int warp_id() { return threadIdx.x >> 5; }

template <class T>
inline T shuffle_xor(T value, int mask) {
  if constexpr (sizeof(T) == 8) {
    unsigned parts[2];
    memcpy(parts, &value, 8);
    parts[0] = __shfl_xor_sync(kAllLanes, parts[0], mask);
    parts[1] = __shfl_xor_sync(kAllLanes, parts[1], mask);
    memcpy(&value, parts, 8);
    return value;
  } else {
    static_assert(sizeof(T) <= 4);
    unsigned bits = 0;
    memcpy(&bits, &value, sizeof(T));
    bits = __shfl_xor_sync(kAllLanes, bits, mask);
    memcpy(&value, &bits, sizeof(T));
    return value;
  }
}

template <class T>
inline T shuffle_up(T value, int distance) {
  if constexpr (sizeof(T) == 8) {
    unsigned parts[2];
    memcpy(parts, &value, 8);
    parts[0] = __shfl_up_sync(kAllLanes, parts[0], distance);
    parts[1] = __shfl_up_sync(kAllLanes, parts[1], distance);
    memcpy(&value, parts, 8);
    return value;
  } else {
    static_assert(sizeof(T) <= 4);
    unsigned bits = 0;
    memcpy(&bits, &value, sizeof(T));
    bits = __shfl_up_sync(kAllLanes, bits, distance);
    memcpy(&value, &bits, sizeof(T));
    return value;
  }
}

struct Sum {
  template <class T>
  T operator()(T a, T b) const {
    return a + b;
  }
};
struct Max {
  template <class T>
  T operator()(T a, T b) const {
    return a > b || a != a ? a : b;
  }
};

/** All lanes of each group of `Width` receive the reduction over the group. */
template <int Width, class Op, class T>
inline T warp_reduce(Op op, T value) {
#pragma unroll
  for (int mask = Width / 2; mask > 0; mask /= 2) value = op(value, shuffle_xor(value, mask));
  return value;
}

/** All threads receive the reduction over the block of `Threads` threads, a power of two from 32 on.
 * `shared` holds 32 values; it may be used again after the next barrier only. */
template <int Threads, class Op, class T>
inline T block_reduce(Op op, T value, T* shared) {
  value = warp_reduce<32>(op, value);
  if constexpr (Threads > 32) {
    constexpr int kWarps = Threads / 32;
    if (lane_id() == 0) shared[warp_id()] = value;
    __syncthreads();
    value = shared[lane_id() & (kWarps - 1)];
    value = warp_reduce<kWarps>(op, value);
  }
  return value;
}

}  // namespace mlx_device
