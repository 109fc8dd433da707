// RMS norm and layer norm over rows, and their gradients: the row lives in registers.
#pragma once

#include "softmax.cuh"

namespace mlx_device {

template <class T>
inline float weight_at(const void* weight, int stride, long long i) {
  return weight == nullptr ? 1.0f : static_cast<float>(widen<T>(static_cast<const T*>(weight)[i * stride]));
}

/** N neighbours of a parameter, which the host aligns like the rows when its stride is 1. */
template <class W, int N>
inline void load_weights(const void* weight, int stride, long long at, float otherwise, float (&out)[N]) {
  if (weight == nullptr) {
#pragma unroll
    for (int j = 0; j < N; ++j) out[j] = otherwise;
  } else if (stride == 1) {
    Vec<W, N> v = load_vec<W, N>(static_cast<const W*>(weight) + at);
#pragma unroll
    for (int j = 0; j < N; ++j) out[j] = static_cast<float>(widen<W>(v.v[j]));
  } else {
#pragma unroll
    for (int j = 0; j < N; ++j) out[j] = static_cast<float>(widen<W>(static_cast<const W*>(weight)[(at + j) * stride]));
  }
}

/** N neighbours of real numbers of up to 32 bits, in as few registers as they have words in memory. */
template <class T, int N>
struct Words {
  static constexpr int kCount = sizeof(T) * N < 4 ? 1 : sizeof(T) * N / 4;
  unsigned w[kCount];

