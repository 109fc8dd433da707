// Row kernels of softmax, logsumexp and cross entropy, for each SIMD target.
#include <algorithm>
#include <limits>

#include "backend/cpu/element/kernels.h"
#include "backend/cpu/softmax_kernels.h"
#include "base/errors.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/softmax.simd.cpp"
#include "hwy/foreach_target.h"
//
#include "backend/cpu/rows-inl.h"

#ifndef MLX_CPU_SOFTMAX_ONCE
#define MLX_CPU_SOFTMAX_ONCE
namespace mlx::core::cpu {

// A sum of exponentials up to here shows that the row's shift was near its maximum.
constexpr float kLargestSum = 1e12f;

/** Rows shorter than a few vectors, and not whole ones, are turned to lie across the vectors. */
constexpr bool is_turned(size_t n) { return n < 128 && n % 16 != 0; }

}  // namespace mlx::core::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {
namespace {

/** exp(x - shift) for a difference up to some 80; beyond, anything but a sensible number. A NaN
 * stays. */
template <class D>
HWY_INLINE hn::Vec<D> exp_of_difference(D d, hn::Vec<D> x, hn::Vec<D> shift) {
  const auto log2e = hn::Set(d, 1.44269504f);
#if HWY_TARGET <= HWY_AVX3
  if constexpr (sizeof(x) == 64) {
    // 2^t: the fraction and the scaling take an instruction each, for any t.
    auto t = hn::MulSub(x, log2e, hn::Mul(shift, log2e));
    auto fraction = hn::Vec<D>{_mm512_reduce_ps(t.raw, _MM_FROUND_FLOOR)};
    auto p = polynomial(fraction, 1.0f, 0.693147063f, 0.240229309f, 0.0554852821f, 0.00967545155f,
                        0.00124678446f, 0.000216129207f);
    return hn::Vec<D>{_mm512_scalef_ps(p.raw, t.raw)};
  } else
#endif
  {
    const auto magic = hn::Set(d, 12582912.0f);  // 1.5 * 2^23: adding it rounds to an integer
    x = upper(hn::Set(d, -106.0f), hn::Sub(x, shift));
    auto n = hn::Sub(hn::MulAdd(x, log2e, magic), magic);
    auto r = hn::NegMulAdd(n, hn::Set(d, 0.693147181f), x);
    auto p = polynomial(r, 1.0f, 1.0f, 0.49999994f, 0.166665211f, 0.041668389f, 0.00836874545f,
                        0.00138145394f);
    return scale_by_power_of_two(p, n);
  }
}

/** What the rounding of the scaled shift above took from a sum of exponentials, as a factor. */
HWY_INLINE float shift_correction(float shift) {
#if HWY_TARGET <= HWY_AVX3
  const SingleTag d;
  const auto log2e = hn::Set(d, 1.44269504f);
  const auto x = hn::Set(d, shift);
  const float lost = hn::GetLane(hn::NegMulAdd(x, log2e, hn::Mul(x, log2e)));
  return lost == lost ? 1.0f + 0.693147181f * lost : 1.0f;
#else
  (void)shift;
  return 1.0f;
#endif
}

template <class D, typename T>
HWY_INLINE hn::Vec<D> exp_at(D d, const T* x, size_t i, float shift) {
  return exp_of_difference(d, load_float(d, x + i), hn::Set(d, shift));
}

/** The sum of exp(x - shift) with a shift that makes it right: a first guess saves the pass that
 * looks for the maximum. `exp_row(shift)` computes and sums the exponentials. */
template <typename T, class F>
HWY_INLINE float sum_with_shift(const T* x, size_t n, float* shift, F&& exp_row) {
  const FloatTag d;
  *shift = n < hn::Lanes(d) ? max_of_row(x, n) : hn::GetLane(hn::MaxOfLanes(d, load_float(d, x)));
  float sum = exp_row(*shift);
  if (HWY_LIKELY(sum > 0 && sum <= kLargestSum)) return sum;
  *shift = max_of_row(x, n);
  return exp_row(*shift);
}

/** Stores element i of a row that is done; `stream` needs an aligned address. */
template <bool kStream, class D, typename T>
HWY_INLINE void put(D d, hn::Vec<D> v, T* p) {
  if constexpr (kStream && !std::is_same_v<D, SingleTag>)
    stream_float(d, v, p);
  else
    store_float(d, v, p);
}

constexpr size_t kAhead = 4096;  // bytes: as far as memory is away

/** While a row's exponentials are computed, the row before is scaled and stored: the arithmetic
 * then hides both the loads and the stores. */
template <bool kStream, typename T>
void softmax_rows(const void* const* rows, size_t count, size_t n, T* out, float* scratch) {
  float* current = scratch;
  float* before = scratch + softmax_scratch(n) / 2;
  float factor = 0;
  T* to = nullptr;
  for (size_t r = 0; r < count; ++r, out += n) {
    auto x = static_cast<const T*>(rows[r]);
    auto exp_row = [&](float shift) HWY_ATTR {
      return sum_vectors(n, [&](auto d, size_t i) HWY_ATTR {
        prefetch_to_l2(x, i + kAhead / sizeof(T));
        auto e = exp_at(d, x, i, shift);
        hn::StoreU(e, d, current + i);
        return e;
      });
    };
    auto exp_row_and_put = [&](float shift) HWY_ATTR {
      return sum_vectors(n, [&](auto d, size_t i) HWY_ATTR {
        prefetch_to_l2(x, i + kAhead / sizeof(T));
        put<kStream>(d, hn::Mul(hn::LoadU(d, before + i), hn::Set(d, factor)), to + i);
        auto e = exp_at(d, x, i, shift);
        hn::StoreU(e, d, current + i);
        return e;
      });
    };
    float shift;
    const float sum = sum_with_shift(x, n, &shift, [&](float s) HWY_ATTR {
      if (to == nullptr) return exp_row(s);
      const float total = exp_row_and_put(s);
      to = nullptr;
      return total;
    });
    factor = 1.0f / sum;
    to = out;
    std::swap(current, before);
  }
  for_vectors(n, [&](auto d, size_t i) HWY_ATTR {
    put<kStream>(d, hn::Mul(hn::LoadU(d, before + i), hn::Set(d, factor)), to + i);
  });
}

/** Lays rows across the vectors: element k of row r goes to turned[k * kSoftmaxRows + r]. */
template <typename T>
void turn_rows(const void* const* rows, size_t count, size_t n, float* staging, float* turned) {
  auto first = static_cast<const T*>(rows[0]);
  bool adjacent = true;
  for (size_t r = 0; r < count; ++r) adjacent &= rows[r] == first + r * n;
  const float* from = staging;
  if (std::is_same_v<T, float> && adjacent) {
    from = reinterpret_cast<const float*>(first);
  } else {
    auto load = [&](const T* x, size_t size, float* to) HWY_ATTR {
      for_vectors(size,
                  [&](auto d, size_t i) HWY_ATTR { hn::StoreU(load_float(d, x + i), d, to + i); });
    };
    if (adjacent) load(first, count * n, staging);
    for (size_t r = 0; r < count && !adjacent; ++r) {
      load(static_cast<const T*>(rows[r]), n, staging + r * n);
    }
  }
  transpose_block(turned, kSoftmaxRows, from, n, n, count, sizeof(float));
  for (size_t k = 0; k < n; ++k) {  // rows that are not there
    std::fill(turned + k * kSoftmaxRows + count, turned + (k + 1) * kSoftmaxRows, 0.0f);
  }
}

/** Replaces turned rows by their exponentials. */
HWY_INLINE void exp_of_turned(float* turned, size_t n, float* maxima, float* sums) {
  const FloatTag d;
  for (size_t r = 0; r < kSoftmaxRows; r += hn::Lanes(d)) {
    float* x = turned + r;
    auto max = hn::Set(d, -std::numeric_limits<float>::infinity());
    for (size_t k = 0; k < n; ++k) max = hn::Max(max, hn::LoadU(d, x + k * kSoftmaxRows));
    auto sum = hn::Zero(d);
    for (size_t k = 0; k < n; ++k) {
      auto e = exp_of_difference(d, hn::LoadU(d, x + k * kSoftmaxRows), max);
      hn::StoreU(e, d, x + k * kSoftmaxRows);
      sum = hn::Add(sum, e);
    }
    hn::StoreU(max, d, maxima + r);
    hn::StoreU(sum, d, sums + r);
  }
}

template <typename T>
void softmax_turned(const void* const* rows, size_t count, size_t n, T* out, float* scratch) {
  const FloatTag d;
  HWY_ALIGN float maxima[kSoftmaxRows];
  HWY_ALIGN float sums[kSoftmaxRows];
  float* staging = scratch + n * kSoftmaxRows;
  turn_rows<T>(rows, count, n, staging, scratch);
  exp_of_turned(scratch, n, maxima, sums);
  for (size_t r = 0; r < kSoftmaxRows; r += hn::Lanes(d)) {
    const auto factor = hn::Div(hn::Set(d, 1.0f), hn::Load(d, sums + r));
    for (size_t k = 0; k < n; ++k) {
      float* e = scratch + k * kSoftmaxRows + r;
      hn::StoreU(hn::Mul(hn::LoadU(d, e), factor), d, e);
    }
  }
  if constexpr (std::is_same_v<T, float>) {
    transpose_block(out, n, scratch, kSoftmaxRows, count, n, sizeof(float));
  } else {
    transpose_block(staging, n, scratch, kSoftmaxRows, count, n, sizeof(float));
    for_vectors(count * n, [&](auto dv, size_t i)
                               HWY_ATTR { store_float(dv, hn::LoadU(dv, staging + i), out + i); });
  }
}

template <typename T>
void softmax(const void* const* rows, size_t count, size_t n, void* out_, float* scratch,
             bool stream) {
  auto out = static_cast<T*>(out_);
  const size_t vector_bytes = hn::Lanes(FloatTag()) * sizeof(T);
  if (is_turned(n)) {
    softmax_turned<T>(rows, count, n, out, scratch);
  } else if (stream && reinterpret_cast<uintptr_t>(out) % vector_bytes == 0 &&
             n * sizeof(T) % vector_bytes == 0) {
    softmax_rows<true>(rows, count, n, out, scratch);
  } else {
    softmax_rows<false>(rows, count, n, out, scratch);
  }
}

template <typename T>
void sums(const void* const* rows, size_t count, size_t n, float* shifts, float* sums,
          float* scratch) {
  if (is_turned(n)) {
    HWY_ALIGN float all[2][kSoftmaxRows];
    turn_rows<T>(rows, count, n, scratch + n * kSoftmaxRows, scratch);
    exp_of_turned(scratch, n, all[0], all[1]);
    for (size_t r = 0; r < count; ++r) {
      shifts[r] = all[0][r];
      sums[r] = all[1][r] * shift_correction(shifts[r]);
    }
    return;
  }
  for (size_t r = 0; r < count; ++r) {
    auto x = static_cast<const T*>(rows[r]);
    sums[r] = sum_with_shift(x, n, &shifts[r], [&](float shift) HWY_ATTR {
      return sum_vectors(n, [&](auto d, size_t i) HWY_ATTR {
        prefetch_to_l2(x, i + kAhead / sizeof(T));
        return exp_at(d, x, i, shift);
      });
    });
    sums[r] *= shift_correction(shifts[r]);
  }
}

template <typename T>
void scaled_exp(const void* x_, size_t n, float shift, float factor, void* out, bool stream) {
  auto x = static_cast<const T*>(x_);
  store_row(stream, static_cast<T*>(out), n, [&](auto d, size_t i) HWY_ATTR {
    prefetch_to_l2(x, i + kAhead / sizeof(T));
    return hn::Mul(exp_at(d, x, i, shift), hn::Set(d, factor));
  });
}

void simd_log_of_sums(const float* shifts, const float* sums, size_t n, float* out) {
  for_vectors(n, [&](auto d, size_t i) HWY_ATTR {
    hn::StoreU(hn::Add(hn::LoadU(d, shifts + i), log(hn::LoadU(d, sums + i))), d, out + i);
  });
}

template <typename T>
constexpr SoftmaxKernels kKernels{softmax<T>, sums<T>, scaled_exp<T>};

const SoftmaxKernels* simd_softmax_kernels(Dtype dtype) {
  switch (dtype.val()) {
    case Dtype::Val::float32:
      return &kKernels<float>;
    case Dtype::Val::float16:
      return &kKernels<float16_t>;
    case Dtype::Val::bfloat16:
      return &kKernels<bfloat16_t>;
    default:
      return nullptr;
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mlx::core::cpu {

HWY_EXPORT(simd_softmax_kernels);
HWY_EXPORT(simd_log_of_sums);

size_t softmax_sums_scratch(size_t n) { return is_turned(n) ? 2 * kSoftmaxRows * n : 0; }

size_t softmax_scratch(size_t n) {
  return is_turned(n) ? softmax_sums_scratch(n) : 2 * ((n + 15) / 16 * 16);
}

const SoftmaxKernels& softmax_kernels(Dtype dtype) {
  const SoftmaxKernels* kernels = HWY_DYNAMIC_DISPATCH(simd_softmax_kernels)(dtype);
  internal_check(kernels != nullptr, "no softmax kernels for this dtype");
  return *kernels;
}

void log_of_sums(const float* shifts, const float* sums, size_t n, float* out) {
  HWY_DYNAMIC_DISPATCH(simd_log_of_sums)(shifts, sums, n, out);
}

}  // namespace mlx::core::cpu
#endif
