// Row and column kernels of the running reductions, for each SIMD target.
#include <algorithm>
#include <cmath>
#include <limits>

#include "backend/cpu/accumulator.h"
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
using Carry = Accumulator<T>;

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
  else if constexpr (op == ScanOp::min)
    return hn::IfThenElse(hn::Or(hn::IsNaN(a), hn::Ge(b, a)), a, b);
  else
    return hn::IfThenElse(hn::Or(hn::IsNaN(a), hn::Le(b, a)), a, b);
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
void scan_scalar(const T* x, size_t rows, size_t columns, T* out, Carry<T>* carries,
                 ScanMode mode) {
  for (size_t k = 0; k < rows; ++k) {
    const size_t at = (mode.reverse ? rows - 1 - k : k) * columns;
    for (size_t c = 0; c < columns; ++c) {
      Carry<T> next = scan_combine<op>(carries[c], static_cast<Carry<T>>(x[at + c]));
      store_scalar(mode.inclusive ? next : carries[c], out + at + c);
      carries[c] = next;
    }
  }
}

using ScanTag = hn::CappedTag<float, 16>;
constexpr size_t kScanLanes = HWY_MIN(16, HWY_MAX_BYTES / sizeof(float));

constexpr size_t kChunkGroups = 64;

/** Some rows of `columns` in one vector, as scans of `period` lanes each. */
struct Lattice {
  size_t columns;
  size_t period;
  size_t used;         // lanes, a multiple of the period
  bool endless;        // a vector goes on where the one before ended; one period then
  size_t restart = 0;  // an endless scan starts anew after so many vectors, at most kChunkGroups
};

/** Scans vectors of the lattice by doubling distances; where it is endless, the carries join in one
 * operation a vector. */
template <ScanOp op, class Load, class Store>
HWY_INLINE void scan_lattice(const Lattice& lattice, size_t begin, size_t end, float* carries,
                             ScanMode mode, Load&& load, Store&& store) {
  const ScanTag d;
  const hn::RebindToSigned<ScanTag> di;
  const size_t width = hn::Lanes(d);
  const size_t columns = lattice.columns;
  HWY_ALIGN int32_t places[kScanLanes];  // lanes of the same scan that come before this one
  HWY_ALIGN int32_t lasts[kScanLanes];
  HWY_ALIGN float lanes[kScanLanes];
  for (size_t i = 0, place = 0, c = 0; i < width; ++i) {
    const size_t before = mode.reverse ? lattice.period - 1 - place : place;
    places[i] = i < lattice.used ? static_cast<int32_t>(before) : 0;
    lasts[i] = static_cast<int32_t>(mode.reverse ? c : lattice.used - columns + c);
    lanes[i] = carries[c];
    if (++place == lattice.period) place = 0;
    if (++c == columns) c = 0;
  }
  const auto iota = hn::Iota(di, 0);
  const auto place = hn::Load(di, places);
  auto is_first = [&](size_t distance) HWY_ATTR {
    return hn::RebindMask(d, hn::Lt(place, hn::Set(di, static_cast<int32_t>(distance))));
  };
  auto source = [&](size_t distance) HWY_ATTR {
    const auto step = hn::Set(di, static_cast<int32_t>(distance));
    const auto from = mode.reverse ? hn::Add(iota, step) : hn::Sub(iota, step);
    return hn::IndicesFromVec(d, hn::IfThenElse(hn::Lt(place, step), iota, from));
  };
  const auto first1 = is_first(columns);
  const auto first2 = is_first(columns * 2);
  const auto first4 = is_first(columns * 4);
  const auto first8 = is_first(columns * 8);
  const auto source1 = source(columns);
  const auto source2 = source(columns * 2);
  const auto source4 = source(columns * 4);
  const auto source8 = source(columns * 8);
  const auto last = hn::SetTableIndices(d, lasts);
  const auto identity = hn::Set(d, identity_value<op, float>());
  const size_t rows = lattice.period / columns;
  auto doubled = [&](auto v, auto from, auto first) HWY_ATTR {
    auto shifted = hn::TableLookupLanes(v, from);
    // Where nothing comes before, `from` is the lane itself.
    if constexpr (op == ScanOp::sum)
      shifted = hn::IfThenZeroElse(first, shifted);
    else if constexpr (op == ScanOp::prod || op == ScanOp::log_add_exp)
      shifted = hn::IfThenElse(first, identity, shifted);
    return vector_combine<op>(d, shifted, v);
  };
  auto running = hn::Load(d, lanes);
  size_t left = 0;  // vectors of a scan that starts anew
  for (size_t k = begin; k < end; ++k, --left) {
    if (lattice.restart > 0 && left == 0) {
      running = identity;
      left = lattice.restart;
    }
    const size_t i = (mode.reverse ? end - 1 - (k - begin) : k) * lattice.used;
    auto v = load(d, i);
    if (rows > 1) v = doubled(v, source1, first1);
    if (rows > 2) v = doubled(v, source2, first2);
    if (rows > 4) v = doubled(v, source4, first4);
    if (rows > 8) v = doubled(v, source8, first8);
    auto result = vector_combine<op>(d, running, v);
    if (!mode.inclusive) {
      result = hn::IfThenElse(first1, running, hn::TableLookupLanes(result, source1));
    }
    if (lattice.endless) running = vector_combine<op>(d, running, hn::TableLookupLanes(v, last));
    store(d, result, i);
  }
  hn::Store(running, d, lanes);
  std::copy_n(lanes, columns, carries);
}