  void load(const T* p) {
    if constexpr (kCount == 4) {
      Raw16 raw = load_stream16(p);
      w[0] = raw.x;
      w[1] = raw.y;
      w[2] = raw.z;
      w[3] = raw.w;
    } else {
      w[0] = 0;
      Vec<T, N> v = load_vec_stream<T, N>(p);
      memcpy(w, v.v, sizeof(T) * N);
    }
  }
  float operator[](int j) const {
    if constexpr (sizeof(T) == 4) return first_of_word<T>(w[j]);
    else return j % 2 == 0 ? first_of_word<T>(w[j / 2]) : second_of_word<T>(w[j / 2]);
  }
  /** Lets no widened value stay in a register from here on. */
  void forget_values() {
#pragma unroll
    for (int i = 0; i < kCount; ++i) forget(w[i]);
  }
};
template <int N>
struct Words<double, N> {
  float v[N];
  void load(const double* p) {
#pragma unroll
    for (int j = 0; j < N; ++j) v[j] = static_cast<float>(p[j]);
  }
  float operator[](int j) const { return v[j]; }
  void forget_values() {}
};

/** The row stays in registers as it is stored, so that several rows fit a multiprocessor at once. */
template <class T, class W, int Threads, int Vecs, int N, bool kCentered>
inline void norm_row(const NormArgs& a) {
  wait_for_inputs();
  let_next_kernel_start();
  __shared__ float shared_sum[32];
  __shared__ float shared_squares[32];
  long long row = blockIdx.x;
  int n = static_cast<int>(a.n), first = static_cast<int>(threadIdx.x) * N;
  const T* from = static_cast<const T*>(a.x) + row * a.n;
  Words<T, N> x[Vecs];
#pragma unroll
  for (int i = 0; i < Vecs; ++i) {
    if (first + i * Threads * N < n) x[i].load(from + first + i * Threads * N);
  }
  auto forget_values = [&] {
#pragma unroll
    for (int i = 0; i < Vecs; ++i) x[i].forget_values();
  };
  float inverse_n = 1.0f / static_cast<float>(a.n);
  float mean = 0.0f;
  if constexpr (kCentered) {
    float sum = 0.0f;
#pragma unroll
    for (int i = 0; i < Vecs; ++i) {
      if (first + i * Threads * N >= n) continue;
#pragma unroll
      for (int j = 0; j < N; ++j) sum += x[i][j];
    }
    mean = block_reduce<Threads>(Sum(), sum, shared_sum) * inverse_n;
    forget_values();
  }
  float squares = 0.0f;
#pragma unroll
  for (int i = 0; i < Vecs; ++i) {
    if (first + i * Threads * N >= n) continue;
#pragma unroll
    for (int j = 0; j < N; ++j) squares = fmaf(x[i][j] - mean, x[i][j] - mean, squares);
  }
  squares = block_reduce<Threads>(Sum(), squares, shared_squares);
  forget_values();
  float scale = rsqrtf(squares * inverse_n + a.eps);
  T* out = static_cast<T*>(a.out) + row * a.n;
#pragma unroll
  for (int i = 0; i < Vecs; ++i) {
    int at = first + i * Threads * N;
    if (at >= n) continue;
    float w[N], b[N];
    load_weights<W, N>(a.weight, a.weight_stride, at, 1.0f, w);
    load_weights<W, N>(a.bias, a.bias_stride, at, 0.0f, b);
    Vec<T, N> raw;
#pragma unroll
    for (int j = 0; j < N; ++j) raw.v[j] = narrow<T>(fmaf((x[i][j] - mean) * scale, w[j], b[j]));
    store_vec_stream<T, N>(out + at, raw);
  }
}

template <class T, class W, int Threads, bool kCentered>
inline void norm_long_row(const NormArgs& a) {
  wait_for_inputs();
  let_next_kernel_start();
  __shared__ float shared_sum[32];
  __shared__ float shared_squares[32];
  const T* x = static_cast<const T*>(a.x) + static_cast<long long>(blockIdx.x) * a.n;
  T* out = static_cast<T*>(a.out) + static_cast<long long>(blockIdx.x) * a.n;
  float inverse_n = 1.0f / static_cast<float>(a.n);
  float mean = 0.0f;
  if constexpr (kCentered) {
    float sum = 0.0f;
    for (long long i = threadIdx.x; i < a.n; i += Threads) sum += static_cast<float>(widen<T>(x[i]));
    mean = block_reduce<Threads>(Sum(), sum, shared_sum) * inverse_n;
  }
  float squares = 0.0f;
  for (long long i = threadIdx.x; i < a.n; i += Threads) {
    float centered = static_cast<float>(widen<T>(x[i])) - mean;
    squares += centered * centered;
  }
  squares = block_reduce<Threads>(Sum(), squares, shared_squares);
  float scale = rsqrtf(squares * inverse_n + a.eps);
  for (long long i = threadIdx.x; i < a.n; i += Threads) {
    float w = weight_at<W>(a.weight, a.weight_stride, i);
    float b = a.bias == nullptr ? 0.0f : weight_at<W>(a.bias, a.bias_stride, i);
    out[i] = narrow<T>(fmaf((static_cast<float>(widen<T>(x[i])) - mean) * scale, w, b));
  }
}

/** The gradient of x; each block walks rows blockIdx.x, + gridDim.x, ... and keeps its share of the gradients of
 * weight and bias in its own row of the partial sums, which a column sum then adds in a fixed order. */
template <class T, class W, int Threads, bool kCentered>
inline void norm_grad_rows(const NormGradArgs& a) {
  wait_for_inputs();
  let_next_kernel_start();
  __shared__ float shared_a[32];
  __shared__ float shared_b[32];
  __shared__ float shared_c[32];
  float inverse_n = 1.0f / static_cast<float>(a.n);
  float* partial_w = a.partial_weight == nullptr ? nullptr : a.partial_weight + blockIdx.x * a.n;
  float* partial_b = a.partial_bias == nullptr ? nullptr : a.partial_bias + blockIdx.x * a.n;
  bool first = true;
  for (long long row = blockIdx.x; row < a.rows; row += gridDim.x) {
    const T* x = static_cast<const T*>(a.x) + row * a.n;
    const T* g = static_cast<const T*>(a.cotangent) + row * a.n;
    T* out = static_cast<T*>(a.grad_x) + row * a.n;
    float mean = 0.0f;
    __syncthreads();
    if constexpr (kCentered) {
      float sum = 0.0f;
      for (long long i = threadIdx.x; i < a.n; i += Threads) sum += static_cast<float>(widen<T>(x[i]));
      mean = block_reduce<Threads>(Sum(), sum, shared_a) * inverse_n;
      __syncthreads();
    }
    float squares = 0.0f, sum_wg = 0.0f, sum_wgx = 0.0f;
    for (long long i = threadIdx.x; i < a.n; i += Threads) {
      float xi = static_cast<float>(widen<T>(x[i])) - mean;
      float wg = static_cast<float>(widen<T>(g[i])) * weight_at<W>(a.weight, a.weight_stride, i);
      squares += xi * xi;
      sum_wg += wg;
      sum_wgx += wg * xi;
    }
    squares = block_reduce<Threads>(Sum(), squares, shared_a);
    if constexpr (kCentered) sum_wg = block_reduce<Threads>(Sum(), sum_wg, shared_b);
    sum_wgx = block_reduce<Threads>(Sum(), sum_wgx, shared_c);
    float scale = rsqrtf(squares * inverse_n + a.eps);
    float along_x = sum_wgx * inverse_n * scale * scale * scale;
    float along_one = kCentered ? sum_wg * inverse_n * scale : 0.0f;
    for (long long i = threadIdx.x; i < a.n; i += Threads) {
      float xi = static_cast<float>(widen<T>(x[i])) - mean;
      float gi = static_cast<float>(widen<T>(g[i]));
      float wg = gi * weight_at<W>(a.weight, a.weight_stride, i);
      out[i] = narrow<T>(wg * scale - along_one - xi * along_x);
      // The same thread handles the same column in every row.
      if (partial_w != nullptr) partial_w[i] = (first ? 0.0f : partial_w[i]) + gi * xi * scale;
      if (partial_b != nullptr) partial_b[i] = (first ? 0.0f : partial_b[i]) + gi;
    }
    first = false;
  }
}

}  // namespace mlx_device
