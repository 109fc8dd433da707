// Driver of the reductions: classifies the layout, splits the work by shape, combines the blocks.
#include "backend/cpu/reduce.h"

#include <algorithm>
#include <limits>
#include <memory>

#include "base/dispatch.h"
#include "base/thread_pool.h"
#include "graph/shape.h"

namespace mlx::core::cpu {

namespace {

constexpr int64_t kTaskElements = 65536;       // the least a thread is given
constexpr int64_t kSegmentElements = 1 << 18;  // long rows and tall columns are cut at this size
constexpr int64_t kMaxSegments = 64;
constexpr int64_t kGatherChunk = 1024;
constexpr int64_t kTileOutputs = 64;
constexpr int64_t kColumnTile = 4096;
constexpr int64_t kShortRowTile = 512;  // outputs
constexpr int64_t kTransposedRows = 512;

static_assert(kGatherChunk % kLanes == 0 && kRowBlock % kGatherChunk == 0);
static_assert(kSourceBlock <= kGatherChunk && kSourceBlock % kLanes == 0 &&
              kRowBlock % kSourceBlock == 0);

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

template <typename A>
struct TotalOf {
  using type = A;
};
/** Blocks of float32 are combined in float64: the error stays that of one block. */
template <>
struct TotalOf<float> {
  using type = double;
};

template <typename T>
bool is_nan(const T& value) {
  return value != value;
}

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
        return Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
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
      return !is_nan(a) && (b < a || is_nan(b)) ? b : a;
    case ReduceOp::max:
      return !is_nan(a) && (b > a || is_nan(b)) ? b : a;
  }
  throw_internal("unknown reduction");
}

/** The layout of one reduction: kept and reduced dimensions, outermost first. */
struct Layout {
  Dims kept;  // all of them
  Dims reduced;
  Dims outer;    // kept ones outside `columns`
  Dims columns;  // the trailing kept ones, when the last dimension is kept
  int64_t num_outputs = 1;
  int64_t length = 1;
  bool along_rows = true;
};

Layout make_layout(const StridedView& x, const std::vector<bool>& is_reduced) {
  Layout layout;
  int ndim = static_cast<int>(x.shape.size());
  int last = ndim - 1;
  while (last >= 0 && x.shape[last] == 1) --last;
  layout.along_rows = last < 0 || is_reduced[last];
  int columns_begin = last + 1;
  while (columns_begin > 0 && (!is_reduced[columns_begin - 1] || x.shape[columns_begin - 1] == 1)) {
    --columns_begin;
  }
  for (int i = 0; i < ndim; ++i) {
    int64_t size = x.shape[i];
    if (is_reduced[i]) {
      layout.length *= size;
      append_dim(layout.reduced, size, x.strides[i]);
      continue;
    }
    layout.num_outputs *= size;
    append_dim(layout.kept, size, x.strides[i]);
    append_dim(i >= columns_begin ? layout.columns : layout.outer, size, x.strides[i]);
  }
  return layout;
}

template <typename A>
class Reducer {
 public:
  using Total = typename TotalOf<A>::type;

  Reducer(ReduceOp op, bool truth, const StridedView& x, const Layout& layout, void* out,
          Dtype out_dtype, const ElementSource* source)
      : op_(op),
        truth_(truth),
        storage_(x.dtype),
        data_(static_cast<const char*>(x.data)),
        itemsize_(size_of(x.dtype)),
        layout_(layout),
        out_(out),
        out_dtype_(out_dtype),
        source_(source) {
    Dtype accumulator = truth ? uint8 : reduce_accumulator(x.dtype);
    kernels_ = reduce_kernels(op, accumulator);
    const ReduceKernels* own =
        truth ? (x.dtype == bool_ ? kernels_ : nullptr) : reduce_kernels(op, x.dtype);
    direct_ = own != nullptr && own->accumulator == accumulator ? own : nullptr;
  }

  void run() {
    if (layout_.num_outputs == 0) return;
    if (layout_.length == 0) {
      for (int64_t i = 0; i < layout_.num_outputs; ++i) store(i, identity_of<Total>(op_));
    } else if (!layout_.along_rows) {
      reduce_columns();
    } else if (rows_are_short_and_packed()) {
      reduce_short_rows();
    } else if (use_tiles()) {
      reduce_row_tiles();
    } else {
      reduce_rows();
    }
  }

 private:
  const void* at(int64_t offset) const { return data_ + offset * static_cast<int64_t>(itemsize_); }

  void store(int64_t i, Total total) const { store_range(i, 1, &total); }

