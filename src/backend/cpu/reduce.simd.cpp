// Block kernels of the reductions, for each SIMD target.
#include <limits>

#include "backend/cpu/reduce_kernels.h"
#include "base/dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/reduce.simd.cpp"
#include "hwy/foreach_target.h"
//
#include "hwy/cache_control.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

/** Maps a storage type to its accumulator type. */
template <typename T>
struct AccumulatorOf {
  using type = T;
};
template <>
struct AccumulatorOf<float16_t> {
  using type = float;
};
template <>
struct AccumulatorOf<bfloat16_t> {
  using type = float;
};
template <typename T>
using Accumulator = typename AccumulatorOf<T>::type;

template <class D, typename T>
HWY_INLINE hn::Vec<D> load(D d, const T* p) {
  return hn::LoadU(d, p);
}
template <class D>
HWY_INLINE hn::Vec<D> load(D d, const float16_t* p) {
  return hn::PromoteTo(
      d, hn::LoadU(hn::Rebind<hwy::float16_t, D>(), reinterpret_cast<const hwy::float16_t*>(p)));
}
template <class D>
HWY_INLINE hn::Vec<D> load(D d, const bfloat16_t* p) {
  return hn::PromoteTo(
      d, hn::LoadU(hn::Rebind<hwy::bfloat16_t, D>(), reinterpret_cast<const hwy::bfloat16_t*>(p)));
}

template <class D, class V>
HWY_INLINE V multiply(D d, V a, V b) {
  using T = hn::TFromD<D>;
  if constexpr (std::is_integral_v<T> && sizeof(T) == 8) {
    // No 64-bit multiply on most targets: lane by lane.
    constexpr size_t kMax = HWY_MAX_BYTES / 8;
    HWY_ALIGN T left[kMax];
    HWY_ALIGN T right[kMax];
    hn::Store(a, d, left);
    hn::Store(b, d, right);
    for (size_t i = 0; i < hn::Lanes(d); ++i) {
      left[i] = static_cast<T>(static_cast<uint64_t>(left[i]) * static_cast<uint64_t>(right[i]));
    }
    return hn::Load(d, left);
  } else {
    return hn::Mul(a, b);
  }
}

struct SumOp {
  template <typename T>
  static constexpr T identity() {
    return T(0);
  }
  template <class D, class V>
  static HWY_INLINE V apply(D, V a, V b) {
    return hn::Add(a, b);
  }
};

struct ProdOp {
  template <typename T>
  static constexpr T identity() {
    return T(1);
  }
  template <class D, class V>
  static HWY_INLINE V apply(D d, V a, V b) {
    return multiply(d, a, b);
  }
};

template <typename T>
constexpr T lowest_value() {
  if constexpr (std::numeric_limits<T>::has_infinity)
    return -std::numeric_limits<T>::infinity();
  else
    return std::numeric_limits<T>::lowest();
}
template <typename T>
constexpr T highest_value() {
  if constexpr (std::numeric_limits<T>::has_infinity)
    return std::numeric_limits<T>::infinity();
  else
    return std::numeric_limits<T>::max();
}

// Floats: a NaN wins, and of two equal values the first (so -0 and 0 keep their order).
struct MinOp {
  template <typename T>
  static constexpr T identity() {
    return highest_value<T>();
  }
  template <class D, class V>
  static HWY_INLINE V apply(D, V a, V b) {
    if constexpr (hwy::IsFloat<hn::TFromD<D>>()) {
      return hn::IfThenElse(hn::Or(hn::Lt(b, a), hn::IsNaN(b)), b, a);
    } else {
      return hn::Min(a, b);
    }
  }
};

struct MaxOp {
  template <typename T>
  static constexpr T identity() {
    return lowest_value<T>();
  }
  template <class D, class V>
  static HWY_INLINE V apply(D, V a, V b) {
    if constexpr (hwy::IsFloat<hn::TFromD<D>>()) {
      return hn::IfThenElse(hn::Or(hn::Gt(b, a), hn::IsNaN(b)), b, a);
    } else {
      return hn::Max(a, b);
    }
  }
};

