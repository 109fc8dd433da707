// The GEMM micro-kernels: a register tile of C updated by one outer product per step of k.
#include <algorithm>
#include <array>
#include <utility>

#include "backend/cpu/gemm/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/gemm/micro.simd.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Registers decide the tile: accumulators + one row of b + one broadcast of a.
#if HWY_TARGET <= HWY_AVX3
constexpr int kRows = 14;
constexpr const char* kName = "AVX-512 14x2";
#elif HWY_TARGET <= HWY_AVX2
constexpr int kRows = 6;
constexpr const char* kName = "AVX2 6x2";
#elif HWY_TARGET <= HWY_SSE4 || HWY_TARGET == HWY_SSE2 || HWY_TARGET == HWY_SSSE3
constexpr int kRows = 4;
constexpr const char* kName = "SSE 4x2";
#else
constexpr int kRows = 8;
constexpr const char* kName = "generic 8x2";
#endif
constexpr int kVectors = 2;

// Below AVX2 a masked access is a whole one with a select, which may touch what follows the array.
constexpr bool kHasMaskedAccess = HWY_TARGET <= HWY_AVX2;

template <typename D, typename T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> load_first(D d, const T* src, hn::Mask<D> mask, int count) {
  if constexpr (kHasMaskedAccess) return hn::MaskedLoad(mask, d, src);
  HWY_ALIGN T buffer[hn::MaxLanes(D())] = {};
  std::copy(src, src + count, buffer);
  return hn::Load(d, buffer);
}

template <typename D, typename T = hn::TFromD<D>>
HWY_INLINE void store_first(hn::Vec<D> v, D d, T* dst, hn::Mask<D> mask, int count) {
  if constexpr (kHasMaskedAccess) return hn::BlendedStore(v, mask, d, dst);
  HWY_ALIGN T buffer[hn::MaxLanes(D())];
  hn::Store(v, d, buffer);
  std::copy(buffer, buffer + count, dst);
}

/** Hides from the compiler how a pointer was made, so that it stays in a register of its own. */
template <typename T>
HWY_INLINE void keep_apart(T*& pointer) {
#if defined(__GNUC__)
  asm("" : "+r"(pointer));
#endif
}

// Rows of a in place are addressed from one of several pointers by small multiples of the stride:
// one register for each row would leave too few.
constexpr int row_group(int rows, bool packed) { return packed ? rows : 5; }

/** One step of k. */
template <int kM, int kV, bool kMasked, bool kPackedA, typename T, typename V, typename M>
HWY_INLINE void add_outer_product(V (&sums)[kM][kV], const T** rows, int64_t a_row, int64_t a_k,
                                  const T* HWY_RESTRICT b, M mask, int rest, const T* soon) {
  const hn::ScalableTag<T> d;
  constexpr int kLanes = static_cast<int>(hn::MaxLanes(hn::ScalableTag<T>()));
  constexpr int kGroup = row_group(kM, kPackedA);
  constexpr int kGroups = (kM + kGroup - 1) / kGroup;
#pragma GCC unroll 4
  for (int g = 1; g < kGroups; ++g) keep_apart(rows[g]);
  __builtin_prefetch(soon);
  if (kV > 1) __builtin_prefetch(soon + kLanes);
  V row[kV];
#pragma GCC unroll 2
  for (int j = 0; j < kV; ++j) {
    if (kMasked && j == kV - 1) {
      row[j] = load_first(d, b + j * kLanes, mask, rest);
    } else {
      row[j] = hn::LoadU(d, b + j * kLanes);
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < kM; ++i) {
    const V scalar = hn::Set(d, rows[i / kGroup][kPackedA ? i : i % kGroup * a_row]);
#pragma GCC unroll 2
    for (int j = 0; j < kV; ++j) sums[i][j] = hn::MulAdd(scalar, row[j], sums[i][j]);
  }
#pragma GCC unroll 4
  for (int g = 0; g < kGroups; ++g) rows[g] += a_k;
}

template <int kM, int kV, bool kMasked, bool kPackedA, typename T>
HWY_NOINLINE void tile(int n, int64_t k, const T* HWY_RESTRICT a, int64_t a_row, int64_t a_k,
                       const T* HWY_RESTRICT b, int64_t b_k, T* HWY_RESTRICT c, int64_t ldc,
                       bool accumulate, const T* soon, int64_t soon_k) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  constexpr int kLanes = static_cast<int>(hn::MaxLanes(hn::ScalableTag<T>()));
  // Only the last vector can be partial.
  [[maybe_unused]] const int rest = n - (kV - 1) * kLanes;
  [[maybe_unused]] const auto mask = hn::FirstN(d, static_cast<size_t>(rest));
  V sums[kM][kV];
  if (accumulate) {
    const T* from = c;
#pragma GCC unroll 16
    for (int i = 0; i < kM; ++i, from += ldc) {
#pragma GCC unroll 2
      for (int j = 0; j < kV; ++j) {
        if (kMasked && j == kV - 1) {
          sums[i][j] = load_first(d, from + j * kLanes, mask, rest);
        } else {
          sums[i][j] = hn::LoadU(d, from + j * kLanes);
        }
      }
    }
  } else {
#pragma GCC unroll 16
    for (int i = 0; i < kM; ++i) {
#pragma GCC unroll 2
      for (int j = 0; j < kV; ++j) sums[i][j] = hn::Zero(d);
    }
  }
  constexpr int kGroup = row_group(kM, kPackedA);
  constexpr int kGroups = (kM + kGroup - 1) / kGroup;
  const T* rows[kGroups];
  for (int g = 0; g < kGroups; ++g) rows[g] = a + g * kGroup * a_row;
#pragma GCC unroll 4
  for (int64_t step = 0; step < k; ++step, b += b_k, soon += soon_k) {
    add_outer_product<kM, kV, kMasked, kPackedA>(sums, rows, a_row, a_k, b, mask, rest, soon);
  }
#pragma GCC unroll 16
  for (int i = 0; i < kM; ++i, c += ldc) {
#pragma GCC unroll 2
    for (int j = 0; j < kV; ++j) {
      if (kMasked && j == kV - 1) {
        store_first(sums[i][j], d, c + j * kLanes, mask, rest);
      } else {
        hn::StoreU(sums[i][j], d, c + j * kLanes);
      }
    }
  }
}

