// Reductions along rows: dense rows, short ones, and rows that lie side by side in memory.
#include <algorithm>

#include "backend/cpu/reduce_job.h"
#include "backend/cpu/scratch.h"
#include "base/thread_pool.h"

namespace mlx::core::cpu {

namespace {

constexpr int64_t kGatherChunk = 1024;
constexpr int64_t kShortRowTile = 512;  // outputs
constexpr int64_t kTileLanes = 16384;   // accumulators of a tile of outputs, or more for many lanes
constexpr int64_t kMinTile = 256;
constexpr int64_t kRowsAtOnce = 4;
constexpr int64_t kAheadBytes = 4096;

static_assert(kGatherChunk % kLanes == 0 && kRowBlock % kGatherChunk == 0);
static_assert(kSourceBlock <= kGatherChunk && kSourceBlock % kLanes == 0 &&
              kRowBlock % kSourceBlock == 0);

template <typename A, typename Total>
class RowReducer {
 public:
  explicit RowReducer(const ReduceJob& job) : job_(job), layout_(job.layout) {
    const Dims& reduced = layout_.reduced;
    dense_ = job.direct != nullptr && is_dense(reduced);
    // Runs that begin and end with the lanes need no copy.
    in_whole_runs_ = job.direct != nullptr && !reduced.empty() && reduced.back().stride == 1 &&
                     reduced.back().size % static_cast<int64_t>(kLanes) == 0;
  }

  void run() const {
    if (rows_are_short_and_packed()) return reduce_short_rows();
    if (use_tiles()) return reduce_tiles();
    reduce_each();
  }

 private:
  /** The lanes of the tree after elements [begin, end) of a row, which lie in one block. */
  void accumulate_block(int64_t base, int64_t begin, int64_t end, A* lanes) const {
    alignas(64) A chunk[kGatherChunk];
    if (job_.source == nullptr && in_whole_runs_) {
      for_each_run(layout_.reduced, begin, end - begin, [&](int64_t offset, int64_t n, int64_t) {
        job_.direct->accumulate(job_.at(base + offset), n, lanes);
      });
      return;
    }
    const int64_t step = job_.source != nullptr ? kSourceBlock : kGatherChunk;
    for (int64_t i = begin; i < end; i += step) {
      const int64_t n = std::min(step, end - i);
      if (job_.source == nullptr) {
        job_.gather(layout_.reduced, base, i, n, chunk);
      } else {
        const void* values = job_.source->fetch(base + i, n);
        if (job_.direct != nullptr) {
          job_.direct->accumulate(values, n, lanes);
          continue;
        }
        job_.load(values, 1, n, chunk);
      }
      job_.kernels->accumulate(chunk, n, lanes);
    }
  }

  /** The tree along elements [begin, end) of the row at `base`. */
  Total reduce_sequence(int64_t base, int64_t begin, int64_t end) const {
    alignas(64) A lanes[kLanes];
    Total total = identity_of<Total>(job_.op);
    for (int64_t block = begin; block < end; block += kRowBlock) {
      const int64_t block_end = std::min<int64_t>(end, block + kRowBlock);
      if (dense_ && job_.source == nullptr) {
        job_.direct->row_trees(job_.at(base + block), block_end - block, 0, 1, lanes);
      } else {
        std::fill_n(lanes, kLanes, identity_of<A>(job_.op));
        accumulate_block(base, block, block_end, lanes);
        job_.kernels->fold(lanes);
      }
      total = combine<Total>(job_.op, total, static_cast<Total>(lanes[0]));
    }
    return total;
  }

  void reduce_each() const {
    const int64_t length = layout_.length;
    const int64_t segments = ceil_div(length, kSegmentElements);
    if (segments == 1) {
      parallel_ranges(layout_.num_outputs, std::max<int64_t>(1, kTaskElements / length),
                      [&](int64_t begin, int64_t end) { reduce_range(begin, end); });
      return;
    }
    std::vector<Total> partial(layout_.num_outputs * segments);
    parallel_for(layout_.num_outputs * segments, [&](int64_t task) {
      const int64_t begin = task % segments * kSegmentElements;
      partial[task] = reduce_sequence(offset_at(layout_.kept, task / segments), begin,
                                      std::min(length, begin + kSegmentElements));
    });
    for (int64_t i = 0; i < layout_.num_outputs; ++i) {
      Total total = partial[i * segments];
      for (int64_t s = 1; s < segments; ++s) {
        total = combine<Total>(job_.op, total, partial[i * segments + s]);
      }
      job_.store(i, 1, &total);
    }
  }