/** The identity in the storage type. */
template <class Op, typename T>
T storage_identity() {
  if constexpr (std::is_same_v<T, Accumulator<T>>)
    return Op::template identity<T>();
  else
    return T(Op::template identity<float>());
}

// Far enough ahead to cross into the next page before the hardware prefetcher does.
constexpr size_t kPrefetchBytes = 2048;

/** A hint only: the address may lie outside the array. */
HWY_INLINE void prefetch_at(const void* p, size_t bytes_ahead) {
  hwy::Prefetch(reinterpret_cast<const void*>(reinterpret_cast<uintptr_t>(p) + bytes_ahead));
}

template <class Op, typename T, class D>
HWY_INLINE void accumulate_whole(D d, const T* x, size_t n, Accumulator<T>* lanes) {
  const size_t width = hn::Lanes(d);
  // Four accumulators at a time; further lanes walk the block, which is in L1 by then, again.
  for (size_t first = 0; first < kLanes; first += 4 * width) {
    auto a = hn::LoadU(d, lanes + first);
    auto b = hn::LoadU(d, lanes + first + width);
    auto c = hn::LoadU(d, lanes + first + 2 * width);
    auto e = hn::LoadU(d, lanes + first + 3 * width);
    for (size_t i = first; i < n; i += kLanes) {
      for (size_t line = 0; line < kLanes * sizeof(T); line += 64) {
        prefetch_at(x + i, kPrefetchBytes + line);
      }
      a = Op::apply(d, a, load(d, x + i));
      b = Op::apply(d, b, load(d, x + i + width));
      c = Op::apply(d, c, load(d, x + i + 2 * width));
      e = Op::apply(d, e, load(d, x + i + 3 * width));
    }
    hn::StoreU(a, d, lanes + first);
    hn::StoreU(b, d, lanes + first + width);
    hn::StoreU(c, d, lanes + first + 2 * width);
    hn::StoreU(e, d, lanes + first + 3 * width);
  }
}

template <class Op, typename T>
void accumulate(const void* x_, size_t n, void* lanes_) {
  using A = Accumulator<T>;
  const hn::CappedTag<A, kLanes / 4> d;
  auto x = static_cast<const T*>(x_);
  auto lanes = static_cast<A*>(lanes_);
  const size_t whole = n / kLanes * kLanes;
  if (whole > 0) accumulate_whole<Op, T>(d, x, whole, lanes);
  if (whole < n) {
    T rest[kLanes];
    for (size_t i = n - whole; i < kLanes; ++i) rest[i] = storage_identity<Op, T>();
    for (size_t i = 0; i < n - whole; ++i) rest[i] = x[whole + i];
    accumulate_whole<Op, T>(d, rest, kLanes, lanes);
  }
}

template <class Op, typename A>
void fold(void* lanes_) {
  auto lanes = static_cast<A*>(lanes_);
  const hn::CappedTag<A, kLanes / 4> d;
  const size_t width = hn::Lanes(d);
  size_t half = kLanes / 2;
  for (; half >= width; half /= 2) {
    for (size_t i = 0; i < half; i += width) {
      hn::StoreU(Op::apply(d, hn::LoadU(d, lanes + i), hn::LoadU(d, lanes + half + i)), d,
                 lanes + i);
    }
  }
  const hn::CappedTag<A, 1> d1;
  for (; half >= 1; half /= 2) {
    for (size_t i = 0; i < half; ++i) {
      hn::StoreU(Op::apply(d1, hn::LoadU(d1, lanes + i), hn::LoadU(d1, lanes + half + i)), d1,
                 lanes + i);
    }
  }
}

template <class Op, typename T, class D>
HWY_INLINE hn::Vec<D> row_tree(D d, const T* const* rows, size_t c) {
  auto r01 = Op::apply(d, load(d, rows[0] + c), load(d, rows[1] + c));
  auto r23 = Op::apply(d, load(d, rows[2] + c), load(d, rows[3] + c));
  auto r45 = Op::apply(d, load(d, rows[4] + c), load(d, rows[5] + c));
  auto r67 = Op::apply(d, load(d, rows[6] + c), load(d, rows[7] + c));
  return Op::apply(d, Op::apply(d, r01, r23), Op::apply(d, r45, r67));
}