template <int kM, typename T>
void run_rows(int n, int64_t k, const T* a, int64_t a_row, int64_t a_k, const T* b, int64_t b_k,
              T* c, int64_t ldc, bool accumulate, const T* soon, int64_t soon_k) {
  constexpr int kLanes = static_cast<int>(hn::MaxLanes(hn::ScalableTag<T>()));
  const bool packed = a_row == 1;
  if (n == kVectors * kLanes) {
    packed
        ? tile<kM, 2, false, true>(n, k, a, a_row, a_k, b, b_k, c, ldc, accumulate, soon, soon_k)
        : tile<kM, 2, false, false>(n, k, a, a_row, a_k, b, b_k, c, ldc, accumulate, soon, soon_k);
  } else if (n > kLanes) {
    packed
        ? tile<kM, 2, true, true>(n, k, a, a_row, a_k, b, b_k, c, ldc, accumulate, soon, soon_k)
        : tile<kM, 2, true, false>(n, k, a, a_row, a_k, b, b_k, c, ldc, accumulate, soon, soon_k);
  } else {
    packed
        ? tile<kM, 1, true, true>(n, k, a, a_row, a_k, b, b_k, c, ldc, accumulate, soon, soon_k)
        : tile<kM, 1, true, false>(n, k, a, a_row, a_k, b, b_k, c, ldc, accumulate, soon, soon_k);
  }
}

template <typename T>
using RunRows = void (*)(int, int64_t, const T*, int64_t, int64_t, const T*, int64_t, T*, int64_t,
                         bool, const T*, int64_t);

template <typename T, int... kIndex>
constexpr std::array<RunRows<T>, kRows> run_table(std::integer_sequence<int, kIndex...>) {
  return {&run_rows<kIndex + 1, T>...};
}

template <typename T>
void run(int m, int n, int64_t k, const T* a, int64_t a_row, int64_t a_k, const T* b, int64_t b_k,
         T* c, int64_t ldc, bool accumulate, const T* soon, int64_t soon_k) {
  static constexpr auto kTable = run_table<T>(std::make_integer_sequence<int, kRows>());
  kTable[m - 1](n, k, a, a_row, a_k, b, b_k, c, ldc, accumulate, soon, soon_k);
}

template <typename T>
const MicroKernel<T>& table_row() {
  constexpr int kLanes = static_cast<int>(hn::MaxLanes(hn::ScalableTag<T>()));
  static constexpr MicroKernel<T> kernel{kName, kRows, kVectors * kLanes, kLanes, &run<T>};
  return kernel;
}

const MicroKernel<float>& float_kernel() { return table_row<float>(); }
const MicroKernel<double>& double_kernel() { return table_row<double>(); }

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mlx::core::cpu {

HWY_EXPORT(float_kernel);
HWY_EXPORT(double_kernel);

template <>
const MicroKernel<float>& micro_kernel<float>() {
  return HWY_DYNAMIC_DISPATCH(float_kernel)();
}

template <>
const MicroKernel<double>& micro_kernel<double>() {
  return HWY_DYNAMIC_DISPATCH(double_kernel)();
}

}  // namespace mlx::core::cpu
#endif