  /** Results [begin, end), a row each. */
  void reduce_range(int64_t begin, int64_t end) const {
    constexpr int64_t kAtOnce = 128;
    const bool one_block = layout_.length <= static_cast<int64_t>(kRowBlock);
    if (dense_ && job_.source == nullptr && one_block) {
      A values[kAtOnce];
      for_each_run(layout_.kept, begin, end - begin,
                   [&](int64_t offset, int64_t count, int64_t stride) {
                     for (int64_t r = 0; r < count; r += kAtOnce) {
                       const int64_t rows = std::min(kAtOnce, count - r);
                       job_.direct->row_trees(job_.at(offset + r * stride), layout_.length, stride,
                                              rows, values);
                       job_.store(begin, rows, values);
                       begin += rows;
                     }
                   });
      return;
    }
    for (int64_t i = begin; i < end; ++i) {
      const Total total = reduce_sequence(offset_at(layout_.kept, i), 0, layout_.length);
      job_.store(i, 1, &total);
    }
  }

  bool rows_are_short_and_packed() const {
    if (job_.kernels->short_rows == nullptr || layout_.length > static_cast<int64_t>(kShortRow)) {
      return false;
    }
    if (job_.source != nullptr) return true;
    return is_dense(layout_.reduced) &&
           (layout_.kept.empty() ||
            (layout_.kept.size() == 1 && layout_.kept[0].stride == layout_.length));
  }

  void reduce_short_rows() const {
    const int64_t length = layout_.length;
    const bool in_place = job_.source == nullptr && job_.direct == job_.kernels;
    const int64_t tile = in_place ? kShortRowTile : kGatherChunk / length;
    const int64_t grain = ceil_div(kTaskElements / length, tile) * tile;
    parallel_ranges(layout_.num_outputs, grain, [&](int64_t begin, int64_t end) {
      alignas(64) A chunk[kGatherChunk];
      alignas(64) A values[kGatherChunk];
      for (int64_t first = begin; first < end; first += tile) {
        const int64_t rows = std::min(tile, end - first);
        const void* x = job_.source != nullptr ? job_.source->fetch(first * length, rows * length)
                                               : job_.at(first * length);
        if (job_.direct != job_.kernels) {
          job_.load(x, 1, rows * length, chunk);
          x = chunk;
        }
        job_.kernels->short_rows(x, length, rows, values);
        job_.store(first, rows, values);
      }
    });
  }

  /** Tiles of outputs side by side: for rows shorter than the lanes, and for rows that are columns
   * in memory. Each output gets the same tree as in reduce_sequence. */
  bool use_tiles() const {
    if (job_.source != nullptr || layout_.kept.empty() || layout_.kept.back().size < 8)
      return false;
    return layout_.length <= static_cast<int64_t>(kShortRow) ||
           layout_.kept.back().stride < std::abs(layout_.reduced.back().stride);
  }

  /** Lanes that rows of `n` elements fill: further ones would only add the identity. */
  static int64_t lanes_used(int64_t n) {
    int64_t used = kLanes;
    while (used / 2 >= n) used /= 2;
    return used;
  }

  void reduce_tiles() const {
    const Dim inner = layout_.kept.back();
    const int64_t size = std::max(kMinTile, kTileLanes / lanes_used(layout_.length));
    const int64_t tiles = ceil_div(inner.size, size);
    const int64_t num_tiles = layout_.num_outputs / inner.size * tiles;
    const int64_t grain = std::max<int64_t>(1, kTaskElements / (layout_.length * size));
    parallel_ranges(num_tiles, grain, [&](int64_t begin, int64_t end) {
      Scratch<A> lanes((lanes_used(layout_.length) + kRowsAtOnce) * size);
      for (int64_t tile = begin; tile < end; ++tile) {
        const int64_t first = tile / tiles * inner.size + tile % tiles * size;
        const int64_t count = std::min(size, inner.size - tile % tiles * size);
        reduce_tile(first, count, lanes.get());
      }
    });
  }