template <class Op, typename T, class D>
HWY_INLINE size_t column_span(D d, const T* const* rows, size_t num_rows, size_t c, size_t columns,
                              Accumulator<T>* sums) {
  const size_t width = hn::Lanes(d);
  if (num_rows == kRowGroup) {
    for (; c + width <= columns; c += width) {
      for (size_t r = 0; r < kRowGroup; ++r) {
        prefetch_at(rows[r] + c, kPrefetchBytes / 4);
      }
      hn::StoreU(Op::apply(d, hn::LoadU(d, sums + c), row_tree<Op>(d, rows, c)), d, sums + c);
    }
    return c;
  }
  for (; c + width <= columns; c += width) {
    auto sum = hn::LoadU(d, sums + c);
    for (size_t r = 0; r < num_rows; ++r) sum = Op::apply(d, sum, load(d, rows[r] + c));
    hn::StoreU(sum, d, sums + c);
  }
  return c;
}

template <class Op, typename T>
void accumulate_rows(const void* const* rows_, size_t num_rows, size_t columns, void* sums_) {
  using A = Accumulator<T>;
  const T* rows[kRowGroup];
  for (size_t r = 0; r < num_rows; ++r) rows[r] = static_cast<const T*>(rows_[r]);
  auto sums = static_cast<A*>(sums_);
  size_t c = column_span<Op, T>(hn::ScalableTag<A>(), rows, num_rows, 0, columns, sums);
  column_span<Op, T>(hn::CappedTag<A, 1>(), rows, num_rows, c, columns, sums);
}

/** Every stride-th element from p: lane i gets p[i * stride]. */
template <class D>
HWY_INLINE hn::Vec<D> gather(D d, const hn::TFromD<D>* p, hn::Vec<hn::RebindToSigned<D>> indices) {
  return hn::GatherIndex(d, p, indices);
}

template <class D>
HWY_INLINE hn::Vec<hn::RebindToSigned<D>> lane_offsets(D, size_t stride) {
  const hn::RebindToSigned<D> di;
  using I = hn::TFromD<decltype(di)>;
  HWY_ALIGN I offsets[HWY_MAX_BYTES / sizeof(I)];
  for (size_t i = 0; i < hn::Lanes(di); ++i) offsets[i] = static_cast<I>(i * stride);
  return hn::Load(di, offsets);
}

template <class Op, typename A>
void column_trees(const void* x_, size_t lane_stride, size_t row_stride, size_t rows, void* out_) {
  const hn::CappedTag<A, kTreeLanes> d;
  const size_t width = hn::Lanes(d);
  const auto offsets = lane_offsets(d, lane_stride);
  for (size_t lane = 0; lane < kTreeLanes; lane += width) {
    const A* x = static_cast<const A*>(x_) + lane * lane_stride;
    auto at = [&](size_t r) HWY_ATTR { return gather(d, x + r * row_stride, offsets); };
    auto sum = hn::Set(d, Op::template identity<A>());
    size_t r = 0;
    for (; r + kRowGroup <= rows; r += kRowGroup) {
      auto r01 = Op::apply(d, at(r), at(r + 1));
      auto r23 = Op::apply(d, at(r + 2), at(r + 3));
      auto r45 = Op::apply(d, at(r + 4), at(r + 5));
      auto r67 = Op::apply(d, at(r + 6), at(r + 7));
      sum = Op::apply(d, sum, Op::apply(d, Op::apply(d, r01, r23), Op::apply(d, r45, r67)));
    }
    for (; r < rows; ++r) sum = Op::apply(d, sum, at(r));
    hn::StoreU(sum, d, static_cast<A*>(out_) + lane);
  }
}

