// Running reductions of rows and columns, in an order fixed by the shape.
#pragma once

#include "reduce.cuh"

namespace mlx_device {

struct ReduceLogAddExp {
  template <class A>
  static A start() {
    if constexpr (Same<A, complex_t>::value) return {-kInfinity, 0.0f};
    else return A(-kInfinity);
  }
  template <class A>
  A operator()(A a, A b) const {
    return logaddexp(a, b);
  }
};

/** One block of `Threads` a chunk of a row; N neighbours a thread in each tile. */
template <class Op, class In, class Out, int N, int Threads>
inline void scan_rows(const ScanArgs& a) {
  wait_for_inputs();
  let_next_kernel_start();
  using A = Compute<Out>;
  constexpr int kWarps = Threads / 32;
  __shared__ A all_totals[2][kWarps];  // of this tile and the last: one barrier a tile is enough
  Op op;
  long long row = blockIdx.x / a.splits;
  long long split = blockIdx.x - row * a.splits;
  const In* in = static_cast<const In*>(a.in) + row * a.n;
  Out* out = static_cast<Out*>(a.out) + row * a.n;
  long long first = split * a.chunk;
  long long last = first + a.chunk < a.n ? first + a.chunk : a.n;
  A carry = a.carry == nullptr ? Op::template start<A>() : static_cast<const A*>(a.carry)[blockIdx.x];
  // Positions count in the direction of the scan inside [first, last).
  long long length = last - first;
  auto place = [&](long long i) { return a.reverse ? last - i - N : first + i; };
  auto fetch = [&](long long i) {
    Vec<In, N> v{};
    if (i < length) v = load_vec<In, N>(in + place(i));
    return v;
  };
  long long at = static_cast<long long>(threadIdx.x) * N;
  Vec<In, N> next = fetch(at);
  int turn = 0;
  for (long long tile = 0; tile < length; tile += Threads * N, at += Threads * N) {
    Vec<In, N> raw = next;
    next = fetch(at + Threads * N);
    bool inside = at < length;
    A sums[N];
    A running = Op::template start<A>();
#pragma unroll
    for (int j = 0; j < N; ++j) {
      // Both places are known at compile time, so that the tile stays in registers.
      In given = a.reverse ? raw.v[N - 1 - j] : raw.v[j];
      A value = inside ? convert<A>(widen<In>(given)) : Op::template start<A>();
      A before = running;
      running = j == 0 ? value : op(running, value);
      sums[j] = a.inclusive ? running : before;
    }
    // Exclusive scan of the threads' totals over the block.
    A inclusive = running;
#pragma unroll
    for (int distance = 1; distance < 32; distance *= 2) {
      A other = shuffle_up(inclusive, distance);
      if (lane_id() >= distance) inclusive = op(other, inclusive);
    }
    A* warp_totals = all_totals[turn];
    turn ^= 1;
    if (lane_id() == 31) warp_totals[warp_id()] = inclusive;
    A before_thread = shuffle_up(inclusive, 1);
    __syncthreads();
    A base = carry;
    A total = carry;
#pragma unroll
    for (int w = 0; w < kWarps; ++w) {
      if (w == warp_id()) base = total;
      total = op(total, warp_totals[w]);
    }
    carry = total;
    if (lane_id() > 0) base = op(base, before_thread);
    if (inside) {
      Vec<Out, N> in_order, result;
#pragma unroll
      for (int j = 0; j < N; ++j) {
        A value = !a.inclusive && j == 0 ? base : op(base, sums[j]);
        in_order.v[j] = narrow<Out>(value);
      }
#pragma unroll
      for (int j = 0; j < N; ++j) result.v[j] = a.reverse ? in_order.v[N - 1 - j] : in_order.v[j];
      store_vec<Out, N>(out + place(at), result);
    }
  }
}

/** [outer, n, inner]: one thread a column. */
template <class Op, class In, class Out>
inline void scan_cols(const ScanArgs& a) {
  wait_for_inputs();
  let_next_kernel_start();
  using A = Compute<Out>;
  long long column = static_cast<long long>(blockIdx.x) * 256 + threadIdx.x;
  if (column >= a.outer * a.inner) return;
  long long base = column / a.inner * a.n * a.inner + column % a.inner;
  const In* in = static_cast<const In*>(a.in) + base;
  Out* out = static_cast<Out*>(a.out) + base;
  Op op;
  A running = Op::template start<A>();
#pragma unroll 4
  for (long long i = 0; i < a.n; ++i) {
    long long at = (a.reverse ? a.n - 1 - i : i) * a.inner;
    A value = convert<A>(widen<In>(in[at]));
    A after = op(running, value);
    out[at] = narrow<Out>(a.inclusive ? after : running);
    running = after;
  }
}

}  // namespace mlx_device
