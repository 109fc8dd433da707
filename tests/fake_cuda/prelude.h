// Included before emulated kernel text: what NVRTC knows without any header.
#pragma once

#include <math.h>
#include <string.h>

struct EmulatedDim {
  unsigned x, y, z;
};

/** Shared between the fake driver and each kernel library. */
struct Emulation {
  EmulatedDim thread, block, block_dim, grid_dim;
  unsigned linear_thread;
  unsigned char* dynamic_shared;
  void (*sync_block)();
  /** Waits for the other live lanes of the warp, after storing 64 bytes at `slot`. */
  void (*sync_warp)();
  unsigned char* (*slot)(unsigned lane);  // of the calling thread's warp
  /** Lets the others run; `progressed` tells that something they may wait for has happened. */
  void (*yield)(bool progressed);
};

#ifdef MLX_EMULATED_KERNEL
extern "C" {
Emulation* mlx_emulation = nullptr;  // set by the fake driver when the library is loaded
}
#else
extern "C" Emulation* mlx_emulation;
#endif

#define threadIdx (mlx_emulation->thread)
#define blockIdx (mlx_emulation->block)
#define blockDim (mlx_emulation->block_dim)
#define gridDim (mlx_emulation->grid_dim)
#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __shared__ static
#define __align__(n) alignas(n)
#define __grid_constant__
#define __CUDA_ARCH__ 900
#define __CUDA_ARCH_FEAT_SM90_ALL

#define MLX_KERNEL_ENTRY(name, Args)                                                           \
  extern "C" void name##_emulated(const void* args) { name(*static_cast<const Args*>(args)); } \
  extern "C" {                                                                                 \
  extern const unsigned long name##_args_size;                                                 \
  const unsigned long name##_args_size = sizeof(Args);                                         \
  }
#define MLX_SHARED_BYTES(name) unsigned char* name = mlx_emulation->dynamic_shared

inline void __syncthreads() { mlx_emulation->sync_block(); }
inline void __syncwarp(unsigned = 0xffffffffu) { mlx_emulation->sync_warp(); }
inline void __threadfence() {}
inline unsigned emulated_lane() { return mlx_emulation->linear_thread & 31; }

template <class T>
inline T emulated_exchange(T value, unsigned from) {
  memcpy(mlx_emulation->slot(emulated_lane()), &value, sizeof(T));
  mlx_emulation->sync_warp();
  T result;
  memcpy(&result, mlx_emulation->slot(from), sizeof(T));
  mlx_emulation->sync_warp();
  return result;
}
template <class T>
inline T __shfl_sync(unsigned, T value, int from) {
  return emulated_exchange(value, from & 31);
}
template <class T>
inline T __shfl_xor_sync(unsigned, T value, int mask) {
  return emulated_exchange(value, (emulated_lane() ^ mask) & 31);
}
template <class T>
inline T __shfl_up_sync(unsigned, T value, int distance) {
  int from = static_cast<int>(emulated_lane()) - distance;
  return emulated_exchange(value, from < 0 ? emulated_lane() : from);
}
template <class T>
inline T __shfl_down_sync(unsigned, T value, int distance) {
  unsigned from = emulated_lane() + distance;
  return emulated_exchange(value, from > 31 ? emulated_lane() : from);
}
inline unsigned __ballot_sync(unsigned, int predicate) {
  *mlx_emulation->slot(emulated_lane()) = predicate != 0;
  mlx_emulation->sync_warp();
  unsigned bits = 0;
  for (unsigned i = 0; i < 32; ++i)
    bits |= static_cast<unsigned>(*mlx_emulation->slot(i) != 0) << i;
  mlx_emulation->sync_warp();
  return bits;
}
inline unsigned __match_any_sync(unsigned, unsigned value) {
  memcpy(mlx_emulation->slot(emulated_lane()), &value, 4);
  mlx_emulation->sync_warp();
  unsigned bits = 0;
  for (unsigned i = 0; i < 32; ++i)
    bits |= static_cast<unsigned>(memcmp(mlx_emulation->slot(i), &value, 4) == 0) << i;
  mlx_emulation->sync_warp();
  return bits;
}
inline float __uint_as_float(unsigned bits) { return __builtin_bit_cast(float, bits); }
inline unsigned __float_as_uint(float value) { return __builtin_bit_cast(unsigned, value); }
inline float __int_as_float(int bits) { return __builtin_bit_cast(float, bits); }
inline int __float_as_int(float value) { return __builtin_bit_cast(int, value); }
inline long long __double_as_longlong(double value) { return __builtin_bit_cast(long long, value); }
inline double __longlong_as_double(long long bits) { return __builtin_bit_cast(double, bits); }
inline int __popc(unsigned bits) { return __builtin_popcount(bits); }
inline int __clz(int bits) { return bits == 0 ? 32 : __builtin_clz(bits); }
inline int __clzll(long long bits) { return bits == 0 ? 64 : __builtin_clzll(bits); }
inline int __ffs(int bits) { return __builtin_ffs(bits); }
inline unsigned __umulhi(unsigned a, unsigned b) {
  return static_cast<unsigned>((static_cast<unsigned long long>(a) * b) >> 32);
}
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return static_cast<unsigned long long>((static_cast<unsigned __int128>(a) * b) >> 64);
}
inline double erfinv(double x) {
  if (!(fabs(x) < 1)) return fabs(x) == 1 ? copysign(__builtin_inf(), x) : __builtin_nan("");
  if (x == 0) return x;
  double a = fabs(x), t = log1p(-a * a), b = 2 / (M_PI * 0.147) + t / 2;
  double y = sqrt(sqrt(b * b - t / 0.147) - b);
  for (int i = 0; i < 4; ++i) {
    double error = a < 0.5 ? erf(y) - a : (1 - a) - erfc(y);
    double step = error / (M_2_SQRTPI * exp(-y * y));
    y -= step / (1 + y * step);
  }
  return copysign(y, x);
}
inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline double rsqrt(double x) { return 1.0 / sqrt(x); }
template <class T>
inline T __ldg(const T* p) {
  return *p;
}
// One thread runs at a time, so plain updates are atomic.
template <class T>
inline T atomicAdd(T* at, T value) {
  T old = *at;
  *at = old + value;
  return old;
}
template <class T>
inline T atomicCAS(T* at, T expected, T value) {
  T old = *at;
  if (old == expected) *at = value;
  return old;
}
template <class T>
inline T atomicMax(T* at, T value) {
  T old = *at;
  if (old < value) *at = value;
  return old;
}
template <class T>
inline T atomicMin(T* at, T value) {
  T old = *at;
  if (value < old) *at = value;
  return old;
}