/** Calls part(from, to) for the ranges of `chunk` (the last one shorter) in the order of the scan.
 */
template <class F>
HWY_INLINE void for_chunks(size_t size, size_t chunk, bool reverse, F&& part) {
  const size_t count = (size + chunk - 1) / chunk;
  for (size_t k = 0; k < count; ++k) {
    const size_t from = (reverse ? count - 1 - k : k) * chunk;
    part(from, HWY_MIN(from + chunk, size));
  }
}

/** Scans of float32 carries whose elements do not fill vectors: `part(from, to, in, out)` scans
 * elements that were brought to the first cache, where reading past them does no harm. `chunk` is
 * in elements. */
template <typename T, class F>
HWY_INLINE void scan_staged(const T* x, size_t n, size_t chunk, T* out, ScanMode mode, F&& part) {
  constexpr size_t kStaged = 2048;
  HWY_ALIGN float in[kStaged + kScanLanes];
  HWY_ALIGN float result[kStaged + kScanLanes];
  for_chunks(n, chunk, mode.reverse, [&](size_t from, size_t to) HWY_ATTR {
    for_vectors(to - from, [&](auto d, size_t i) HWY_ATTR {
      prefetch_to_l2(x, from + i + static_cast<size_t>(mode.ahead));
      hn::StoreU(load_float(d, x + from + i), d, in + i);
    });
    part(to - from, in, result);
    store_row(mode.stream, out + from, to - from,
              [&](auto d, size_t i) HWY_ATTR { return hn::LoadU(d, result + i); });
  });
}

template <class D>
HWY_INLINE void store_lanes(D d, hn::Vec<D> v, size_t count, float* p) {
  if (count == hn::Lanes(d))
    hn::StoreU(v, d, p);
  else
    hn::BlendedStore(v, hn::FirstN(d, count), d, p);
}

/** `groups` vectors of the lattice. */
template <ScanOp op, typename T>
void scan_groups(const Lattice& lattice, const T* x, size_t groups, T* out, float* carries,
                 ScanMode mode) {
  const size_t width = hn::Lanes(ScanTag());
  if (lattice.used == width) {
    const bool stream = mode.stream && reinterpret_cast<uintptr_t>(out) % (width * sizeof(T)) == 0;
    auto load = [&](auto d, size_t i) HWY_ATTR {
      prefetch_to_l2(x, i + static_cast<size_t>(mode.ahead));
      return load_float(d, x + i);
    };
    auto store = [&](auto d, auto v, size_t i) HWY_ATTR { store_float(d, v, out + i); };
    auto past = [&](auto d, auto v, size_t i) HWY_ATTR { stream_float(d, v, out + i); };
    if (stream)
      scan_lattice<op>(lattice, 0, groups, carries, mode, load, past);
    else
      scan_lattice<op>(lattice, 0, groups, carries, mode, load, store);
    return;
  }
  auto part = [&](size_t n, const float* in, float* result) HWY_ATTR {
    auto load = [&](auto d, size_t i) HWY_ATTR { return hn::LoadU(d, in + i); };
    auto store = [&](auto d, auto v, size_t i)
                     HWY_ATTR { store_lanes(d, v, lattice.used, result + i); };
    scan_lattice<op>(lattice, 0, n / lattice.used, carries, mode, load, store);
  };
  // A chunk is made of whole scans.
  const size_t whole = lattice.restart == 0 ? 1 : lattice.restart;
  scan_staged(x, groups * lattice.used, kChunkGroups / whole * whole * lattice.used, out, mode,
              part);
}