template <class Op, typename A, class D>
HWY_INLINE size_t short_row_span(D d, const A* x, size_t length, size_t i, size_t rows, A* out) {
  const size_t width = hn::Lanes(d);
  const auto offsets = lane_offsets(d, length);
  const auto identity = hn::Set(d, Op::template identity<A>());
  size_t used = kShortRow;
  while (used / 2 >= length) used /= 2;
  HWY_ALIGN A lanes[kShortRow * HWY_MAX_BYTES / sizeof(A)];
  for (; i + width <= rows; i += width) {
    const A* row = x + i * length;
    for (size_t k = 0; k < used; ++k) {
      auto v = identity;
      if (k < length) v = Op::apply(d, v, gather(d, row + k, offsets));
      hn::Store(v, d, lanes + k * width);
    }
    for (size_t half = used / 2; half >= 1; half /= 2) {
      for (size_t k = 0; k < half; ++k) {
        hn::Store(
            Op::apply(d, hn::Load(d, lanes + k * width), hn::Load(d, lanes + (half + k) * width)),
            d, lanes + k * width);
      }
    }
    hn::StoreU(hn::Load(d, lanes), d, out + i);
  }
  return i;
}

template <class Op, typename A>
void short_rows(const void* x_, size_t length, size_t rows, void* out_) {
  auto x = static_cast<const A*>(x_);
  auto out = static_cast<A*>(out_);
  size_t i = short_row_span<Op>(hn::CappedTag<A, kTreeLanes>(), x, length, 0, rows, out);
  short_row_span<Op>(hn::CappedTag<A, 1>(), x, length, i, rows, out);
}

template <typename T>
size_t find(const void* x_, size_t n, const void* value_) {
  using A = Accumulator<T>;
  auto x = static_cast<const T*>(x_);
  const A value = *static_cast<const A*>(value_);
  const hn::ScalableTag<A> d;
  const size_t width = hn::Lanes(d);
  size_t i = 0;
  if (value != value) {
    if constexpr (!std::is_integral_v<A>) {
      while (i + width <= n && hn::AllFalse(d, hn::IsNaN(load(d, x + i)))) i += width;
      while (i < n && static_cast<A>(x[i]) == static_cast<A>(x[i])) ++i;
    }
    return i;
  }
  const auto wanted = hn::Set(d, value);
  while (i + width <= n && hn::AllFalse(d, hn::Eq(load(d, x + i), wanted))) i += width;
  while (i < n && static_cast<A>(x[i]) != value) ++i;
  return i;
}

/** Where b beats a: strictly, or as the first NaN. */
template <class Op, class D>
HWY_INLINE hn::Mask<D> beats(D, hn::Vec<D> b, hn::Vec<D> a) {
  hn::Mask<D> better;
  if constexpr (std::is_same_v<Op, MinOp>)
    better = hn::Lt(b, a);
  else
    better = hn::Gt(b, a);
  if constexpr (hwy::IsFloat<hn::TFromD<D>>()) {
    better = hn::Or(better, hn::AndNot(hn::IsNaN(a), hn::IsNaN(b)));
  }
  return better;
}

template <class Op, typename T, class D>
HWY_INLINE size_t best_span(D d, const T* const* rows, size_t num_rows, uint32_t first_row,
                            size_t c, size_t columns, Accumulator<T>* best, void* index_) {
  const hn::RebindToUnsigned<D> du;
  using U = hn::TFromD<decltype(du)>;
  auto index = static_cast<U*>(index_);
  const size_t width = hn::Lanes(d);
  for (; c + width <= columns; c += width) {
    auto value = hn::LoadU(d, best + c);
    auto where = hn::LoadU(du, index + c);
    for (size_t r = 0; r < num_rows; ++r) {
      auto x = load(d, rows[r] + c);
      auto better = beats<Op>(d, x, value);
      value = hn::IfThenElse(better, x, value);
      where = hn::IfThenElse(hn::RebindMask(du, better), hn::Set(du, static_cast<U>(first_row + r)),
                             where);
    }
    hn::StoreU(value, d, best + c);
    hn::StoreU(where, du, index + c);
  }
  return c;
}

template <class Op, typename T>
void best_rows(const void* const* rows_, size_t num_rows, uint32_t first_row, size_t columns,
               void* best_, void* index) {
  using A = Accumulator<T>;
  const T* rows[kRowGroup];
  for (size_t r = 0; r < num_rows; ++r) rows[r] = static_cast<const T*>(rows_[r]);
  auto best = static_cast<A*>(best_);
  size_t c =
      best_span<Op, T>(hn::ScalableTag<A>(), rows, num_rows, first_row, 0, columns, best, index);
  best_span<Op, T>(hn::CappedTag<A, 1>(), rows, num_rows, first_row, c, columns, best, index);
}

