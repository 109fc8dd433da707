// Positions of extrema: along rows, the block kernels of min and max find the value and a search
// its place; side by side, value and place are kept together.
#include "backend/cpu/arg_reduce.h"

#include <algorithm>
#include <memory>

#include "backend/cpu/element/kernels.h"
#include "backend/cpu/reduce_job.h"
#include "backend/cpu/scratch.h"
#include "backend/cpu/search_kernels.h"
#include "base/thread_pool.h"

namespace mlx::core::cpu {

namespace {

constexpr int64_t kBlock = 4096;
constexpr int64_t kColumnTile = 1024;
constexpr int64_t kTurnedTile = 64;

template <typename A>
bool is_nan(const A& v) {
  return v != v;
}

template <typename A>
struct Best {
  A value;
  int64_t index;
};

template <typename A>
class ArgReducer {
 public:
  ArgReducer(bool min, const StridedView& x, int axis, uint32_t* out)
      : min_(min),
        storage_(x.dtype),
        accumulator_(reduce_accumulator(x.dtype)),
        data_(static_cast<const char*>(x.data)),
        itemsize_(static_cast<int64_t>(size_of(x.dtype))),
        out_(out),
        reads_in_place_(search_kernels(min, x.dtype) != nullptr),
        reduce_(reduce_kernels(min ? ReduceOp::min : ReduceOp::max,
                               reads_in_place_ ? x.dtype : accumulator_)),
        search_(search_kernels(min, reads_in_place_ ? x.dtype : accumulator_)) {
    std::vector<bool> reduced(x.shape.size(), false);
    if (!x.shape.empty()) {
      reduced[axis] = true;
      stride_ = x.strides[axis];
    }
    layout_ = reduce_layout(x.shape, x.strides, reduced, false);
    out_ += layout_.out_base;
    data_ += layout_.base * itemsize_;
    length_ = layout_.length;
  }

  void run() const {
    if (layout_.num_outputs == 0) return;
    const Dims& kept = layout_.kept;
    const bool is_wide = !kept.empty() && search_->best_rows != nullptr &&
                         kept.back().size >= (is_turned() ? 8 : 16);
    if (is_wide && (is_turned() || lies_across(kept.back().stride)))
      reduce_columns();
    else
      reduce_rows();
  }

 private:
  /** Rows so short that they are transposed first. */
  bool is_turned() const { return stride_ == 1 && length_ <= static_cast<int64_t>(kShortRow); }
  bool lies_across(int64_t kept_stride) const {
    return kept_stride != 0 && kept_stride < std::abs(stride_);
  }
  const void* at(int64_t offset) const { return data_ + offset * itemsize_; }

  void load(int64_t offset, int64_t stride, int64_t n, A* to) const {
    load_accumulators(storage_, accumulator_, at(offset), stride, n, to);
  }

  bool beats(const A& b, const A& a) const {
    if (is_nan(a)) return false;
    return is_nan(b) || (min_ ? b < a : a < b);
  }

  /** Keeps the better of two bests, column by column; no branch depends on the values. */
  template <typename Index>
  void merge(const A* more, const Index* more_places, int64_t count, A* best, Index* places) const {
    auto run = [&](auto less) {
      for (int64_t c = 0; c < count; ++c) {
        const A a = best[c];
        const A b = more[c];
        const bool takes = (is_nan(b) | less(a, b)) & (a == a);
        best[c] = takes ? b : a;
        places[c] = takes ? more_places[c] : places[c];
      }
    };
    if (min_)
      run([](const A& a, const A& b) { return b < a; });
    else
      run([](const A& a, const A& b) { return a < b; });
  }

  template <typename Index>
  void store(int64_t first, int64_t count, const Index* places) const {
    for_each_run(layout_.out, first, count, [&](int64_t offset, int64_t n, int64_t stride) {
      for (int64_t i = 0; i < n; ++i) {
        out_[offset + i * stride] = static_cast<uint32_t>(places[i]);
      }
      places += n;
    });
  }

  /** The best of elements [begin, end) of the row at `base`; the first among equals. */
  Best<A> search(int64_t base, int64_t begin, int64_t end) const {
    alignas(64) A chunk[kBlock];
    alignas(64) A lanes[kLanes];
    Best<A> best{};
    for (int64_t i = begin; i < end; i += kBlock) {
      const int64_t n = std::min(kBlock, end - i);
      const void* block = at(base + i * stride_);
      if (!reads_in_place_ || stride_ != 1) {
        load(base + i * stride_, stride_, n, chunk);
        block = chunk;
      }
      const bool is_loaded = block == chunk;
      const ReduceKernels& reduce = is_loaded ? *loaded_reduce() : *reduce_;
      // Any element of the block is a neutral start; lanes beyond the block keep it.
      A first;
      load(base + i * stride_, 1, 1, &first);
      std::fill_n(lanes, kLanes, first);
      reduce.accumulate(block, n, lanes);
      reduce.fold(lanes);
      if (i == begin || beats(lanes[0], best.value)) {
        const SearchKernels& kernels = is_loaded ? *loaded_search() : *search_;
        best = {lanes[0], i + static_cast<int64_t>(kernels.find(block, n, &lanes[0]))};
      }
    }
    return best;
  }

  /** Kernels on accumulators. */
  const ReduceKernels* loaded_reduce() const {
    return reduce_kernels(min_ ? ReduceOp::min : ReduceOp::max, accumulator_);
  }
  const SearchKernels* loaded_search() const { return search_kernels(min_, accumulator_); }

