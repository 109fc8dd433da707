// Reductions of rows and columns in an order fixed by the shape: same bits on every run and every GPU.
#pragma once

#include "args.h"
#include "block.cuh"
#include "element.cuh"

namespace mlx_device {

/** Reduction operators over an accumulator type; `start` is neutral. */
struct ReduceSum {
  template <class A>
  static A start() {
    if constexpr (Same<A, complex_t>::value) return {0.0f, 0.0f};
    else return A(0);
  }
  template <class A>
  A operator()(A a, A b) const {
    return add(a, b);
  }
};
struct ReduceProd {
  template <class A>
  static A start() {
    if constexpr (Same<A, complex_t>::value) return {1.0f, 0.0f};
    else return A(1);
  }
  template <class A>
  A operator()(A a, A b) const {
    return mul(a, b);
  }
};
/** The largest value that is below all others, or its mirror. */
template <class A, bool kLargest>
inline A extreme() {
  if constexpr (Same<A, complex_t>::value) {
    float v = kLargest ? kInfinity : -kInfinity;
    return {v, v};
  } else if constexpr (Floating<A>) {
    return kLargest ? A(kInfinity) : A(-kInfinity);
  } else if constexpr (Same<A, bool>::value) {
    return kLargest;
  } else if constexpr (IntegerTraits<A>::is_signed) {
    using U = typename IntegerTraits<A>::unsigned_type;
    A most = static_cast<A>(static_cast<U>(~U(0)) >> 1);
    return kLargest ? most : static_cast<A>(-most - 1);
  } else {
    return kLargest ? static_cast<A>(~A(0)) : A(0);
  }
}
struct ReduceMin {
  template <class A>
  static A start() {
    return extreme<A, true>();
  }
  template <class A>
  A operator()(A a, A b) const {
    return Minimum()(a, b);
  }
};
struct ReduceMax {
  template <class A>
  static A start() {
    return extreme<A, false>();
  }
  template <class A>
  A operator()(A a, A b) const {
    return Maximum()(a, b);
  }
};
struct ReduceAnd {
  template <class A>
  static A start() {
    return true;
  }
  template <class A>
  A operator()(A a, A b) const {
    return a && b;
  }
};
struct ReduceOr {
  template <class A>
  static A start() {
    return false;
  }
  template <class A>
  A operator()(A a, A b) const {
    return a || b;
  }
};

/** What a reduction reads from memory; a tape's value offers the same. */
template <class In>
struct MemorySource {
  const In* in;
  template <int N>
  Vec<In, N> load(long long at) const {
    return load_vec<In, N>(in + at);
  }
};

/** One block a chunk of a row; `inner` is 1. N elements at once. */
template <class Op, class In, class Out, int N, int Threads, class Source>
inline void reduce_rows(const ReduceArgs& a, const Source& source) {
  wait_for_inputs();
  let_next_kernel_start();
  using A = Compute<Out>;
  constexpr int kUnroll = 4;
  __shared__ A shared[32];
  long long row = blockIdx.x / a.splits;
  long long split = blockIdx.x - row * a.splits;
  long long first = split * a.chunk;
  long long last = first + a.chunk < a.n ? first + a.chunk : a.n;
  long long base = row * a.n;
  Op op;
  A total[N];
#pragma unroll
  for (int j = 0; j < N; ++j) total[j] = Op::template start<A>();
  long long at = first + static_cast<long long>(threadIdx.x) * N;
  constexpr long long kStep = static_cast<long long>(Threads) * N;
  for (; at + (kUnroll - 1) * kStep < last; at += kUnroll * kStep) {
    Vec<In, N> v[kUnroll];
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) v[u] = source.template load<N>(base + at + u * kStep);
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
#pragma unroll
      for (int j = 0; j < N; ++j) total[j] = op(total[j], convert<A>(widen<In>(v[u].v[j])));
    }
  }
  for (; at < last; at += kStep) {
    Vec<In, N> v = source.template load<N>(base + at);
#pragma unroll
    for (int j = 0; j < N; ++j) total[j] = op(total[j], convert<A>(widen<In>(v.v[j])));
  }
#pragma unroll
  for (int width = N / 2; width > 0; width /= 2) {
#pragma unroll
    for (int j = 0; j < width; ++j) total[j] = op(total[j], total[j + width]);
  }
  A result = block_reduce<Threads>(op, total[0], shared);
  if (threadIdx.x == 0) static_cast<Out*>(a.out)[blockIdx.x] = narrow<Out>(result);
}

template <class Op, class In, class Out, int N, int Threads>
inline void reduce_rows(const ReduceArgs& a) {
  reduce_rows<Op, In, Out, N, Threads>(a, MemorySource<In>{static_cast<const In*>(a.in)});
}

/** Short rows: `Width` lanes each, several rows a block of 256. */
template <class Op, class In, class Out, int Width, class Source>
inline void reduce_short_rows(const ReduceArgs& a, const Source& source) {
  wait_for_inputs();
  let_next_kernel_start();
  using A = Compute<Out>;
  Op op;
  long long row = static_cast<long long>(blockIdx.x) * (256 / Width) + threadIdx.x / Width;
  A total = Op::template start<A>();
  if (row < a.outer) {
    for (long long i = threadIdx.x % Width; i < a.n; i += Width) {
      total = op(total, convert<A>(widen<In>(source.template load<1>(row * a.n + i).v[0])));
    }
  }
  total = warp_reduce<Width>(op, total);
  if (row < a.outer && threadIdx.x % Width == 0) static_cast<Out*>(a.out)[row] = narrow<Out>(total);
}

template <class Op, class In, class Out, int Width>
inline void reduce_short_rows(const ReduceArgs& a) {
  reduce_short_rows<Op, In, Out, Width>(a, MemorySource<In>{static_cast<const In*>(a.in)});
}

