// Reads and writes at computed places. A read outside an axis takes the nearest element, a write is dropped.
#pragma once

#include "reduce.cuh"

namespace mlx_device {

constexpr long long kDropped = static_cast<long long>(1ull << 63);

template <class Index>
inline long long start_of(Index value, long long length) {
  long long index;
  if constexpr (Same<Index, uint64_t>::value) {
    index = value > 0x7fffffffffffffffull ? 0x7fffffffffffffffLL : static_cast<long long>(value);
  } else {
    index = static_cast<long long>(value);
  }
  return index < 0 ? index + length : index;
}

inline long long nearest_start(long long start, long long max_start) {
  if (max_start < 0) max_start = 0;
  return start < 0 ? 0 : start > max_start ? max_start : start;
}

template <class Index>
inline long long gather_offset(const IndexArgs& a, long long position) {
  long long offset = 0;
  for (int k = 0; k < a.num_indices; ++k) {
    long long start = start_of(static_cast<const Index*>(a.indices[k])[position], a.lengths[k]);
    offset += nearest_start(start, a.max_starts[k]) * a.axis_strides[k];
  }
  return offset;
}
template <class Index>
inline long long scatter_offset(const IndexArgs& a, long long position) {
  long long offset = 0;
  for (int k = 0; k < a.num_indices; ++k) {
    long long start = start_of(static_cast<const Index*>(a.indices[k])[position], a.lengths[k]);
    if (start < 0 || start > a.max_starts[k]) return kDropped;
    offset += start * a.axis_strides[k];
  }
  return offset;
}

/** Calls f(d, c) with the coordinates of element `rest` of `shape`, counted row-major; innermost first. */
template <int kDims, class F>
inline void for_coordinates(long long rest, const long long (&shape)[kMaxDims], F f) {
#pragma unroll
  for (int d = 0; d < kDims; ++d) {
    long long next = d + 1 == kDims && kDims < kMaxDims ? 0 : rest / shape[d];
    f(d, rest - next * shape[d]);
    rest = next;
  }
}

template <int kDims>
inline long long slice_offset(const IndexArgs& a, long long within) {
  long long offset = 0;
  for_coordinates<kDims>(within, a.shape, [&](int d, long long c) { offset += c * a.strides[d]; });
  return offset;
}

/** T is a unit of bits, possibly several elements; strides count in units. */
template <class T, class Index, int kDims>
inline void gather(const IndexArgs& a) {
  long long at = start_element();
  if (at >= a.positions * a.slice) return;
  long long position = at / a.slice;
  long long within = at - position * a.slice;
  long long offset = gather_offset<Index>(a, position) + slice_offset<kDims>(a, within);
  static_cast<T*>(a.out)[at] = static_cast<const T*>(a.in)[offset];
}

template <class T, class Index>
inline void gather_axis(const AxisArgs& a) {
  long long at = start_element();
  if (at >= a.pre * a.index_length * a.post) return;
  long long row = at / (a.index_length * a.post);
  long long column = at % a.post;
  long long start = nearest_start(start_of(static_cast<const Index*>(a.indices)[at], a.length), a.length - 1);
  static_cast<T*>(a.out)[at] = static_cast<const T*>(a.in)[(row * a.length + start) * a.post + column];
}

struct Assign {
  template <class A>
  A operator()(A, A update) const {
    return update;
  }
};

template <class Op, class T>
inline void apply_update(Op op, T* target, T update) {
  *target = narrow<T>(op(widen<T>(*target), widen<T>(update)));
}

/** Where each position goes, as a sort key: dropped ones go last. */
template <class Index>
inline void scatter_keys(const IndexArgs& a) {
  long long at = start_element();
  if (at >= a.positions) return;
  long long offset = scatter_offset<Index>(a, at);
  static_cast<uint64_t*>(a.out)[at] = offset == kDropped ? ~0ull : static_cast<uint64_t>(offset);
}

/** Sorted positions: whoever meets the first of those that go to one place applies them all in order. */
template <class T, class Op, int kDims>
inline void scatter_sorted(const IndexArgs& a) {
  long long at = start_element();
  if (at >= a.positions * a.slice) return;
  long long rank = at / a.slice;
  long long within = at - rank * a.slice;
  const uint64_t* keys = static_cast<const uint64_t*>(a.keys);
  const uint32_t* order = static_cast<const uint32_t*>(a.order);
  uint64_t key = keys[rank];
  if (key == ~0ull || (rank > 0 && keys[rank - 1] == key)) return;
  T* target = static_cast<T*>(a.out) + static_cast<long long>(key) + slice_offset<kDims>(a, within);
  Compute<T> value = widen<T>(*target);
  for (; rank < a.positions && keys[rank] == key; ++rank) {
    // Each update is rounded, as if it were applied alone.
    value = rounded<T>(Op()(value, widen<T>(static_cast<const T*>(a.in)[order[rank] * a.slice + within])));
  }
  *target = narrow<T>(value);
}

/** Slices that may overlap: one thread applies everything in order. */
template <class T, class Op, class Index, int kDims>
inline void scatter_in_order(const IndexArgs& a) {
  wait_for_inputs();
  let_next_kernel_start();
  if (blockIdx.x != 0 || threadIdx.x != 0) return;
  for (long long p = 0; p < a.positions; ++p) {
    long long offset = scatter_offset<Index>(a, p);
    if (offset == kDropped) continue;
    for (long long w = 0; w < a.slice; ++w) {
      apply_update(Op(), static_cast<T*>(a.out) + offset + slice_offset<kDims>(a, w),
                   static_cast<const T*>(a.in)[p * a.slice + w]);
    }
  }
}

/** Lines along the axis are independent; each is one thread's. */
template <class T, class Op, class Index>
inline void scatter_axis(const AxisArgs& a) {
  long long line = start_element();
  if (line >= a.pre * a.post) return;
  long long row = line / a.post, column = line % a.post;
  T* out = static_cast<T*>(a.out) + row * a.length * a.post + column;
  for (long long i = 0; i < a.index_length; ++i) {
    long long at = (row * a.index_length + i) * a.post + column;
    long long start = start_of(static_cast<const Index*>(a.indices)[at], a.length);
    if (start >= 0 && start < a.length) apply_update(Op(), out + start * a.post, static_cast<const T*>(a.in)[at]);
  }
}

/** The shift of a slice whose starts are in device memory. */
template <class Start, bool kDrop>
inline long long slice_shift(const SliceArgs& a) {
  long long shift = 0;
  for (int k = 0; k < a.num_starts; ++k) {
    long long start = start_of(static_cast<const Start*>(a.starts)[k * a.starts_stride], a.start_axis_lengths[k]);
    if (kDrop && (start < 0 || start > a.start_lengths[k])) return kDropped;
    shift += nearest_start(start, a.start_lengths[k]) * a.start_strides[k];
  }
  return shift;
}

template <class T, class Op, class Start>
inline void slice_update(const SliceArgs& a) {
  long long at = start_element();
  if (at >= a.size) return;
  long long shift = slice_shift<Start, true>(a);
  if (shift == kDropped) return;
  long long in = 0, out = shift;
  for_coordinates<kMaxDims>(at, a.shape, [&](int d, long long c) {
    in += c * a.in_strides[d];
    out += c * a.out_strides[d];
  });
  apply_update(Op(), static_cast<T*>(a.out) + out, static_cast<const T*>(a.in)[in]);
}

template <class T, class Start>
inline void dynamic_slice(const SliceArgs& a) {
  long long at = start_element();
  if (at >= a.size) return;
  long long in = slice_shift<Start, false>(a);
  for_coordinates<kMaxDims>(at, a.shape, [&](int d, long long c) { in += c * a.in_strides[d]; });
  static_cast<T*>(a.out)[at] = static_cast<const T*>(a.in)[in];
}

/** Where the mask holds, the next element of the row's source; `order` counts the mask up to each place. */
template <class T>
inline void masked_scatter(const IndexArgs& a) {
  long long at = start_element();
  if (at >= a.positions) return;
  if (!static_cast<const bool*>(a.indices[0])[at]) return;
  long long row = at / a.lengths[0];
  long long from = static_cast<const int32_t*>(a.order)[at];
  if (from < a.slice) static_cast<T*>(a.out)[at] = static_cast<const T*>(a.in)[row * a.slice + from];
}

}  // namespace mlx_device