/** Rows of more than half a vector: a vector op a piece of a row. */
template <ScanOp op, typename T>
void scan_wide_rows(const T* x, size_t rows, size_t columns, T* out, float* carries,
                    ScanMode mode) {
  const ScanTag d;
  const size_t width = hn::Lanes(d);
  HWY_ALIGN float running[kMaxScanColumns + kScanLanes] = {};
  std::copy_n(carries, columns, running);
  auto part = [&](size_t n, const float* in, float* result) HWY_ATTR {
    const size_t count = n / columns;
    for (size_t k = 0; k < count; ++k) {
      const size_t at = (mode.reverse ? count - 1 - k : k) * columns;
      for (size_t c = 0; c < columns; c += width) {
        auto before = hn::Load(d, running + c);
        auto next = vector_combine<op>(d, before, hn::LoadU(d, in + at + c));
        hn::Store(next, d, running + c);
        store_lanes(d, mode.inclusive ? next : before, HWY_MIN(width, columns - c),
                    result + at + c);
      }
    }
  };
  const size_t chunk = HWY_MAX(size_t{16}, 1024 / columns / 16 * 16) * columns;
  scan_staged(x, rows * columns, chunk, out, mode, part);
  std::copy_n(running, columns, carries);
}

template <ScanOp op, typename T>
void scan_rows(const void* x_, size_t rows, size_t columns, void* out_, void* carries_,
               ScanMode mode) {
  auto x = static_cast<const T*>(x_);
  auto out = static_cast<T*>(out_);
  auto carries = static_cast<Carry<T>*>(carries_);
  if constexpr (kVectorized<op, T>) {
    const size_t width = hn::Lanes(ScanTag());
    if (columns * 2 > width) return scan_wide_rows<op>(x, rows, columns, out, carries, mode);
    const size_t used = width / columns * columns;
    const size_t per_group = used / columns;
    const size_t whole = rows / per_group * per_group;
    const size_t at = whole * columns;
    auto rest = [&] { scan_scalar<op>(x + at, rows - whole, columns, out + at, carries, mode); };
    if (mode.reverse) rest();
    if (whole > 0) {
      scan_groups<op>({columns, used, used, true}, x, rows / per_group, out, carries, mode);
    }
    if (!mode.reverse) rest();
  } else {
    scan_scalar<op>(x, rows, columns, out, carries, mode);
  }
}