  void reduce_rows() const {
    const int64_t segments = ceil_div(length_, kSegmentElements);
    if (segments == 1) {
      const int64_t grain = std::max<int64_t>(1, kTaskElements / length_);
      parallel_ranges(layout_.num_outputs, grain, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          const Best<A> best = search(offset_at(layout_.kept, i), 0, length_);
          store(i, 1, &best.index);
        }
      });
      return;
    }
    std::vector<Best<A>> partial(layout_.num_outputs * segments);
    parallel_for(layout_.num_outputs * segments, [&](int64_t task) {
      const int64_t begin = task % segments * kSegmentElements;
      partial[task] = search(offset_at(layout_.kept, task / segments), begin,
                             std::min(length_, begin + kSegmentElements));
    });
    for (int64_t i = 0; i < layout_.num_outputs; ++i) {
      Best<A> best = partial[i * segments];
      for (int64_t s = 1; s < segments; ++s) {
        const Best<A>& other = partial[i * segments + s];
        if (beats(other.value, best.value)) best = other;
      }
      store(i, 1, &best.index);
    }
  }

  void reduce_columns() const {
    const int64_t inner = layout_.kept.back().size;
    const int64_t tile = std::min(inner, is_turned() ? kTurnedTile : kColumnTile);
    const int64_t tiles = ceil_div(inner, tile);
    const int64_t groups = layout_.num_outputs / inner * tiles;
    int64_t segment_rows = length_;
    if (groups < 16) {
      segment_rows = std::max<int64_t>({64, 2 * kSegmentElements / tile, ceil_div(length_, 64)});
    }
    const int64_t segments = ceil_div(length_, segment_rows);
    using Index = std::conditional_t<sizeof(A) == 8, uint64_t, uint32_t>;
    const int64_t kept_tiles = segments == 1 ? 0 : groups * segments;
    Scratch<A> best(kept_tiles * tile);
    Scratch<Index> index(kept_tiles * tile);
    const int64_t grain = std::max<int64_t>(1, kTaskElements / (segment_rows * tile));
    parallel_ranges(groups * segments, grain, [&](int64_t task_begin, int64_t task_end) {
      auto rows = std::make_unique_for_overwrite<A[]>((kRowGroup + 1) * tile);
      auto places = std::make_unique_for_overwrite<Index[]>(tile);
      for (int64_t task = task_begin; task < task_end; ++task) {
        const int64_t g = task / segments;
        const int64_t first = g / tiles * inner + g % tiles * tile;
        const int64_t count = std::min(tile, inner - g % tiles * tile);
        const int64_t begin = task % segments * segment_rows;
        A* values = segments == 1 ? &rows[kRowGroup * tile] : &best[task * tile];
        Index* where = segments == 1 ? places.get() : &index[task * tile];
        scan_tile(first, count, begin, std::min(length_, begin + segment_rows), rows.get(), values,
                  where);
        if (segments == 1) store(first, count, where);
      }
    });
    if (segments == 1) return;
    parallel_for(groups, [&](int64_t g) {
      const int64_t count = std::min(tile, inner - g % tiles * tile);
      A* values = &best[g * segments * tile];
      Index* places = &index[g * segments * tile];
      for (int64_t s = 1; s < segments; ++s) {
        merge(&values[s * tile], &places[s * tile], count, values, places);
      }
      store(g / tiles * inner + g % tiles * tile, count, places);
    });
  }

  /** Value and place of the best of rows [begin, end), for `count` columns from output `first`. */
  template <typename Index>
  void scan_tile(int64_t first, int64_t count, int64_t begin, int64_t end, A* loaded, A* best,
                 Index* index) const {
    const int64_t column_stride = layout_.kept.back().stride;
    const int64_t base = offset_at(layout_.kept, first);
    // Short rows are turned first.
    alignas(64) char turned[kTurnedTile * kShortRow * 8];
    const char* from = data_ + base * itemsize_;
    int64_t row_bytes = stride_ * itemsize_;
    int64_t step = column_stride;
    if (is_turned()) {
      transpose_block(turned, count, from, column_stride, length_, count,
                      static_cast<size_t>(itemsize_));
      from = turned;
      row_bytes = count * itemsize_;
      step = 1;
    }
    const bool in_place = reads_in_place_ && step == 1;
    auto load_row = [&](int64_t row, A* to) {
      load_accumulators(storage_, accumulator_, from + row * row_bytes, step, count, to);
    };
    load_row(begin, best);
    std::fill_n(index, count, static_cast<Index>(begin));
    const SearchKernels& kernels = in_place ? *search_ : *loaded_search();
    for (int64_t row = begin + 1; row < end; row += kRowGroup) {
      const int64_t n = std::min<int64_t>(kRowGroup, end - row);
      const void* rows[kRowGroup];
      for (int64_t r = 0; r < n; ++r) {
        rows[r] = from + (row + r) * row_bytes;
        if (in_place) continue;
        load_row(row + r, loaded + r * count);
        rows[r] = loaded + r * count;
      }
      kernels.best_rows(rows, n, static_cast<uint32_t>(row), count, best, index,
                        in_place ? row_bytes * static_cast<int64_t>(kRowGroup) : 0);
    }
  }

  bool min_;
  Dtype storage_;
  Dtype accumulator_;
  const char* data_;
  int64_t itemsize_;
  uint32_t* out_;
  bool reads_in_place_;
  const ReduceKernels* reduce_;  // on elements, if those are read in place, else on accumulators
  const SearchKernels* search_;
  ReduceLayout layout_;
  int64_t length_ = 1;
  int64_t stride_ = 1;
};

}  // namespace

void arg_reduce(bool min, const StridedView& x, int axis, uint32_t* out) {
  dispatch_accumulator(reduce_accumulator(x.dtype), [&](auto tag) {
    using A = typename decltype(tag)::type;
    if constexpr (sizeof(A) >= 4) {
      ArgReducer<A>(min, x, axis, out).run();
    }
  });
}

}  // namespace mlx::core::cpu