/** The kernels that only min and max have. */
template <class Op, typename T>
void add_search(ReduceKernels& kernels) {
  if constexpr ((std::is_same_v<Op, MinOp> || std::is_same_v<Op, MaxOp>)&&sizeof(T) > 1) {
    kernels.find = find<T>;
    kernels.best_rows = best_rows<Op, T>;
  }
}

template <class Op, typename T>
ReduceKernels make_kernels(Dtype accumulator) {
  ReduceKernels kernels{accumulator, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr};
  kernels.accumulate = accumulate<Op, T>;
  kernels.fold = fold<Op, Accumulator<T>>;
  kernels.accumulate_rows = accumulate_rows<Op, T>;
  if constexpr (std::is_same_v<T, Accumulator<T>> && sizeof(T) >= 4) {
    kernels.column_trees = column_trees<Op, T>;
    kernels.short_rows = short_rows<Op, T>;
  }
  add_search<Op, T>(kernels);
  return kernels;
}

template <class Op, typename T>
const ReduceKernels* kernels_of(Dtype accumulator) {
  static const ReduceKernels kernels = make_kernels<Op, T>(accumulator);
  return &kernels;
}

template <class Op>
const ReduceKernels* find_kernels(Dtype storage) {
  switch (storage.val()) {
    case Dtype::Val::float16:
      return kernels_of<Op, float16_t>(float32);
    case Dtype::Val::bfloat16:
      return kernels_of<Op, bfloat16_t>(float32);
    case Dtype::Val::float32:
      return kernels_of<Op, float>(float32);
    case Dtype::Val::float64:
      return kernels_of<Op, double>(float64);
    case Dtype::Val::int32:
      return kernels_of<Op, int32_t>(int32);
    case Dtype::Val::uint32:
      return kernels_of<Op, uint32_t>(uint32);
    case Dtype::Val::int64:
      return kernels_of<Op, int64_t>(int64);
    case Dtype::Val::uint64:
      return kernels_of<Op, uint64_t>(uint64);
    default:
      break;
  }
  if constexpr (std::is_same_v<Op, MinOp> || std::is_same_v<Op, MaxOp>) {
    if (storage == uint8) return kernels_of<Op, uint8_t>(uint8);
  }
  return nullptr;
}

const ReduceKernels* simd_reduce_kernels(ReduceOp op, Dtype storage) {
  switch (op) {
    case ReduceOp::sum:
      return find_kernels<SumOp>(storage);
    case ReduceOp::prod:
      return find_kernels<ProdOp>(storage);
    case ReduceOp::min:
      return find_kernels<MinOp>(storage);
    case ReduceOp::max:
      return find_kernels<MaxOp>(storage);
  }
  return nullptr;
}

template <typename T, typename A>
HWY_INLINE void convert_run(const T* src, int64_t stride, size_t n, A* dst) {
  if (stride == 1) {
    for (size_t i = 0; i < n; ++i) dst[i] = static_cast<A>(src[i]);
  } else {
    for (size_t i = 0; i < n; ++i) dst[i] = static_cast<A>(src[static_cast<int64_t>(i) * stride]);
  }
}

template <typename T>
HWY_INLINE void truth_run(const T* src, int64_t stride, size_t n, uint8_t* dst) {
  if (stride == 1) {
    for (size_t i = 0; i < n; ++i) dst[i] = src[i] != T(0);
  } else {
    for (size_t i = 0; i < n; ++i) dst[i] = src[static_cast<int64_t>(i) * stride] != T(0);
  }
}