template <ScanOp op, typename T>
void scan_short(const void* x_, size_t count, size_t rows, size_t columns, void* out_,
                ScanMode mode) {
  auto x = static_cast<const T*>(x_);
  auto out = static_cast<T*>(out_);
  Carry<T> carries[kMaxScanColumns];
  size_t done = 0;
  const size_t period = rows * columns;
  if constexpr (kVectorized<op, T>) {
    const size_t width = hn::Lanes(ScanTag());
    std::fill_n(carries, columns, identity_value<op, Carry<T>>());
    if (period <= width) {
      const size_t used = width / period * period;
      const size_t groups = count / (used / period);
      scan_groups<op>({columns, period, used, false}, x, groups, out, carries, mode);
      done = groups * (used / period);
    } else {
      const size_t used = width / columns * columns;
      const size_t restart = period / used;
      scan_groups<op>({columns, used, used, true, restart}, x, count * restart, out, carries, mode);
      done = count;
    }
  }
  for (; done < count; ++done) {
    std::fill_n(carries, columns, identity_value<op, Carry<T>>());
    scan_scalar<op>(x + done * period, rows, columns, out + done * period, carries, mode);
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
void advance(const void* x_, size_t rows, size_t columns, void* carries_) {
  auto x = static_cast<const T*>(x_);
  auto carries = static_cast<Carry<T>*>(carries_);
  size_t done = 0;
  if constexpr (kVectorized<op, T>) {
    const ScanTag d;
    const size_t width = hn::Lanes(d);
    constexpr size_t kUnroll = 4;
    // Vectors may reach into the next row or group, so the last one is left out.
    HWY_ALIGN float lanes[kMaxScanColumns + kScanLanes];
    const auto identity = hn::Set(d, identity_value<op, float>());
    if (columns * 2 <= width) {
      const size_t used = width / columns * columns;
      auto a = identity;
      auto b = identity;
      auto c = identity;
      auto e = identity;
      size_t i = 0;
      for (; i + 3 * used + width <= rows * columns; i += kUnroll * used) {
        for (size_t k = 0; k < kUnroll; ++k) prefetch_to_l2(x, i + k * used + 2048 / sizeof(T));
        a = vector_combine<op>(d, a, load_float(d, x + i));
        b = vector_combine<op>(d, b, load_float(d, x + i + used));
        c = vector_combine<op>(d, c, load_float(d, x + i + 2 * used));
        e = vector_combine<op>(d, e, load_float(d, x + i + 3 * used));
      }
      a = vector_combine<op>(d, vector_combine<op>(d, a, b), vector_combine<op>(d, c, e));
      hn::Store(a, d, lanes);
      for (size_t k = 0; k < used; k += columns) {
        for (size_t c = 0; c < columns; ++c) {
          carries[c] = scan_combine<op>(carries[c], lanes[k + c]);
        }
      }
      done = i / columns;
    } else {
      std::fill_n(lanes, kMaxScanColumns + kScanLanes, identity_value<op, float>());
      for (; done + 1 < rows; ++done) {
        const T* row = x + done * columns;
        for (size_t c = 0; c < columns; c += width) {
          prefetch_to_l2(row, c + 2048 / sizeof(T));
          hn::Store(vector_combine<op>(d, hn::Load(d, lanes + c), load_float(d, row + c)), d,
                    lanes + c);
        }
      }
      for (size_t c = 0; c < columns; ++c) carries[c] = scan_combine<op>(carries[c], lanes[c]);
    }
  }
  for (; done < rows; ++done) {
    for (size_t c = 0; c < columns; ++c) {
      carries[c] = scan_combine<op>(carries[c], static_cast<Carry<T>>(x[done * columns + c]));
    }
  }
}

template <ScanOp op, typename T>
void set_identity(void* carries, size_t count) {
  std::fill_n(static_cast<Carry<T>*>(carries), count, identity_value<op, Carry<T>>());
}

template <ScanOp op, typename T>
void combine_carries(const void* a, const void* b, size_t count, void* result) {
  for (size_t i = 0; i < count; ++i) {
    static_cast<Carry<T>*>(result)[i] =
        scan_combine<op>(static_cast<const Carry<T>*>(a)[i], static_cast<const Carry<T>*>(b)[i]);
  }
}

template <ScanOp op, typename T>
const ScanKernels& kernels_of() {
  static const ScanKernels kernels{sizeof(Carry<T>), hn::Lanes(ScanTag()),  set_identity<op, T>,
                                   scan_rows<op, T>, scan_short<op, T>,     scan_step<op, T>,
                                   advance<op, T>,   combine_carries<op, T>};
  return kernels;
}

template <ScanOp op>
const ScanKernels* find_scan_kernels(Dtype dtype) {
  return dispatch_dtype(dtype, [](auto tag) -> const ScanKernels* {
    using T = typename decltype(tag)::type;
    if constexpr (op == ScanOp::log_add_exp && std::is_integral_v<T>)
      return nullptr;
    else
      return &kernels_of<op, T>();
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