  template <typename V>
  void store_range(int64_t first, int64_t count, const V* values) const {
    dispatch_dtype(out_dtype_, [&](auto tag) {
      using T = typename decltype(tag)::type;
      auto to = static_cast<T*>(out_) + first;
      if constexpr (std::is_same_v<V, complex64_t> != std::is_same_v<T, complex64_t>) {
        throw_internal("a reduction of complex numbers stays complex");
      } else if constexpr (sizeof(T) == 2 && !std::is_integral_v<T>) {
        for (int64_t i = 0; i < count; ++i) to[i] = T(static_cast<float>(values[i]));
      } else {
        for (int64_t i = 0; i < count; ++i) to[i] = static_cast<T>(values[i]);
      }
    });
  }

  /** Copies elements [begin, begin + count) of a sequence of dimensions into accumulators. */
  void gather(const Dims& dims, int64_t base, int64_t begin, int64_t count, A* to) const {
    for_each_run(dims, begin, count, [&](int64_t offset, int64_t n, int64_t stride) {
      load_accumulators(storage_, truth_, at(base + offset), stride, n, to);
      to += n;
    });
  }

  /** The tree along a row, for elements [begin, end) of the row at `base`. */
  Total reduce_sequence(int64_t base, int64_t begin, int64_t end) const {
    alignas(64) A lanes[kLanes];
    alignas(64) A chunk[kGatherChunk];
    const bool dense = direct_ != nullptr && is_dense(layout_.reduced);
    Total total = identity_of<Total>(op_);
    for (int64_t block = begin; block < end; block += kRowBlock) {
      int64_t block_end = std::min<int64_t>(end, block + kRowBlock);
      std::fill_n(lanes, kLanes, identity_of<A>(op_));
      if (source_ != nullptr) {
        for (int64_t i = block; i < block_end; i += kSourceBlock) {
          int64_t n = std::min(kSourceBlock, block_end - i);
          const void* values = source_->fetch(base + i, n);
          if (direct_ == nullptr) {
            load_accumulators(storage_, truth_, values, 1, n, chunk);
            values = chunk;
          }
          (direct_ != nullptr ? direct_ : kernels_)->accumulate(values, n, lanes);
        }
      } else if (dense) {
        direct_->accumulate(at(base + block), block_end - block, lanes);
      } else {
        for (int64_t i = block; i < block_end; i += kGatherChunk) {
          int64_t n = std::min(kGatherChunk, block_end - i);
          gather(layout_.reduced, base, i, n, chunk);
          kernels_->accumulate(chunk, n, lanes);
        }
      }
      kernels_->fold(lanes);
      total = combine<Total>(op_, total, static_cast<Total>(lanes[0]));
    }
    return total;
  }

