// What the drivers of the reductions share: one reduction with its kernels, its reads and writes.
#pragma once

#include <limits>

#include "backend/cpu/reduce_layout.h"
#include "base/dispatch.h"
#include "mlx/types/complex.h"

namespace mlx::core::cpu {

inline constexpr int64_t kTaskElements = 65536;       // the least a thread is given
inline constexpr int64_t kSegmentElements = 1 << 18;  // long rows and tall columns are cut here

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

template <typename T>
T identity_of(ReduceOp op) {
  if constexpr (std::is_same_v<T, complex64_t>) {
    constexpr float kInf = std::numeric_limits<float>::infinity();
    switch (op) {
      case ReduceOp::sum:
        return {0.0f, 0.0f};
      case ReduceOp::prod:
        return {1.0f, 0.0f};
      case ReduceOp::min:
        return {kInf, kInf};
      case ReduceOp::max:
        return {-kInf, -kInf};
    }
  } else {
    using Limits = std::numeric_limits<T>;
    switch (op) {
      case ReduceOp::sum:
        return T(0);
      case ReduceOp::prod:
        return T(1);
      case ReduceOp::min:
        return Limits::has_infinity ? Limits::infinity() : Limits::max();
      case ReduceOp::max:
        return Limits::has_infinity ? static_cast<T>(-Limits::infinity()) : Limits::lowest();
    }
  }
  throw_internal("unknown reduction");
}

template <typename T>
T combine(ReduceOp op, T a, T b) {
  switch (op) {
    case ReduceOp::sum:
      if constexpr (std::is_integral_v<T>)
        return static_cast<T>(uint64_t(a) + uint64_t(b));
      else
        return a + b;
    case ReduceOp::prod:
      if constexpr (std::is_integral_v<T>)
        return static_cast<T>(uint64_t(a) * uint64_t(b));
      else
        return a * b;
    case ReduceOp::min:
      return a == a && (b < a || b != b) ? b : a;
    case ReduceOp::max:
      return a == a && (b > a || b != b) ? b : a;
  }
  throw_internal("unknown reduction");
}

struct ReduceJob {
  ReduceOp op;
  Dtype storage;
  Dtype accumulator;  // bool_: whether elements differ from zero, as uint8
  const char* data;   // the first element
  ReduceLayout layout;
  char* out;
  Dtype out_dtype;
  const ElementSource* source;   // where the elements come from, or nullptr: memory
  const ReduceKernels* kernels;  // on accumulators
  const ReduceKernels* direct;   // on the storage type, or nullptr

  const void* at(int64_t offset) const {
    return data + offset * static_cast<int64_t>(storage.size());
  }
  void load(const void* from, int64_t stride, int64_t n, void* to) const {
    load_accumulators(storage, accumulator, from, stride, n, to);
  }

  /** Copies elements [begin, begin + count) of a sequence of dimensions into accumulators. */
  template <typename A>
  void gather(const Dims& dims, int64_t base, int64_t begin, int64_t count, A* to) const {
    for_each_run(dims, begin, count, [&](int64_t offset, int64_t n, int64_t stride) {
      load(at(base + offset), stride, n, to);
      to += n;
    });
  }

  /** Writes results [first, first + count), numbered in the order of layout.kept. */
  template <typename V>
  void store(int64_t first, int64_t count, const V* values) const {
    dispatch_dtype(out_dtype, [&](auto tag) {
      using T = typename decltype(tag)::type;
      auto to = reinterpret_cast<T*>(out) + layout.out_base;
      for_each_run(layout.out, first, count, [&](int64_t offset, int64_t n, int64_t stride) {
        if constexpr (std::is_same_v<V, complex64_t> != std::is_same_v<T, complex64_t>) {
          throw_internal("a reduction of complex numbers stays complex");
        } else {
          // A float64 total is rounded to float32 before it is rounded to 16 bits.
          using Step = std::conditional_t<sizeof(T) == 2 && !std::is_integral_v<T>, float, T>;
          for (int64_t i = 0; i < n; ++i) {
            to[offset + i * stride] = static_cast<T>(static_cast<Step>(values[i]));
          }
        }
        values += n;
      });
    });
  }
};

/** Reductions along rows and down columns; the result is not empty, nor are the rows. */
void reduce_rows(const ReduceJob& job);
void reduce_columns(const ReduceJob& job);

/** Calls f(TypeTag<A>) with the type of the accumulators. */
template <typename F>
void dispatch_accumulator(Dtype accumulator, F&& f) {
  switch (accumulator.val()) {
    case Dtype::Val::bool_:
    case Dtype::Val::uint8:
      return f(TypeTag<uint8_t>{});
    case Dtype::Val::int8:
      return f(TypeTag<int8_t>{});
    case Dtype::Val::uint16:
      return f(TypeTag<uint16_t>{});
    case Dtype::Val::int16:
      return f(TypeTag<int16_t>{});
    case Dtype::Val::int32:
      return f(TypeTag<int32_t>{});
    case Dtype::Val::uint32:
      return f(TypeTag<uint32_t>{});
    case Dtype::Val::int64:
      return f(TypeTag<int64_t>{});
    case Dtype::Val::uint64:
      return f(TypeTag<uint64_t>{});
    case Dtype::Val::float32:
      return f(TypeTag<float>{});
    case Dtype::Val::float64:
      return f(TypeTag<double>{});
    case Dtype::Val::complex64:
      return f(TypeTag<complex64_t>{});
    default:
      throw_internal("no accumulator for this dtype");
  }
}

/** Calls f(TypeTag<A>, TypeTag<Total>) with the types of accumulators and totals. */
template <typename F>
void dispatch_totals(const ReduceJob& job, F&& f) {
  dispatch_accumulator(job.accumulator, [&]<typename A>(TypeTag<A> tag) {
    if constexpr (std::is_same_v<A, float>) {
      if (job.op == ReduceOp::sum || job.op == ReduceOp::prod) return f(tag, TypeTag<double>{});
    }
    f(tag, tag);
  });
}

}  // namespace mlx::core::cpu