void simd_load_accumulators(Dtype storage, bool truth, const void* src, int64_t stride, size_t n,
                            void* dst) {
  dispatch_dtype(storage, [&](auto tag) {
    using T = typename decltype(tag)::type;
    auto from = static_cast<const T*>(src);
    if (truth) {
      truth_run(from, stride, n, static_cast<uint8_t*>(dst));
    } else if constexpr (std::is_same_v<T, bool> || (std::is_signed_v<T> && sizeof(T) < 4)) {
      convert_run(from, stride, n, static_cast<int32_t*>(dst));
    } else if constexpr (std::is_integral_v<T> && sizeof(T) < 4) {
      convert_run(from, stride, n, static_cast<uint32_t*>(dst));
    } else {
      convert_run(from, stride, n, static_cast<Accumulator<T>*>(dst));
    }
  });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mlx::core::cpu {

HWY_EXPORT(simd_reduce_kernels);
HWY_EXPORT(simd_load_accumulators);

namespace {

bool is_nan(const complex64_t& z) { return z != z; }

/** Orders by real part, then imaginary part; the first NaN wins. */
template <bool kIsMin>
complex64_t better(const complex64_t& a, const complex64_t& b) {
  if (is_nan(a)) return a;
  if (is_nan(b)) return b;
  return (kIsMin ? b < a : b > a) ? b : a;
}

template <ReduceOp op>
complex64_t combine_complex(const complex64_t& a, const complex64_t& b) {
  if constexpr (op == ReduceOp::sum)
    return a + b;
  else if constexpr (op == ReduceOp::prod)
    return a * b;
  else
    return better<op == ReduceOp::min>(a, b);
}

template <ReduceOp op>
const ReduceKernels* complex_kernels() {
  static const ReduceKernels kernels{
      complex64,
      [](const void* x, size_t n, void* lanes_) {
        auto lanes = static_cast<complex64_t*>(lanes_);
        for (size_t i = 0; i < n; ++i) {
          lanes[i % kLanes] =
              combine_complex<op>(lanes[i % kLanes], static_cast<const complex64_t*>(x)[i]);
        }
      },
      [](void* lanes_) {
        auto lanes = static_cast<complex64_t*>(lanes_);
        for (size_t half = kLanes / 2; half >= 1; half /= 2) {
          for (size_t i = 0; i < half; ++i)
            lanes[i] = combine_complex<op>(lanes[i], lanes[half + i]);
        }
      },
      [](const void* const* rows, size_t num_rows, size_t columns, void* sums_) {
        auto sums = static_cast<complex64_t*>(sums_);
        for (size_t r = 0; r < num_rows; ++r) {
          auto row = static_cast<const complex64_t*>(rows[r]);
          for (size_t c = 0; c < columns; ++c) sums[c] = combine_complex<op>(sums[c], row[c]);
        }
      },
      nullptr,
      nullptr,
      [](const void* x_, size_t n, const void* value_) {
        auto x = static_cast<const complex64_t*>(x_);
        auto value = *static_cast<const complex64_t*>(value_);
        size_t i = 0;
        while (i < n && !(is_nan(value) ? is_nan(x[i]) : x[i] == value)) ++i;
        return i;
      },
      nullptr};
  return &kernels;
}

}  // namespace

Dtype reduce_accumulator(Dtype storage) {
  switch (storage.val()) {
    case Dtype::Val::bool_:
    case Dtype::Val::int8:
    case Dtype::Val::int16:
      return int32;
    case Dtype::Val::uint8:
    case Dtype::Val::uint16:
      return uint32;
    case Dtype::Val::float16:
    case Dtype::Val::bfloat16:
      return float32;
    default:
      return storage;
  }
}

const ReduceKernels* reduce_kernels(ReduceOp op, Dtype storage) {
  if (storage == complex64) {
    switch (op) {
      case ReduceOp::sum:
        return complex_kernels<ReduceOp::sum>();
      case ReduceOp::prod:
        return complex_kernels<ReduceOp::prod>();
      case ReduceOp::min:
        return complex_kernels<ReduceOp::min>();
      case ReduceOp::max:
        return complex_kernels<ReduceOp::max>();
    }
  }
  return HWY_DYNAMIC_DISPATCH(simd_reduce_kernels)(op, storage);
}

void load_accumulators(Dtype storage, bool truth, const void* src, int64_t stride, size_t n,
                       void* dst) {
  HWY_DYNAMIC_DISPATCH(simd_load_accumulators)(storage, truth, src, stride, n, dst);
}

}  // namespace mlx::core::cpu
#endif
