// Loops over the vectors of a row: for each, sum, maximum. Included once per SIMD target.
#if defined(MLX_BACKEND_CPU_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MLX_BACKEND_CPU_ROWS_INL_H_
#undef MLX_BACKEND_CPU_ROWS_INL_H_
#else
#define MLX_BACKEND_CPU_ROWS_INL_H_
#endif

#include "backend/cpu/simd/math-inl.h"
#include "backend/cpu/simd/memory-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {

using FloatTag = hn::ScalableTag<float>;
using SingleTag = hn::CappedTag<float, 1>;

/** Calls `body(d, i)` for whole vectors and then for single elements of [0, n). */
template <class F>
HWY_INLINE void for_vectors(size_t n, F&& body) {
  const FloatTag d;
  const size_t width = hn::Lanes(d);
  size_t i = 0;
  for (; i + width <= n; i += width) body(d, i);
  for (; i < n; ++i) body(SingleTag(), i);
}

/** The sum of value(d, i) over [0, n): four vectors of partial sums, then the rest one by one. */
template <class F>
HWY_INLINE float sum_vectors(size_t n, F&& value) {
  const FloatTag d;
  const size_t width = hn::Lanes(d);
  auto a = hn::Zero(d);
  auto b = hn::Zero(d);
  auto c = hn::Zero(d);
  auto e = hn::Zero(d);
  size_t i = 0;
  for (; i + 4 * width <= n; i += 4 * width) {
    a = hn::Add(a, value(d, i));
    b = hn::Add(b, value(d, i + width));
    c = hn::Add(c, value(d, i + 2 * width));
    e = hn::Add(e, value(d, i + 3 * width));
  }
  for (; i + width <= n; i += width) a = hn::Add(a, value(d, i));
  float sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(a, b), hn::Add(c, e))));
  for (; i < n; ++i) sum += hn::GetLane(value(SingleTag(), i));
  return sum;
}

/** The maximum of the row, ignoring NaN where there are numbers; -inf for an empty row. */
template <typename T>
HWY_INLINE float max_of_row(const T* x, size_t n) {
  const FloatTag d;
  const size_t width = hn::Lanes(d);
  const float lowest = -std::numeric_limits<float>::infinity();
  auto a = hn::Set(d, lowest);
  auto b = a;
  size_t i = 0;
  for (; i + 2 * width <= n; i += 2 * width) {
    a = hn::Max(a, load_float(d, x + i));
    b = hn::Max(b, load_float(d, x + i + width));
  }
  float best = hn::GetLane(hn::MaxOfLanes(d, hn::Max(a, b)));
  for (; i < n; ++i) {
    float v = hn::GetLane(load_float(SingleTag(), x + i));
    if (v > best) best = v;
  }
  return best;
}

/** Stores past the caches when `stream`, and n and p allow it, else normally. */
template <class T, class F>
HWY_INLINE void store_row(bool stream, T* p, size_t n, F&& value) {
  const FloatTag d;
  const size_t width = hn::Lanes(d);
  if (stream && reinterpret_cast<uintptr_t>(p) % (width * sizeof(T)) == 0) {
    size_t i = 0;
    for (; i + width <= n; i += width) stream_float(d, value(d, i), p + i);
    for (; i < n; ++i) store_float(SingleTag(), value(SingleTag(), i), p + i);
  } else {
    for_vectors(n, [&](auto dv, size_t i) HWY_ATTR { store_float(dv, value(dv, i), p + i); });
  }
}

/** Asks for the line of element i, perhaps of the row to come: a hint only, it may lie outside. */
template <typename T>
HWY_INLINE void prefetch_to_l2(const T* p, size_t i) {
#if defined(__GNUC__)
  __builtin_prefetch(reinterpret_cast<const void*>(reinterpret_cast<uintptr_t>(p) + i * sizeof(T)),
                     0, 2);
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#endif
