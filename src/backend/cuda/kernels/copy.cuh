// Moving data between layouts; elements are plain bits of 1, 2, 4 or 8 bytes.
#pragma once

#include "args.h"
#include "types.cuh"

namespace mlx_device {

/** Element by element between any two layouts. */
template <class T, int kDims>
inline void copy_strided(const CopyArgs& a) {
  long long at = start_element();
  if (at >= a.size) return;
  long long rest = at;
  long long in = 0, out = 0;
#pragma unroll
  for (int d = 0; d < kDims; ++d) {
    long long next = d + 1 == kDims ? 0 : (a.size <= 0x7fffffffLL
                                               ? static_cast<unsigned>(rest) / static_cast<unsigned>(a.shape[d])
                                               : rest / a.shape[d]);
    long long c = d + 1 == kDims ? rest : rest - next * a.shape[d];
    in += c * a.in_strides[d];
    out += c * a.out_strides[d];
    rest = next;
  }
  static_cast<T*>(a.out)[out] = static_cast<const T*>(a.in)[in];
}

/** Exchanges the innermost dimension with another through tiles in shared memory: reads run along `rows`, which is
 * contiguous in the input, writes along `cols`, which is contiguous in the output. N elements at once. */
template <class T, int kTile, int N, int kBatchDims>
inline void transpose_tiles(const TransposeArgs& a) {
  wait_for_inputs();
  let_next_kernel_start();
  constexpr int kThreads = 256;
  constexpr int kPerLine = kTile / N;           // threads along a line of the tile
  constexpr int kLines = kThreads / kPerLine;   // lines the block moves at once
  __shared__ T tile[kTile][kTile + (sizeof(T) == 1 ? 4 : sizeof(T) == 2 ? 2 : 1)];
  long long tiles_c = (a.cols + kTile - 1) / kTile;
  long long tiles_r = (a.rows + kTile - 1) / kTile;
  long long block = blockIdx.x;
  long long tile_c = block % tiles_c;
  block /= tiles_c;
  long long tile_r = block % tiles_r;
  long long batch = block / tiles_r;
  long long in_base = 0, out_base = 0;
#pragma unroll
  for (int d = 0; d < kBatchDims; ++d) {
    long long c = batch % a.batch_shape[d];
    batch /= a.batch_shape[d];
    in_base += c * a.batch_in_strides[d];
    out_base += c * a.batch_out_strides[d];
  }
  const T* in = static_cast<const T*>(a.in) + in_base;
  T* out = static_cast<T*>(a.out) + out_base;
  int along = threadIdx.x % kPerLine * N;
  int line = threadIdx.x / kPerLine;
#pragma unroll
  for (int i = 0; i < kTile; i += kLines) {
    long long c = tile_c * kTile + line + i;
    long long r = tile_r * kTile + along;
    if (c < a.cols && r < a.rows) {
      Vec<T, N> v = load_vec<T, N>(in + c * a.in_stride + r);
#pragma unroll
      for (int j = 0; j < N; ++j) tile[line + i][along + j] = v.v[j];
    }
  }
  __syncthreads();
#pragma unroll
  for (int i = 0; i < kTile; i += kLines) {
    long long r = tile_r * kTile + line + i;
    long long c = tile_c * kTile + along;
    if (r < a.rows && c < a.cols) {
      Vec<T, N> v;
#pragma unroll
      for (int j = 0; j < N; ++j) v.v[j] = tile[along + j][line + i];
      store_vec<T, N>(out + r * a.out_stride + c, v);
    }
  }
}

/** All elements of the output receive one value. */
template <class T>
inline void fill_value(const FlatArgs& a) {
  long long at = start_element();
  if (at >= a.size) return;
  T value;
  memcpy(&value, &a.constants[0], sizeof(T));
  static_cast<T*>(a.out[0])[at] = value;
}

/** Bytes that travel with the launch: small host arrays reach the device without a transfer. */
inline void store_from_host(const StoreArgs& a) {
  wait_for_inputs();
  let_next_kernel_start();
  int at = static_cast<int>(threadIdx.x);
  if (at < a.size) static_cast<unsigned char*>(a.out)[at] = a.bytes[at];
}

}  // namespace mlx_device
