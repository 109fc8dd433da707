// Softmax and logsumexp over rows: the row lives in registers, so it is read once.
#pragma once

#include "args.h"
#include "block.cuh"

namespace mlx_device {

/** A row of up to Threads * Vecs * N elements, spread over the block in vectors of N. */
template <class T, int Threads, int Vecs, int N>
struct RowInRegisters {
  float v[Vecs][N];

  void load(const T* row, long long n, float fill) {
#pragma unroll
    for (int i = 0; i < Vecs; ++i) {
      long long at = (static_cast<long long>(i) * Threads + threadIdx.x) * N;
      if (at < n) {
        Vec<T, N> raw = load_vec_stream<T, N>(row + at);
#pragma unroll
        for (int j = 0; j < N; ++j) v[i][j] = static_cast<float>(widen<T>(raw.v[j]));
      } else {
#pragma unroll
        for (int j = 0; j < N; ++j) v[i][j] = fill;
      }
    }
  }

  template <class F>
  void store(T* row, long long n, F f) const {
#pragma unroll
    for (int i = 0; i < Vecs; ++i) {
      long long at = (static_cast<long long>(i) * Threads + threadIdx.x) * N;
      if (at < n) {
        Vec<T, N> raw;
#pragma unroll
        for (int j = 0; j < N; ++j) raw.v[j] = narrow<T>(f(v[i][j]));
        store_vec_stream<T, N>(row + at, raw);
      }
    }
  }

  template <class Op>
  float fold(Op op, float start) const {
    float value = start;
#pragma unroll
    for (int i = 0; i < Vecs; ++i) {
#pragma unroll
      for (int j = 0; j < N; ++j) value = op(value, v[i][j]);
    }
    return value;
  }
};

constexpr float kLog2E = 1.4426950408889634f;

/** exp(x - max): one fused step, then the hardware's 2^x. */
inline float exp_below(float x, float max) { return exp2f(fmaf(x, kLog2E, -max * kLog2E)); }

/** n must be a multiple of N. One block a row. */
template <class T, int Threads, int Vecs, int N>
inline void softmax_row(const RowArgs& a) {
  wait_for_inputs();
  let_next_kernel_start();
  __shared__ float shared_max[32];
  __shared__ float shared_sum[32];
  long long row = blockIdx.x;
  RowInRegisters<T, Threads, Vecs, N> x;
  x.load(static_cast<const T*>(a.x) + row * a.n, a.n, -kInfinity);
  float max = block_reduce<Threads>(Max(), x.fold(Max(), -kInfinity), shared_max);
  // A row of -inf only gives NaN, as the definition does.
  float sum = 0.0f;
#pragma unroll
  for (int i = 0; i < Vecs; ++i) {
#pragma unroll
    for (int j = 0; j < N; ++j) {
      x.v[i][j] = exp_below(x.v[i][j], max);
      sum += x.v[i][j];
    }
  }
  if constexpr (Threads * Vecs * N > 1) {
    // Places beyond the row's end held -inf, so they add nothing unless all is -inf.
    sum = block_reduce<Threads>(Sum(), sum, shared_sum);
  }
  float scale = 1.0f / sum;
  x.store(static_cast<T*>(a.out) + row * a.n, a.n, [=](float value) { return value * scale; });
}

/** The maximum of a row and the sum of exp(x - maximum), found in one pass; float64 rows in double. */
template <class T>
struct AccumulatorOf {
  using type = float;
};
template <>
struct AccumulatorOf<double> {
  using type = double;
};
template <class T>
using Accumulator = typename AccumulatorOf<T>::type;

inline double exp_below(double x, double max) { return ::exp(x - max); }
inline float log_of(float x) { return logf(x); }
inline double log_of(double x) { return ::log(x); }
template <class A>
inline bool is_infinite(A x) {
  return x == A(kInfinity) || x == A(-kInfinity);
}

template <class A>
struct RowState {
  A max, sum;
};

template <class T, int Threads, int N>
inline RowState<Accumulator<T>> row_state(const T* x, long long n) {
  using A = Accumulator<T>;
  __shared__ A shared_max[32];
  __shared__ A shared_sum[32];
  constexpr int kUnroll = 4;
  constexpr long long kStep = static_cast<long long>(Threads) * N;
  A max = A(-kInfinity), sum = A(0);
  auto take = [&](A value) {
    if (value > max || value != value) {
      sum = max == A(-kInfinity) ? A(0) : sum * exp_below(max, value);
      max = value;
    }
    if (value != A(-kInfinity)) sum += exp_below(value, max);
  };
  long long at = static_cast<long long>(threadIdx.x) * N;
  for (; at + (kUnroll - 1) * kStep < n; at += kUnroll * kStep) {
    Vec<T, N> v[kUnroll];
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) v[u] = load_vec<T, N>(x + at + u * kStep);
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
#pragma unroll
      for (int j = 0; j < N; ++j) take(static_cast<A>(widen<T>(v[u].v[j])));
    }
  }
  for (; at < n; at += kStep) {
    Vec<T, N> v = load_vec<T, N>(x + at);
#pragma unroll
    for (int j = 0; j < N; ++j) take(static_cast<A>(widen<T>(v.v[j])));
  }
  A row_max = block_reduce<Threads>(Max(), max, shared_max);
  // A thread that saw nothing, or only -inf, adds nothing.
  A part = max == A(-kInfinity) ? A(0) : max == row_max ? sum : sum * exp_below(max, row_max);
  return {row_max, block_reduce<Threads>(Sum(), part, shared_sum)};
}

