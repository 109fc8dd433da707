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

#if HWY_TARGET <= HWY_AVX3
/** The 16-bit elements that stand for two vectors of floats, in one vector. */
template <typename T>
HWY_INLINE auto round_pair(FloatTag d, hn::Vec<FloatTag> low, hn::Vec<FloatTag> high) {
  const hn::ScalableTag<uint16_t> d16;
  if constexpr (std::is_same_v<T, bfloat16_t>) {
    // The upper halves, once rounded; a NaN is rare and goes its own way.
    const hn::RebindToUnsigned<FloatTag> du;
    auto rounded = [&](auto v) HWY_ATTR {
      const auto bits = hn::BitCast(du, v);
      const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1));
      return hn::Add(bits, hn::Add(odd, hn::Set(du, 0x7fff)));
    };
    const auto nan = hn::Or(hn::IsNaN(low), hn::IsNaN(high));
    if (HWY_LIKELY(hn::AllFalse(d, nan))) {
      const auto odd_places = hn::Add(hn::ShiftLeft<1>(hn::Iota(d16, 0)), hn::Set(d16, 1));
      return hn::Vec<decltype(d16)>{
          _mm512_permutex2var_epi16(rounded(low).raw, odd_places.raw, rounded(high).raw)};
    }
  }
  return hn::Combine(d16, round_to_16_bits<T>(d, high), round_to_16_bits<T>(d, low));
}
#endif

/** Stores past the caches when `stream`, and n and p allow it, else normally. */
template <class T, class F>
HWY_INLINE void store_row(bool stream, T* p, size_t n, F&& value) {
  const FloatTag d;
  const size_t width = hn::Lanes(d);
  const auto address = reinterpret_cast<uintptr_t>(p);
  size_t i = 0;
#if HWY_TARGET <= HWY_AVX3
  if constexpr (sizeof(T) == 2) {
    const hn::ScalableTag<uint16_t> d16;
    auto to = reinterpret_cast<uint16_t*>(p);
    const bool past = stream && address % (2 * width * sizeof(T)) == 0;
    for (; i + 2 * width <= n && (past || !stream); i += 2 * width) {
      const auto pair = round_pair<T>(d, value(d, i), value(d, i + width));
      if (past)
        hn::Stream(pair, d16, to + i);
      else
        hn::StoreU(pair, d16, to + i);
    }
  }
#endif
  if (stream && address % (width * sizeof(T)) == 0) {
    for (; i + width <= n; i += width) stream_float(d, value(d, i), p + i);
  }
  for (; i + width <= n; i += width) store_float(d, value(d, i), p + i);
  for (; i < n; ++i) store_float(SingleTag(), value(SingleTag(), i), p + i);
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