  void reduce_tile(int64_t first, int64_t count, A* lanes) const {
    const int64_t base = offset_at(layout_.kept, first);
    if (layout_.length <= static_cast<int64_t>(kRowBlock)) {
      accumulate_tile(base, count, 0, layout_.length, lanes);
      return job_.store(first, count, lanes);
    }
    std::vector<Total> totals(count, identity_of<Total>(job_.op));
    for (int64_t block = 0; block < layout_.length; block += kRowBlock) {
      accumulate_tile(base, count, block, std::min<int64_t>(kRowBlock, layout_.length - block),
                      lanes);
      job_.kernels->accumulate_totals(lanes, count, totals.data());
    }
    job_.store(first, count, totals.data());
  }

  /** The trees along elements [block, block + n) of `count` rows side by side, to lanes[0, count).
   */
  void accumulate_tile(int64_t base, int64_t count, int64_t block, int64_t n, A* lanes) const {
    int64_t offsets[kRowBlock];
    int64_t filled = 0;
    for_each_run(layout_.reduced, block, n, [&](int64_t offset, int64_t run, int64_t step) {
      for (int64_t i = 0; i < run; ++i) offsets[filled++] = base + offset + i * step;
    });
    const int64_t stride = layout_.kept.back().stride;
    const bool in_place = stride == 1 && job_.direct != nullptr;
    const int64_t used = lanes_used(n);
    A* chunk = lanes + used * count;
    std::fill_n(lanes, used * count, identity_of<A>(job_.op));
    const void* rows[kRowsAtOnce];
    if (in_place && layout_.reduced.size() == 1 && layout_.reduced[0].stride == count) {
      // Nothing between the rows: what goes to all lanes follows one another.
      for (int64_t i = 0; i < n; i += used) {
        rows[0] = job_.at(offsets[i]);
        job_.direct->accumulate_rows(rows, 1, std::min(used, n - i) * count, lanes, kAheadBytes);
      }
      return fold_lanes(used, count, lanes);
    }
    for (int64_t lane = 0; lane < used; ++lane) {
      for (int64_t i = lane; i < n; i += kRowsAtOnce * used) {
        int64_t num_rows = 0;
        for (int64_t k = i; k < n && num_rows < kRowsAtOnce; k += used, ++num_rows) {
          rows[num_rows] = job_.at(offsets[k]);
          if (in_place) continue;
          A* loaded = chunk + num_rows * count;
          job_.load(rows[num_rows], stride, count, loaded);
          rows[num_rows] = loaded;
        }
        const int64_t next = i + kRowsAtOnce * used;
        const int64_t ahead = in_place && next < n ? offsets[next] - offsets[i] : 0;
        (in_place ? job_.direct : job_.kernels)
            ->accumulate_rows(rows, num_rows, count, lanes + lane * count,
                              ahead * static_cast<int64_t>(job_.storage.size()));
      }
    }
    fold_lanes(used, count, lanes);
  }

  void fold_lanes(int64_t used, int64_t count, A* lanes) const {
    for (int64_t half = used / 2; half >= 1; half /= 2) {
      const void* upper = lanes + half * count;
      job_.kernels->accumulate_rows(&upper, 1, half * count, lanes, 0);
    }
  }

  const ReduceJob& job_;
  const ReduceLayout& layout_;
  bool dense_;
  bool in_whole_runs_;
};

}  // namespace

void reduce_rows(const ReduceJob& job) {
  dispatch_totals(job, [&]<typename A, typename Total>(TypeTag<A>, TypeTag<Total>) {
    RowReducer<A, Total>(job).run();
  });
}

}  // namespace mlx::core::cpu