template <class A>
inline A log_sum_exp(RowState<A> state) {
  return is_infinite(state.max) ? state.max : state.max + log_of(state.sum);
}

/** Rows of any length: read twice. */
template <class T, int Threads, int N>
inline void softmax_long_row(const RowArgs& a) {
  wait_for_inputs();
  let_next_kernel_start();
  using A = Accumulator<T>;
  const T* x = static_cast<const T*>(a.x) + static_cast<long long>(blockIdx.x) * a.n;
  T* out = static_cast<T*>(a.out) + static_cast<long long>(blockIdx.x) * a.n;
  RowState<A> state = row_state<T, Threads, N>(x, a.n);
  A scale = A(1) / state.sum;
  for (long long at = static_cast<long long>(threadIdx.x) * N; at < a.n; at += static_cast<long long>(Threads) * N) {
    Vec<T, N> v = load_vec<T, N>(x + at);
#pragma unroll
    for (int j = 0; j < N; ++j) {
      v.v[j] = narrow<T>(exp_below(static_cast<A>(widen<T>(v.v[j])), state.max) * scale);
    }
    store_vec<T, N>(out + at, v);
  }
}

/** log(sum(exp(x))) of a row; a row is handled by `Threads` threads of one block. */
template <class T, int Threads, int Vecs, int N>
inline void logsumexp_row(const RowArgs& a) {
  wait_for_inputs();
  let_next_kernel_start();
  __shared__ float shared_max[32];
  __shared__ float shared_sum[32];
  long long row = blockIdx.x;
  RowInRegisters<T, Threads, Vecs, N> x;
  x.load(static_cast<const T*>(a.x) + row * a.n, a.n, -kInfinity);
  float max = block_reduce<Threads>(Max(), x.fold(Max(), -kInfinity), shared_max);
  float shift = max == kInfinity || max == -kInfinity ? 0.0f : max;
  float sum = x.fold([=](float total, float value) { return total + exp_below(value, shift); }, 0.0f);
  sum = block_reduce<Threads>(Sum(), sum, shared_sum);
  if (threadIdx.x == 0) {
    float result = max == kInfinity || max == -kInfinity ? max : logf(sum) + shift;
    static_cast<T*>(a.out)[row] = narrow<T>(result);
  }
}

template <class T, int Threads, int N>
inline void logsumexp_long_row(const RowArgs& a) {
  wait_for_inputs();
  let_next_kernel_start();
  const T* x = static_cast<const T*>(a.x) + static_cast<long long>(blockIdx.x) * a.n;
  auto result = log_sum_exp(row_state<T, Threads, N>(x, a.n));
  if (threadIdx.x == 0) static_cast<T*>(a.out)[blockIdx.x] = narrow<T>(result);
}

/** The class of a row, held inside [0, n). */
template <class Index>
inline long long class_of(const CrossEntropyArgs& a, long long row) {
  long long index = static_cast<long long>(static_cast<const Index*>(a.targets)[row]);
  if (index < 0) index += a.n;
  return index < 0 ? 0 : index >= a.n ? a.n - 1 : index;
}

/** logsumexp(row) - row[target], in float. */
template <class T, class Index, int Threads, int N>
inline void cross_entropy_row(const CrossEntropyArgs& a) {
  wait_for_inputs();
  let_next_kernel_start();
  long long row = blockIdx.x;
  const T* x = static_cast<const T*>(a.logits) + row * a.n;
  float lse = static_cast<float>(log_sum_exp(row_state<T, Threads, N>(x, a.n)));
  if (threadIdx.x == 0) {
    static_cast<float*>(a.out)[row] = lse - static_cast<float>(widen<T>(x[class_of<Index>(a, row)]));
  }
}

/** (softmax(row) - one_hot(target)) * cotangent. */
template <class T, class Index, int Threads, int N>
inline void cross_entropy_grad_row(const CrossEntropyArgs& a) {
  wait_for_inputs();
  let_next_kernel_start();
  using A = Accumulator<T>;
  long long row = blockIdx.x;
  const T* x = static_cast<const T*>(a.logits) + row * a.n;
  T* out = static_cast<T*>(a.out) + row * a.n;
  RowState<A> state = row_state<T, Threads, N>(x, a.n);
  A cotangent = static_cast<A>(a.cotangent[row]);
  A scale = A(1) / state.sum;
  long long target = class_of<Index>(a, row);
  for (long long at = static_cast<long long>(threadIdx.x) * N; at < a.n; at += static_cast<long long>(Threads) * N) {
    Vec<T, N> v = load_vec<T, N>(x + at);
#pragma unroll
    for (int j = 0; j < N; ++j) {
      A p = exp_below(static_cast<A>(widen<T>(v.v[j])), state.max) * scale;
      v.v[j] = narrow<T>((p - (at + j == target ? A(1) : A(0))) * cotangent);
    }
    store_vec<T, N>(out + at, v);
  }
}

}  // namespace mlx_device
