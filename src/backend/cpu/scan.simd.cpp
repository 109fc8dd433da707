// Row and column kernels of the running reductions, for each SIMD target.
#include <algorithm>
#include <cmath>
#include <limits>

#include "backend/cpu/scan_kernels.h"
#include "base/dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/scan.simd.cpp"
#include "hwy/foreach_target.h"
//
#include "backend/cpu/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {
namespace {

template <typename T>
struct CarryOf {
  using type = T;
};
template <>
struct CarryOf<float16_t> {
  using type = float;
};
template <>
struct CarryOf<bfloat16_t> {
  using type = float;
};
template <typename T>
using Carry = typename CarryOf<T>::type;

template <typename T>
bool is_nan_value(const T& v) {
  if constexpr (std::is_integral_v<T>)
    return false;
  else
    return v != v;
}

template <ScanOp op, typename A>
A identity_value() {
  if constexpr (std::is_same_v<A, complex64_t>) {
    const float inf = std::numeric_limits<float>::infinity();
    if constexpr (op == ScanOp::sum)
      return {0.0f, 0.0f};
    else if constexpr (op == ScanOp::prod)
      return {1.0f, 0.0f};
    else if constexpr (op == ScanOp::min)
      return {inf, inf};
    else
      return {-inf, op == ScanOp::max ? -inf : 0.0f};
  } else {
    using Limits = std::numeric_limits<A>;
    if constexpr (op == ScanOp::sum)
      return A(0);
    else if constexpr (op == ScanOp::prod)
      return A(1);
    else if constexpr (op == ScanOp::min) {
      return Limits::has_infinity ? Limits::infinity() : Limits::max();
    } else {
      return Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
    }
  }
}

template <typename A>
A log_add_exp(A a, A b) {
  if constexpr (std::is_floating_point_v<A>) {
    if (std::isnan(a) || std::isnan(b)) return std::numeric_limits<A>::quiet_NaN();
    A high = a > b ? a : b;
    A low = a > b ? b : a;
    if (std::isinf(low) && low < 0) return high;
    if (std::isinf(high)) return high;
    return high + std::log1p(std::exp(low - high));
  } else {
    return a;
  }
}

/** log(exp(a) + exp(b)) of complex numbers, scaled by the larger real part. */
template <>
complex64_t log_add_exp(complex64_t a, complex64_t b) {
  float high = std::max(a.real(), b.real());
  if (std::isinf(high) && high < 0) return b;
  std::complex<float> sum = std::exp(std::complex<float>(a.real() - high, a.imag())) +
                            std::exp(std::complex<float>(b.real() - high, b.imag()));
  std::complex<float> log = std::log(sum);
  return {log.real() + high, log.imag()};
}

template <ScanOp op, typename A>
HWY_INLINE A scan_combine(A a, A b) {
  if constexpr (op == ScanOp::sum) {
    if constexpr (std::is_integral_v<A>)
      return static_cast<A>(uint64_t(a) + uint64_t(b));
    else
      return a + b;
  } else if constexpr (op == ScanOp::prod) {
    if constexpr (std::is_integral_v<A>)
      return static_cast<A>(uint64_t(a) * uint64_t(b));
    else
      return a * b;
  } else if constexpr (op == ScanOp::min) {
    return !is_nan_value(a) && (b < a || is_nan_value(b)) ? b : a;
  } else if constexpr (op == ScanOp::max) {
    return !is_nan_value(a) && (b > a || is_nan_value(b)) ? b : a;
  } else {
    return log_add_exp(a, b);
  }
}

template <ScanOp op, class D>
HWY_INLINE hn::Vec<D> vector_combine(D, hn::Vec<D> a, hn::Vec<D> b) {
  if constexpr (op == ScanOp::sum)
    return hn::Add(a, b);
  else if constexpr (op == ScanOp::prod)
    return hn::Mul(a, b);
  else if constexpr (op == ScanOp::log_add_exp)
    return logaddexp(a, b);
  else if constexpr (op == ScanOp::min) {
    auto take = hn::AndNot(hn::IsNaN(a), hn::Or(hn::Lt(b, a), hn::IsNaN(b)));
    return hn::IfThenElse(take, b, a);
  } else {
    auto take = hn::AndNot(hn::IsNaN(a), hn::Or(hn::Gt(b, a), hn::IsNaN(b)));
    return hn::IfThenElse(take, b, a);
  }
}

template <ScanOp op, typename T>
inline constexpr bool kVectorized = std::is_same_v<Carry<T>, float>;

template <typename A>
HWY_INLINE void store_scalar(A v, A* p) {
  *p = v;
}
template <typename T>
requires(sizeof(T) == 2 && !std::is_integral_v<T>) HWY_INLINE void store_scalar(float v, T* p) {
  *p = T(v);
}

template <ScanOp op, typename T>
void scan_scalar(const T* x, size_t n, T* out, Carry<T>& carry, ScanMode mode) {
  const ptrdiff_t step = mode.reverse ? -1 : 1;
  ptrdiff_t at = mode.reverse ? static_cast<ptrdiff_t>(n) - 1 : 0;
  Carry<T> running = carry;
  for (size_t i = 0; i < n; ++i, at += step) {
    Carry<T> next = scan_combine<op>(running, static_cast<Carry<T>>(x[at]));
    store_scalar(mode.inclusive ? next : running, out + at);
    running = next;
  }
  carry = running;
}

/** Scans within a vector by doubling distances; the carry joins in one operation a vector. */
template <ScanOp op, typename T>
void scan_vectors(const T* x, size_t n, T* out, float& carry, ScanMode mode) {
  const FloatTag d;
  const size_t width = hn::Lanes(d);
  constexpr size_t kMaxLanes = HWY_MAX_BYTES / sizeof(float);
  HWY_ALIGN int32_t lanes[6][kMaxLanes];
  size_t steps = 0;
  for (size_t distance = 1; distance < width; distance *= 2, ++steps) {
    for (size_t i = 0; i < width; ++i) lanes[steps][i] = i < distance ? 0 : int32_t(i - distance);
  }
  std::fill_n(lanes[5], width, static_cast<int32_t>(width) - 1);
  const auto last = hn::SetTableIndices(d, lanes[5]);
  const auto identity = hn::Set(d, identity_value<op, float>());
  auto running = hn::Set(d, carry);
  const size_t whole = n / width * width;
  const bool stream = mode.stream && reinterpret_cast<uintptr_t>(out) % (width * sizeof(T)) == 0;
  if (mode.reverse) scan_scalar<op>(x + whole, n - whole, out + whole, carry, mode);
  if (mode.reverse) running = hn::Set(d, carry);
  for (size_t k = 0; k < whole; k += width) {
    const size_t i = mode.reverse ? whole - width - k : k;
    prefetch_to_l2(x, i + static_cast<size_t>(mode.ahead));
    auto v = load_float(d, x + i);
    if (mode.reverse) v = hn::Reverse(d, v);
    for (size_t s = 0; s < steps; ++s) {
      auto shifted = hn::TableLookupLanes(v, hn::SetTableIndices(d, lanes[s]));
      const auto outside = hn::FirstN(d, size_t{1} << s);
      if constexpr (op == ScanOp::sum)
        shifted = hn::IfThenZeroElse(outside, shifted);
      else
        shifted = hn::IfThenElse(outside, identity, shifted);
      v = vector_combine<op>(d, shifted, v);
    }
    auto result = vector_combine<op>(d, running, v);
    auto next = vector_combine<op>(d, running, hn::TableLookupLanes(v, last));
    if (!mode.inclusive) {
      auto shifted = hn::TableLookupLanes(result, hn::SetTableIndices(d, lanes[0]));
      result = hn::IfThenElse(hn::FirstN(d, 1), running, shifted);
    }
    running = next;
    if (mode.reverse) result = hn::Reverse(d, result);
    if (stream)
      stream_float(d, result, out + i);
    else
      store_float(d, result, out + i);
  }
  carry = hn::GetLane(running);
  if (!mode.reverse) scan_scalar<op>(x + whole, n - whole, out + whole, carry, mode);
}

template <ScanOp op, typename T>
void scan_row(const void* x, size_t n, void* out, void* carry, ScanMode mode) {
  auto& running = *static_cast<Carry<T>*>(carry);
  if constexpr (kVectorized<op, T>) {
    scan_vectors<op>(static_cast<const T*>(x), n, static_cast<T*>(out), running, mode);
  } else {
    scan_scalar<op>(static_cast<const T*>(x), n, static_cast<T*>(out), running, mode);
  }
}

template <ScanOp op, typename T>
void scan_step(const void* x_, size_t columns, void* out_, void* carries_, ScanMode mode) {
  auto x = static_cast<const T*>(x_);
  auto out = static_cast<T*>(out_);
  auto carries = static_cast<Carry<T>*>(carries_);
  if constexpr (kVectorized<op, T>) {
    store_row(mode.stream, out, columns, [&](auto d, size_t i) HWY_ATTR {
      prefetch_to_l2(x, i + static_cast<size_t>(mode.ahead));
      auto running = hn::LoadU(d, carries + i);
      auto next = vector_combine<op>(d, running, load_float(d, x + i));
      hn::StoreU(next, d, carries + i);
      return mode.inclusive ? next : running;
    });
  } else {
#pragma GCC ivdep
    for (size_t i = 0; i < columns; ++i) {
      Carry<T> next = scan_combine<op>(carries[i], static_cast<Carry<T>>(x[i]));
      store_scalar(mode.inclusive ? next : carries[i], out + i);
      carries[i] = next;
    }
  }
}

template <ScanOp op, typename T>
void advance(const void* x_, size_t n, void* carry) {
  auto x = static_cast<const T*>(x_);
  auto& running = *static_cast<Carry<T>*>(carry);
  if constexpr (kVectorized<op, T>) {
    const FloatTag d;
    const size_t width = hn::Lanes(d);
    auto identity = hn::Set(d, identity_value<op, float>());
    auto a = identity;
    auto b = identity;
    auto c = identity;
    auto e = identity;
    size_t i = 0;
    for (; i + 4 * width <= n; i += 4 * width) {
      for (size_t k = 0; k < 4; ++k) prefetch_to_l2(x, i + k * width + 2048 / sizeof(T));
      a = vector_combine<op>(d, a, load_float(d, x + i));
      b = vector_combine<op>(d, b, load_float(d, x + i + width));
      c = vector_combine<op>(d, c, load_float(d, x + i + 2 * width));
      e = vector_combine<op>(d, e, load_float(d, x + i + 3 * width));
    }
    a = vector_combine<op>(d, vector_combine<op>(d, a, b), vector_combine<op>(d, c, e));
    HWY_ALIGN float lanes[HWY_MAX_BYTES / sizeof(float)];
    hn::Store(a, d, lanes);
    for (size_t k = 0; k < width; ++k) running = scan_combine<op>(running, lanes[k]);
    for (; i < n; ++i) running = scan_combine<op>(running, static_cast<float>(x[i]));
  } else {
    for (size_t i = 0; i < n; ++i) {
      running = scan_combine<op>(running, static_cast<Carry<T>>(x[i]));
    }
  }
}

template <ScanOp op, typename T>
void set_identity(void* carries, size_t count) {
  std::fill_n(static_cast<Carry<T>*>(carries), count, identity_value<op, Carry<T>>());
}

template <ScanOp op, typename T>
void combine_carries(const void* a, const void* b, void* result) {
  *static_cast<Carry<T>*>(result) =
      scan_combine<op>(*static_cast<const Carry<T>*>(a), *static_cast<const Carry<T>*>(b));
}

template <ScanOp op, typename T>
constexpr ScanKernels kKernels{sizeof(Carry<T>), set_identity<op, T>, scan_row<op, T>,
                               scan_step<op, T>, advance<op, T>,      combine_carries<op, T>};

template <ScanOp op>
const ScanKernels* find_scan_kernels(Dtype dtype) {
  return dispatch_dtype(dtype, [](auto tag) -> const ScanKernels* {
    using T = typename decltype(tag)::type;
    if constexpr (op == ScanOp::log_add_exp && std::is_integral_v<T>)
      return nullptr;
    else
      return &kKernels<op, T>;
  });
}

const ScanKernels* simd_scan_kernels(ScanOp op, Dtype dtype) {
  switch (op) {
    case ScanOp::sum:
      return find_scan_kernels<ScanOp::sum>(dtype);
    case ScanOp::prod:
      return find_scan_kernels<ScanOp::prod>(dtype);
    case ScanOp::min:
      return find_scan_kernels<ScanOp::min>(dtype);
    case ScanOp::max:
      return find_scan_kernels<ScanOp::max>(dtype);
    case ScanOp::log_add_exp:
      return find_scan_kernels<ScanOp::log_add_exp>(dtype);
  }
  return nullptr;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mlx::core::cpu {

HWY_EXPORT(simd_scan_kernels);

const ScanKernels& scan_kernels(ScanOp op, Dtype dtype) {
  const ScanKernels* kernels = HWY_DYNAMIC_DISPATCH(simd_scan_kernels)(op, dtype);
  internal_check(kernels != nullptr, "no scan kernels for this dtype");
  return *kernels;
}

}  // namespace mlx::core::cpu
#endif