  void reduce_rows() const {
    const int64_t length = layout_.length;
    int64_t segments = ceil_div(length, kSegmentElements);
    if (segments == 1) {
      int64_t rows = std::max<int64_t>(1, kTaskElements / length);
      parallel_ranges(layout_.num_outputs, rows, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          store(i, reduce_sequence(offset_at(layout_.kept, i), 0, length));
        }
      });
      return;
    }
    std::vector<Total> partial(layout_.num_outputs * segments);
    parallel_for(layout_.num_outputs * segments, [&](int64_t task) {
      int64_t begin = task % segments * kSegmentElements;
      partial[task] = reduce_sequence(offset_at(layout_.kept, task / segments), begin,
                                      std::min(length, begin + kSegmentElements));
    });
    for (int64_t i = 0; i < layout_.num_outputs; ++i) {
      Total total = partial[i * segments];
      for (int64_t s = 1; s < segments; ++s) {
        total = combine<Total>(op_, total, partial[i * segments + s]);
      }
      store(i, total);
    }
  }

  bool rows_are_short_and_packed() const {
    if (kernels_->short_rows == nullptr || layout_.length > static_cast<int64_t>(kShortRow)) {
      return false;
    }
    if (source_ != nullptr) return true;
    return is_dense(layout_.reduced) &&
           (layout_.kept.empty() ||
            (layout_.kept.size() == 1 && layout_.kept[0].stride == layout_.length));
  }

  void reduce_short_rows() const {
    const int64_t length = layout_.length;
    const bool in_place = source_ == nullptr && direct_ == kernels_;
    const int64_t tile = in_place ? kShortRowTile : kGatherChunk / length;
    const int64_t grain = ceil_div(kTaskElements / length, tile) * tile;
    parallel_ranges(layout_.num_outputs, grain, [&](int64_t begin, int64_t end) {
      alignas(64) A chunk[kGatherChunk];
      alignas(64) A values[kGatherChunk];
      for (int64_t first = begin; first < end; first += tile) {
        const int64_t rows = std::min(tile, end - first);
        const void* x =
            source_ != nullptr ? source_->fetch(first * length, rows * length) : at(first * length);
        if (direct_ != kernels_) {
          load_accumulators(storage_, truth_, x, 1, rows * length, chunk);
          x = chunk;
        }
        kernels_->short_rows(x, length, rows, values);
        store_range(first, rows, values);
      }
    });
  }

  /** Tiles of outputs side by side: for rows shorter than the lanes, and for rows that are columns
   * in memory. Each output gets the same tree as in reduce_sequence. */
  bool use_tiles() const {
    if (source_ != nullptr || layout_.kept.empty() || layout_.kept.back().size < 8) return false;
    bool side_by_side = layout_.kept.back().stride == 1 && direct_ != nullptr;
    return layout_.length <= static_cast<int64_t>(kShortRow) ||
           (side_by_side && !is_dense(layout_.reduced));
  }

  void reduce_row_tiles() const {
    const Dim inner = layout_.kept.back();
    const int64_t tiles = ceil_div(inner.size, kTileOutputs);
    const int64_t num_tiles = layout_.num_outputs / inner.size * tiles;
    int64_t grain = std::max<int64_t>(1, kTaskElements / (layout_.length * kTileOutputs));
    parallel_ranges(num_tiles, grain, [&](int64_t begin, int64_t end) {
      auto lanes = std::make_unique_for_overwrite<A[]>(kLanes * kTileOutputs);
      for (int64_t tile = begin; tile < end; ++tile) {
        int64_t first = tile / tiles * inner.size + tile % tiles * kTileOutputs;
        int64_t count = std::min(kTileOutputs, inner.size - tile % tiles * kTileOutputs);
        reduce_row_tile(first, count, inner.stride, lanes.get());
      }
    });
  }

  void reduce_row_tile(int64_t first, int64_t count, int64_t stride, A* lanes) const {
    const int64_t base = offset_at(layout_.kept, first);
    const bool side_by_side = stride == 1 && direct_ != nullptr;
    alignas(64) A chunk[kTileOutputs];
    Total totals[kTileOutputs];
    std::fill_n(totals, count, identity_of<Total>(op_));
    for (int64_t block = 0; block < layout_.length; block += kRowBlock) {
      int64_t n = std::min<int64_t>(kRowBlock, layout_.length - block);
      int64_t used = kLanes;  // lanes beyond the row would only add the identity
      while (used / 2 >= n) used /= 2;
      std::fill_n(lanes, used * count, identity_of<A>(op_));
      int64_t lane = 0;
      for_each_run(layout_.reduced, block, n, [&](int64_t offset, int64_t run, int64_t step) {
        for (int64_t i = 0; i < run; ++i, ++lane) {
          const void* row = at(base + offset + i * step);
          A* to = lanes + lane % kLanes * count;
          if (side_by_side) {
            direct_->accumulate_rows(&row, 1, count, to);
          } else {
            load_accumulators(storage_, truth_, row, stride, count, chunk);
            const void* loaded = chunk;
            kernels_->accumulate_rows(&loaded, 1, count, to);
          }
        }
      });
      for (int64_t half = used / 2; half >= 1; half /= 2) {
        const void* upper = lanes + half * count;
        kernels_->accumulate_rows(&upper, 1, half * count, lanes);
      }
      for (int64_t i = 0; i < count; ++i) {
        totals[i] = combine<Total>(op_, totals[i], static_cast<Total>(lanes[i]));
      }
    }
    store_range(first, count, totals);
  }

  void reduce_columns() const {
    const int64_t columns = num_elements(layout_.columns);
    const int64_t tile = std::min(columns, kColumnTile);
    const int64_t tiles = ceil_div(columns, tile);
    const int64_t groups = layout_.num_outputs / columns * tiles;
    int64_t segment_rows = layout_.length;
    if (groups < 16) {
      segment_rows = std::max(
          {int64_t{kColumnBlock}, kSegmentElements / tile, ceil_div(layout_.length, kMaxSegments)});
      segment_rows = ceil_div(segment_rows, kColumnBlock) * kColumnBlock;
    }
    const int64_t segments = ceil_div(layout_.length, segment_rows);
    if (segments == 1) {
      int64_t grain = std::max<int64_t>(1, kTaskElements / (layout_.length * tile));
      parallel_ranges(groups, grain, [&](int64_t begin, int64_t end) {
        auto totals = std::make_unique_for_overwrite<Total[]>(tile);
        for (int64_t g = begin; g < end; ++g) {
          int64_t outer = g / tiles;
          int64_t first = g % tiles * tile;
          int64_t count = std::min(tile, columns - first);
          reduce_column_tile(offset_at(layout_.outer, outer), first, count, 0, layout_.length,
                             totals.get());
          store_range(outer * columns + first, count, totals.get());
        }
      });
      return;
    }
    auto partial = std::make_unique_for_overwrite<Total[]>(groups * segments * tile);
    parallel_for(groups * segments, [&](int64_t task) {
      int64_t g = task / segments;
      int64_t first = g % tiles * tile;
      int64_t begin = task % segments * segment_rows;
      reduce_column_tile(offset_at(layout_.outer, g / tiles), first,
                         std::min(tile, columns - first), begin,
                         std::min(layout_.length, begin + segment_rows), &partial[task * tile]);
    });
    for (int64_t g = 0; g < groups; ++g) {
      int64_t first = g % tiles * tile;
      int64_t count = std::min(tile, columns - first);
      Total* totals = &partial[g * segments * tile];
      for (int64_t s = 1; s < segments; ++s) combine_range(totals, totals + s * tile, count);
      store_range(g / tiles * columns + first, count, totals);
    }
  }

  void combine_range(Total* totals, const Total* more, int64_t count) const {
    if (op_ == ReduceOp::sum) {
      for (int64_t i = 0; i < count; ++i) totals[i] = combine(ReduceOp::sum, totals[i], more[i]);
    } else {
      for (int64_t i = 0; i < count; ++i) totals[i] = combine(op_, totals[i], more[i]);
    }
  }

  /** The elements of columns [first, first + count) of a row from the source, as accumulators. */
  void fetch_row(int64_t row, int64_t first, int64_t count, A* to) const {
    for (int64_t i = 0; i < count; i += kSourceBlock) {
      int64_t n = std::min(kSourceBlock, count - i);
      load_accumulators(storage_, truth_, source_->fetch(row + first + i, n), 1, n, to + i);
    }
  }

  /** The tree down columns, for `count` columns from `first` and rows [begin, end). */
  void reduce_column_tile(int64_t base, int64_t first, int64_t count, int64_t begin, int64_t end,
                          Total* totals) const {
    std::fill_n(totals, count, identity_of<Total>(op_));
    if (kernels_->column_trees != nullptr && source_ == nullptr) {
      const bool dense = is_dense(layout_.columns);
      const bool packed =
          dense && layout_.reduced.size() == 1 && layout_.reduced[0].stride == count;
      if (packed && count < static_cast<int64_t>(kTreeLanes)) {
        begin = reduce_narrow_columns(base, count, begin, end, totals);
      } else if (!dense && is_dense(layout_.reduced)) {
        return reduce_columns_that_are_rows(base, first, count, begin, end, totals);
      }
    }
    reduce_column_blocks(base, first, count, begin, end, totals);
  }

  /** A few columns with nothing between them: whole blocks of rows side by side. Returns the first
   * row that is left. */
  int64_t reduce_narrow_columns(int64_t base, int64_t count, int64_t begin, int64_t end,
                                Total* totals) const {
    constexpr int64_t kRows = kTreeLanes * kColumnBlock;
    A trees[kTreeLanes];
    std::unique_ptr<A[]> chunk;
    if (direct_ != kernels_) chunk = std::make_unique_for_overwrite<A[]>(kRows * count);
    for (; begin + kRows <= end; begin += kRows) {
      auto x = static_cast<const A*>(at(base + begin * count));
      if (chunk != nullptr) {
        load_accumulators(storage_, truth_, x, 1, kRows * count, chunk.get());
        x = chunk.get();
      }
      for (int64_t c = 0; c < count; ++c) {
        kernels_->column_trees(x + c, kColumnBlock * count, count, kColumnBlock, trees);
        for (A tree : trees) totals[c] = combine<Total>(op_, totals[c], static_cast<Total>(tree));
      }
    }
    return begin;
  }

  /** Columns whose elements are next to one another in memory: copied in runs, then side by side.
   */
  void reduce_columns_that_are_rows(int64_t base, int64_t first, int64_t count, int64_t begin,
                                    int64_t end, Total* totals) const {
    constexpr int64_t kPitch = kTransposedRows + 16;  // no power of two: lines of all sets
    A trees[kTreeLanes];
    auto chunk = std::make_unique<A[]>(kTreeLanes * kPitch);
    for (int64_t c = 0; c < count; c += kTreeLanes) {
      const int64_t lanes = std::min<int64_t>(kTreeLanes, count - c);
      for (int64_t row = begin; row < end; row += kTransposedRows) {
        const int64_t rows = std::min(kTransposedRows, end - row);
        for (int64_t lane = 0; lane < lanes; ++lane) {
          int64_t column = base + offset_at(layout_.columns, first + c + lane);
          load_accumulators(storage_, truth_, at(column + row), 1, rows, &chunk[lane * kPitch]);
        }
        for (int64_t r = 0; r < rows; r += kColumnBlock) {
          kernels_->column_trees(&chunk[r], kPitch, 1, std::min<int64_t>(kColumnBlock, rows - r),
                                 trees);
          for (int64_t lane = 0; lane < lanes; ++lane) {
            totals[c + lane] =
                combine<Total>(op_, totals[c + lane], static_cast<Total>(trees[lane]));
          }
        }
      }
    }
  }

  void reduce_column_blocks(int64_t base, int64_t first, int64_t count, int64_t begin, int64_t end,
                            Total* totals) const {
    if (begin >= end) return;
    const bool dense = source_ == nullptr && direct_ != nullptr && is_dense(layout_.columns);
    auto sums = std::make_unique_for_overwrite<A[]>(count);
    std::unique_ptr<A[]> gathered;
    if (!dense) gathered = std::make_unique_for_overwrite<A[]>(kRowGroup * count);
    for (int64_t block = begin; block < end; block += kColumnBlock) {
      int64_t block_end = std::min<int64_t>(end, block + kColumnBlock);
      std::fill_n(sums.get(), count, identity_of<A>(op_));
      for (int64_t group = block; group < block_end; group += kRowGroup) {
        int64_t rows = std::min<int64_t>(kRowGroup, block_end - group);
        const void* pointers[kRowGroup];
        for (int64_t r = 0; r < rows; ++r) {
          int64_t row = base + offset_at(layout_.reduced, group + r);
          if (dense) {
            pointers[r] = at(row + first);
          } else if (source_ != nullptr) {
            fetch_row(row, first, count, &gathered[r * count]);
            pointers[r] = &gathered[r * count];
          } else {
            gather(layout_.columns, row, first, count, &gathered[r * count]);
            pointers[r] = &gathered[r * count];
          }
        }
        (dense ? direct_ : kernels_)->accumulate_rows(pointers, rows, count, sums.get());
      }
      if (op_ == ReduceOp::sum) {
        for (int64_t i = 0; i < count; ++i) {
          totals[i] = combine(ReduceOp::sum, totals[i], static_cast<Total>(sums[i]));
        }
      } else {
        for (int64_t i = 0; i < count; ++i) {
          totals[i] = combine(op_, totals[i], static_cast<Total>(sums[i]));
        }
      }
    }
  }

  ReduceOp op_;
  bool truth_;
  Dtype storage_;
  const char* data_;
  size_t itemsize_;
  const Layout& layout_;
  void* out_;
  Dtype out_dtype_;
  const ElementSource* source_;   // where the elements come from, or nullptr: memory
  const ReduceKernels* kernels_;  // on accumulators
  const ReduceKernels* direct_;   // on the storage type, or nullptr
};

}  // namespace

