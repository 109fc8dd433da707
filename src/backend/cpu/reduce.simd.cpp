// Block kernels of the reductions, for each SIMD target.
#include "backend/cpu/reduce_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/reduce.simd.cpp"
#include "hwy/foreach_target.h"
//
#include "backend/cpu/reduce_ops-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {
namespace {

// Far enough ahead to cross into the next page before the hardware prefetcher does.
constexpr int64_t kAheadBytes = 2048;

/** Lanes of a vector of accumulators: four vectors hold kLanes, or part of them. */
template <typename A>
using LaneTag = hn::CappedTag<A, kLanes / 4>;

/** Folds a vector by halves. */
template <class Op, class D>
HWY_INLINE hn::TFromD<D> fold_vector(D d, hn::Vec<D> v) {
  (void)d;
#if HWY_TARGET != HWY_SCALAR
  if constexpr (hn::MaxLanes(D()) > 1) {
    const hn::Half<D> half;
    return fold_vector<Op>(half, Op::apply(half, hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  }
#endif
  return hn::GetLane(v);
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
        prefetch_at(x + i, kAheadBytes + static_cast<int64_t>(line));
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
  const LaneTag<A> d;
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
  const LaneTag<A> d;
  const size_t width = hn::Lanes(d);
  for (size_t half = kLanes / 2; half >= width; half /= 2) {
    for (size_t i = 0; i < half; i += width) {
      hn::StoreU(Op::apply(d, hn::LoadU(d, lanes + i), hn::LoadU(d, lanes + half + i)), d,
                 lanes + i);
    }
  }
  lanes[0] = fold_vector<Op>(d, hn::LoadU(d, lanes));
}

template <class Op, typename T>
void row_trees(const void* x_, size_t n, int64_t stride, size_t rows, void* out_) {
  using A = Accumulator<T>;
  auto x = static_cast<const T*>(x_);
  auto out = static_cast<A*>(out_);
  HWY_ALIGN A lanes[kLanes];
  for (size_t r = 0; r < rows; ++r, x += stride) {
    for (A& lane : lanes) lane = Op::template identity<A>();
    accumulate<Op, T>(x, n, lanes);
    fold<Op, A>(lanes);
    out[r] = lanes[0];
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
                              Accumulator<T>* sums, int64_t ahead) {
  const size_t width = hn::Lanes(d);
  if (num_rows == kRowGroup) {
    for (; c + width <= columns; c += width) {
      for (size_t r = 0; r < kRowGroup; ++r) {
        prefetch_far(rows[r] + c, ahead);
      }
      hn::StoreU(Op::apply(d, hn::LoadU(d, sums + c), row_tree<Op>(d, rows, c)), d, sums + c);
    }
    return c;
  }
  for (; c + width <= columns; c += width) {
    auto sum = hn::LoadU(d, sums + c);
    for (size_t r = 0; r < num_rows; ++r) {
      prefetch_far(rows[r] + c, ahead);
      sum = Op::apply(d, sum, load(d, rows[r] + c));
    }
    hn::StoreU(sum, d, sums + c);
  }
  return c;
}

template <class Op, typename T>
void accumulate_rows(const void* const* rows_, size_t num_rows, size_t columns, void* sums_,
                     int64_t ahead) {
  using A = Accumulator<T>;
  const T* rows[kRowGroup];
  for (size_t r = 0; r < num_rows; ++r) rows[r] = static_cast<const T*>(rows_[r]);
  auto sums = static_cast<A*>(sums_);
  size_t c = column_span<Op, T>(hn::ScalableTag<A>(), rows, num_rows, 0, columns, sums, ahead);
  column_span<Op, T>(hn::CappedTag<A, 1>(), rows, num_rows, c, columns, sums, ahead);
}

template <class Op, typename A>
void accumulate_totals(const void* x_, size_t n, void* totals_) {
  if constexpr (std::is_same_v<A, float> &&
                (std::is_same_v<Op, SumOp> || std::is_same_v<Op, ProdOp>)) {
    auto x = static_cast<const float*>(x_);
    auto totals = static_cast<double*>(totals_);
    const hn::ScalableTag<double> d;
    const hn::Rebind<float, decltype(d)> df;
    size_t i = 0;
    for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) {
      auto more = hn::PromoteTo(d, hn::LoadU(df, x + i));
      hn::StoreU(Op::apply(d, hn::LoadU(d, totals + i), more), d, totals + i);
    }
    const hn::CappedTag<double, 1> d1;
    for (; i < n; ++i) {
      auto more = hn::Set(d1, static_cast<double>(x[i]));
      hn::StoreU(Op::apply(d1, hn::LoadU(d1, totals + i), more), d1, totals + i);
    }
  } else {
    accumulate_rows<Op, A>(&x_, 1, n, totals_, 0);
  }
}

/** Every stride-th element from p: lane i gets p[i * stride]. */
template <class D>
HWY_INLINE hn::Vec<D> gather(D d, const hn::TFromD<D>* p, hn::Vec<hn::RebindToSigned<D>> indices) {
  return hn::GatherIndex(d, p, indices);
}

template <class D>
HWY_INLINE hn::Vec<hn::RebindToSigned<D>> lane_offsets(D, int64_t stride) {
  const hn::RebindToSigned<D> di;
  using I = hn::TFromD<decltype(di)>;
  HWY_ALIGN I offsets[HWY_MAX_BYTES / sizeof(I)];
  for (size_t i = 0; i < hn::Lanes(di); ++i)
    offsets[i] = static_cast<I>(static_cast<int64_t>(i) * stride);
  return hn::Load(di, offsets);
}

/** The tree down a block of up to kColumnBlock rows, whose row r is at(r). */
template <class Op, class D, class At>
HWY_INLINE hn::Vec<D> block_tree(D d, size_t rows, At&& at) {
  auto sum = hn::Set(d, Op::template identity<hn::TFromD<D>>());
  size_t r = 0;
  for (; r + kRowGroup <= rows; r += kRowGroup) {
    auto r01 = Op::apply(d, at(r), at(r + 1));
    auto r23 = Op::apply(d, at(r + 2), at(r + 3));
    auto r45 = Op::apply(d, at(r + 4), at(r + 5));
    auto r67 = Op::apply(d, at(r + 6), at(r + 7));
    sum = Op::apply(d, sum, Op::apply(d, Op::apply(d, r01, r23), Op::apply(d, r45, r67)));
  }
  for (; r < rows; ++r) sum = Op::apply(d, sum, at(r));
  return sum;
}

#if !HWY_HAVE_SCALABLE && HWY_TARGET != HWY_SCALAR
/** Squares of elements that fill the 16-byte blocks of vectors, turned: columns[k] holds element k
 * of each block. */
template <class D, typename A, class V>
HWY_INLINE void load_squares(D d, const A* x, int64_t stride, V* columns) {
  constexpr int N = 16 / sizeof(A);
  V other[N];
  for (int i = 0; i < N; ++i) columns[i] = hn::LoadU(d, x + i * stride);
  for (int step = 1; step < N; step *= 2) {
    for (int i = 0; i < N / 2; ++i) {
      other[2 * i] = hn::InterleaveLower(d, columns[i], columns[i + N / 2]);
      other[2 * i + 1] = hn::InterleaveUpper(d, columns[i], columns[i + N / 2]);
    }
    for (int i = 0; i < N; ++i) columns[i] = other[i];
  }
}
#endif

/** Tree down one block of the next few columns, whose elements follow one another in memory. */
template <class Op, typename A>
HWY_INLINE size_t tree_of_dense_columns(const A* x, int64_t stride, A* out) {
#if HWY_HAVE_SCALABLE || HWY_TARGET == HWY_SCALAR
  const hn::CappedTag<A, 1> d;
  hn::StoreU(block_tree<Op>(d, kColumnBlock, [&](size_t r) { return hn::LoadU(d, x + r); }), d,
             out);
  return 1;
#else
  constexpr size_t N = 16 / sizeof(A);
  const hn::FixedTag<A, N> d;
  auto sum = hn::Set(d, Op::template identity<A>());
#if HWY_TARGET <= HWY_AVX3
  if constexpr (N == 4) {
    // Each 16-byte block of wide vectors is a square of its own: rows 0-3, 4-7, 8-11, 12-15.
    const hn::FixedTag<A, 16> wide;
    const hn::Half<decltype(wide)> half;
    for (size_t r = 0; r < kColumnBlock; r += 16) {
      hn::Vec<decltype(wide)> v[4];
      load_squares(wide, x + r, stride, v);
      auto four = Op::apply(wide, Op::apply(wide, v[0], v[1]), Op::apply(wide, v[2], v[3]));
      auto eight = Op::apply(wide, four, hn::SwapAdjacentBlocks(four));
      sum = Op::apply(d, sum, hn::LowerHalf(d, hn::LowerHalf(half, eight)));
      sum = Op::apply(d, sum, hn::LowerHalf(d, hn::UpperHalf(half, eight)));
    }
    hn::StoreU(sum, d, out);
    return N;
  }
#endif
  for (size_t r = 0; r < kColumnBlock; r += kRowGroup) {
    hn::Vec<decltype(d)> v[kRowGroup];
    for (size_t k = 0; k < kRowGroup; k += N) load_squares(d, x + r + k, stride, v + k);
    auto r03 = Op::apply(d, Op::apply(d, v[0], v[1]), Op::apply(d, v[2], v[3]));
    auto r47 = Op::apply(d, Op::apply(d, v[4], v[5]), Op::apply(d, v[6], v[7]));
    sum = Op::apply(d, sum, Op::apply(d, r03, r47));
  }
  hn::StoreU(sum, d, out);
  return N;
#endif
}

template <class Op, typename A>
void column_trees(const void* x_, int64_t lane_stride, int64_t row_stride, size_t rows,
                  void* out_) {
  auto x = static_cast<const A*>(x_);
  auto out = static_cast<A*>(out_);
  if (row_stride == 1 && rows == kColumnBlock) {
    for (size_t lane = 0; lane < kTreeLanes;) {
      const A* first = x + static_cast<int64_t>(lane) * lane_stride;
      const size_t count = tree_of_dense_columns<Op>(first, lane_stride, out + lane);
      for (size_t k = 0; k < count; ++k, first += lane_stride) {
        for (int64_t line = 0; line < static_cast<int64_t>(kColumnBlock * sizeof(A)); line += 64) {
          prefetch_far(first, kAheadBytes + line);
        }
      }
      lane += count;
    }
    return;
  }
  const hn::CappedTag<A, kTreeLanes> d;
  const size_t width = hn::Lanes(d);
  const auto offsets = lane_offsets(d, lane_stride);
  for (size_t lane = 0; lane < kTreeLanes; lane += width) {
    const A* first = x + static_cast<int64_t>(lane) * lane_stride;
    auto at = [&](size_t r) HWY_ATTR {
      return gather(d, first + static_cast<int64_t>(r) * row_stride, offsets);
    };
    hn::StoreU(block_tree<Op>(d, rows, at), d, out + lane);
  }
}

template <class Op, typename A, class D>
HWY_INLINE size_t short_row_span(D d, const A* x, size_t length, size_t i, size_t rows, A* out) {
  const size_t width = hn::Lanes(d);
  const auto offsets = lane_offsets(d, static_cast<int64_t>(length));
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

template <class Op, typename T>
constexpr ReduceKernels make_kernels(Dtype accumulator) {
  ReduceKernels kernels{accumulator,
                        accumulate<Op, T>,
                        fold<Op, Accumulator<T>>,
                        row_trees<Op, T>,
                        accumulate_rows<Op, T>,
                        accumulate_totals<Op, Accumulator<T>>,
                        nullptr,
                        nullptr};
  if constexpr (std::is_same_v<T, Accumulator<T>> && sizeof(T) >= 4) {
    kernels.column_trees = column_trees<Op, T>;
    kernels.short_rows = short_rows<Op, T>;
  }
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
    switch (storage.val()) {
      case Dtype::Val::int8:
        return kernels_of<Op, int8_t>(int8);
      case Dtype::Val::uint8:
      case Dtype::Val::bool_:
        return kernels_of<Op, uint8_t>(uint8);
      case Dtype::Val::int16:
        return kernels_of<Op, int16_t>(int16);
      case Dtype::Val::uint16:
        return kernels_of<Op, uint16_t>(uint16);
      default:
        break;
    }
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

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mlx::core::cpu {

HWY_EXPORT(simd_reduce_kernels);

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

Dtype reduce_accumulator(ReduceOp op, Dtype storage) {
  const bool compares = op == ReduceOp::min || op == ReduceOp::max;
  if (storage == bool_) return compares ? uint8 : int32;
  return compares && issubdtype(storage, integer) ? storage : reduce_accumulator(storage);
}

const ReduceKernels* reduce_kernels(ReduceOp op, Dtype storage) {
  if (storage == complex64) return complex_reduce_kernels(op);
  return HWY_DYNAMIC_DISPATCH(simd_reduce_kernels)(op, storage);
}

}  // namespace mlx::core::cpu
#endif