/** Columns: 32 threads side by side with N columns each, 8 rows of them. */
template <class Op, class In, class Out, int N, class Source>
inline void reduce_cols(const ReduceArgs& a, const Source& source) {
  wait_for_inputs();
  let_next_kernel_start();
  using A = Compute<Out>;
  __shared__ A shared[8][32 * N + 1];
  Op op;
  int lane = threadIdx.x & 31;
  int line = threadIdx.x >> 5;
  long long tiles = (a.inner + 32 * N - 1) / (32 * N);
  long long tile = blockIdx.x % tiles;
  long long rest = blockIdx.x / tiles;
  long long split = rest % a.splits;
  long long outer = rest / a.splits;
  long long col = (tile * 32 + lane) * N;
  long long first = split * a.chunk;
  long long last = first + a.chunk < a.n ? first + a.chunk : a.n;
  long long base = outer * a.n * a.inner + col;
  A total[N];
#pragma unroll
  for (int j = 0; j < N; ++j) total[j] = Op::template start<A>();
  if (col < a.inner) {
    constexpr int kUnroll = 4;
    long long i = first + line;
    for (; i + (kUnroll - 1) * 8 < last; i += kUnroll * 8) {
      Vec<In, N> v[kUnroll];
#pragma unroll
      for (int u = 0; u < kUnroll; ++u) v[u] = source.template load<N>(base + (i + u * 8) * a.inner);
#pragma unroll
      for (int u = 0; u < kUnroll; ++u) {
#pragma unroll
        for (int j = 0; j < N; ++j) total[j] = op(total[j], convert<A>(widen<In>(v[u].v[j])));
      }
    }
    for (; i < last; i += 8) {
      Vec<In, N> v = source.template load<N>(base + i * a.inner);
#pragma unroll
      for (int j = 0; j < N; ++j) total[j] = op(total[j], convert<A>(widen<In>(v.v[j])));
    }
  }
#pragma unroll
  for (int j = 0; j < N; ++j) shared[line][lane * N + j] = total[j];
  __syncthreads();
  for (int c = threadIdx.x; c < 32 * N; c += 256) {
    long long at = tile * 32 * N + c;
    if (at >= a.inner) continue;
    A sum = shared[0][c];
#pragma unroll
    for (int l = 1; l < 8; ++l) sum = op(sum, shared[l][c]);
    static_cast<Out*>(a.out)[(outer * a.splits + split) * a.inner + at] = narrow<Out>(sum);
  }
}

template <class Op, class In, class Out, int N>
inline void reduce_cols(const ReduceArgs& a) {
  reduce_cols<Op, In, Out, N>(a, MemorySource<In>{static_cast<const In*>(a.in)});
}

/** A value and where it was found; of equal values the first counts, and a NaN before all numbers. */
template <class A>
struct Found {
  A value;
  uint32_t index;
};

template <bool kMax, class A>
inline bool comes_first(const Found<A>& a, const Found<A>& b) {
  bool a_nan = is_nan(a.value), b_nan = is_nan(b.value);
  if (a_nan || b_nan) return a_nan && (!b_nan || a.index < b.index);
  if (equal(a.value, b.value)) return a.index < b.index;
  return kMax ? greater(a.value, b.value) : less(a.value, b.value);
}

/** The index of the least or greatest element of each row; one block of `Threads` a row, N elements at once. */
template <class In, bool kMax, int N, int Threads>
inline void arg_reduce_rows(const RowArgs& a) {
  wait_for_inputs();
  let_next_kernel_start();
  using A = Compute<In>;
  constexpr int kUnroll = 4;
  __shared__ A shared_value[32];
  __shared__ uint32_t shared_index[32];
  const In* in = static_cast<const In*>(a.x) + static_cast<long long>(blockIdx.x) * a.n;
  // An index beyond all others marks "nothing found yet".
  Found<A> best{extreme<A, !kMax>(), 0xffffffffu};
  auto look = [&](const Vec<In, N>& v, long long at) {
#pragma unroll
    for (int j = 0; j < N; ++j) {
      Found<A> candidate{widen<In>(v.v[j]), static_cast<uint32_t>(at + j)};
      if (comes_first<kMax>(candidate, best)) best = candidate;
    }
  };
  constexpr long long kStep = static_cast<long long>(Threads) * N;
  long long at = static_cast<long long>(threadIdx.x) * N;
  for (; at + (kUnroll - 1) * kStep < a.n; at += kUnroll * kStep) {
    Vec<In, N> v[kUnroll];
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) v[u] = load_vec<In, N>(in + at + u * kStep);
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) look(v[u], at + u * kStep);
  }
  for (; at < a.n; at += kStep) look(load_vec<In, N>(in + at), at);
  auto combine = [&](const Found<A>& other) {
    if (comes_first<kMax>(other, best)) best = other;
  };
#pragma unroll
  for (int mask = 16; mask > 0; mask /= 2) {
    combine({shuffle_xor(best.value, mask), shuffle_xor(best.index, mask)});
  }
  if constexpr (Threads > 32) {
    if (lane_id() == 0) {
      shared_value[warp_id()] = best.value;
      shared_index[warp_id()] = best.index;
    }
    __syncthreads();
    constexpr int kWarps = Threads / 32;
    best = {shared_value[lane_id() & (kWarps - 1)], shared_index[lane_id() & (kWarps - 1)]};
#pragma unroll
    for (int mask = kWarps / 2; mask > 0; mask /= 2) {
      combine({shuffle_xor(best.value, mask), shuffle_xor(best.index, mask)});
    }
  }
  if (threadIdx.x == 0) static_cast<uint32_t*>(a.out)[blockIdx.x] = best.index;
}

}  // namespace mlx_device