bool reduces_in_runs(const Shape& shape, const std::vector<bool>& reduced) {
  Strides strides = row_major_strides(shape);
  Layout layout = make_layout({nullptr, float32, shape, strides}, reduced);
  // Short rows are better reduced side by side from memory.
  return layout.along_rows
             ? is_dense(layout.reduced) && layout.length > static_cast<int64_t>(kShortRow)
             : is_dense(layout.columns);
}

void reduce(ReduceOp op, bool truth, const StridedView& x, const std::vector<bool>& reduced,
            void* out, Dtype out_dtype, const ElementSource* source) {
  Layout layout = make_layout(x, reduced);
  auto run = [&]<typename A>(TypeTag<A>) {
    Reducer<A>(op, truth, x, layout, out, out_dtype, source).run();
  };
  if (truth) return run(TypeTag<uint8_t>{});
  switch (reduce_accumulator(x.dtype).val()) {
    case Dtype::Val::int32:
      return run(TypeTag<int32_t>{});
    case Dtype::Val::uint32:
      return run(TypeTag<uint32_t>{});
    case Dtype::Val::int64:
      return run(TypeTag<int64_t>{});
    case Dtype::Val::uint64:
      return run(TypeTag<uint64_t>{});
    case Dtype::Val::float32:
      return run(TypeTag<float>{});
    case Dtype::Val::float64:
      return run(TypeTag<double>{});
    case Dtype::Val::complex64:
      return run(TypeTag<complex64_t>{});
    default:
      throw_internal("no accumulator for this dtype");
  }
}

}  // namespace mlx::core::cpu
