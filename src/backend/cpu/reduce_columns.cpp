// Reductions down columns: blocks of rows over tiles of columns.
#include <algorithm>
#include <memory>

#include "backend/cpu/reduce_job.h"
#include "backend/cpu/scratch.h"
#include "base/thread_pool.h"

namespace mlx::core::cpu {

namespace {

constexpr int64_t kColumnTile = 1024;
constexpr int64_t kMaxSegments = 64;
constexpr int64_t kTransposedRows = 512;

template <typename A, typename Total>
class ColumnReducer {
 public:
  explicit ColumnReducer(const ReduceJob& job)
      : job_(job),
        layout_(job.layout),
        outer_(layout_.kept.begin(), layout_.kept.end() - layout_.num_column_dims()),
        columns_(layout_.kept.end() - layout_.num_column_dims(), layout_.kept.end()) {}

  void run() const {
    const int64_t columns = num_elements(columns_);
    const int64_t tile = std::min(columns, kColumnTile);
    const int64_t tiles = ceil_div(columns, tile);
    const int64_t groups = layout_.num_outputs / columns * tiles;
    int64_t segment_rows = layout_.length;
    if (groups < 16) {
      segment_rows = std::max({int64_t{kColumnBlock}, 2 * kSegmentElements / tile,
                               ceil_div(layout_.length, kMaxSegments)});
      segment_rows = ceil_div(segment_rows, kColumnBlock) * kColumnBlock;
    }
    const int64_t segments = ceil_div(layout_.length, segment_rows);
    auto place = [&](int64_t group) {
      const int64_t first = group % tiles * tile;
      return Tile{offset_at(outer_, group / tiles), first, std::min(tile, columns - first),
                  group / tiles * columns + first};
    };
    if (segments == 1) {
      const int64_t grain = std::max<int64_t>(1, kTaskElements / (layout_.length * tile));
      parallel_ranges(groups, grain, [&](int64_t begin, int64_t end) {
        Buffers buffers(tile);
        for (int64_t g = begin; g < end; ++g) reduce_tile(place(g), buffers);
      });
      return;
    }
    Scratch<Total> partial(groups * segments * tile);
    parallel_for(groups * segments, [&](int64_t task) {
      Buffers buffers(tile);
      const int64_t begin = task % segments * segment_rows;
      reduce_part(place(task / segments), begin, std::min(layout_.length, begin + segment_rows),
                  buffers, partial.get() + task * tile);
    });
    const ReduceKernels* merged =
        std::is_same_v<A, Total> ? job_.kernels : reduce_kernels(job_.op, float64);
    parallel_for(groups, [&](int64_t g) {
      const Tile at = place(g);
      Total* totals = partial.get() + g * segments * tile;
      for (int64_t s = 1; s < segments; ++s) {
        merged->accumulate_totals(totals + s * tile, at.count, totals);
      }
      job_.store(at.output, at.count, totals);
    });
  }

 private:
  struct Tile {
    int64_t base;    // offset of its outer dimensions
    int64_t first;   // column
    int64_t count;   // of columns
    int64_t output;  // number of the first result
  };

  struct Buffers {
    explicit Buffers(int64_t tile)
        : sums(std::make_unique_for_overwrite<A[]>(tile)),
          totals(std::make_unique_for_overwrite<Total[]>(tile)) {}
    std::unique_ptr<A[]> sums;
    std::unique_ptr<Total[]> totals;
    std::unique_ptr<A[]> gathered;  // kRowGroup rows, where they are not read in place
  };

  void reduce_tile(const Tile& tile, Buffers& buffers) const {
    if (layout_.length <= static_cast<int64_t>(kColumnBlock) && !uses_trees(tile)) {
      reduce_block(tile, 0, layout_.length, buffers);  // one block: its sums are the results
      return job_.store(tile.output, tile.count, buffers.sums.get());
    }
    reduce_part(tile, 0, layout_.length, buffers, buffers.totals.get());
    job_.store(tile.output, tile.count, buffers.totals.get());
  }

  int64_t reduced_stride() const {
    return layout_.reduced.empty() ? 0 : layout_.reduced.back().stride;
  }
  bool is_packed(const Tile& tile) const {
    return is_dense(columns_) && layout_.reduced.size() == 1 &&
           layout_.reduced[0].stride == tile.count && tile.count < static_cast<int64_t>(kTreeLanes);
  }
  bool lies_along_columns() const {
    return columns_.size() == 1 && columns_[0].stride != 1 && reduced_stride() == 1;
  }
  bool uses_trees(const Tile& tile) const {
    return job_.kernels->column_trees != nullptr && job_.source == nullptr &&
           (is_packed(tile) || lies_along_columns());
  }

  /** The tree down rows [begin, end) of a tile. */
  void reduce_part(const Tile& tile, int64_t begin, int64_t end, Buffers& buffers,
                   Total* totals) const {
    std::fill_n(totals, tile.count, identity_of<Total>(job_.op));
    if (uses_trees(tile)) {
      if (!is_packed(tile)) return reduce_along_columns(tile, begin, end, totals);
      begin = reduce_packed(tile, begin, end, totals);
    }
    for (; begin < end; begin += kColumnBlock) {
      reduce_block(tile, begin, std::min<int64_t>(end, begin + kColumnBlock), buffers);
      job_.kernels->accumulate_totals(buffers.sums.get(), tile.count, totals);
    }
  }

  /** Rows [begin, end), of one block, into buffers.sums. */
  void reduce_block(const Tile& tile, int64_t begin, int64_t end, Buffers& buffers) const {
    const bool in_place = job_.source == nullptr && job_.direct != nullptr && is_dense(columns_);
    if (!in_place && buffers.gathered == nullptr) {
      buffers.gathered = std::make_unique_for_overwrite<A[]>(kRowGroup * tile.count);
    }
    const int64_t itemsize = static_cast<int64_t>(job_.storage.size());
    std::fill_n(buffers.sums.get(), tile.count, identity_of<A>(job_.op));
    for (int64_t group = begin; group < end; group += kRowGroup) {
      const int64_t rows = std::min<int64_t>(kRowGroup, end - group);
      const void* pointers[kRowGroup];
      for (int64_t r = 0; r < rows; ++r) {
        const int64_t row = tile.base + offset_at(layout_.reduced, group + r);
        if (in_place) {
          pointers[r] = job_.at(row + tile.first);
          continue;
        }
        A* to = &buffers.gathered[r * tile.count];
        if (job_.source != nullptr)
          fetch_row(row + tile.first, tile.count, to);
        else
          job_.gather(columns_, row, tile.first, tile.count, to);
        pointers[r] = to;
      }
      const int64_t ahead =
          in_place ? reduced_stride() * static_cast<int64_t>(kRowGroup) * itemsize : 0;
      (in_place ? job_.direct : job_.kernels)
          ->accumulate_rows(pointers, rows, tile.count, buffers.sums.get(), ahead);
    }
  }

  /** `count` elements of the source, as accumulators. */
  void fetch_row(int64_t first, int64_t count, A* to) const {
    for (int64_t i = 0; i < count; i += kSourceBlock) {
      const int64_t n = std::min(kSourceBlock, count - i);
      job_.load(job_.source->fetch(first + i, n), 1, n, to + i);
    }
  }

  /** A few columns with nothing between them: whole blocks of rows side by side. Returns the first
   * row that is left. */
  int64_t reduce_packed(const Tile& tile, int64_t begin, int64_t end, Total* totals) const {
    constexpr int64_t kRows = kTreeLanes * kColumnBlock;
    const int64_t count = tile.count;
    A trees[kTreeLanes];
    std::unique_ptr<A[]> chunk;
    if (job_.direct != job_.kernels) chunk = std::make_unique_for_overwrite<A[]>(kRows * count);
    for (; begin + kRows <= end; begin += kRows) {
      auto x = static_cast<const A*>(job_.at(tile.base + begin * count));
      if (chunk != nullptr) {
        job_.load(x, 1, kRows * count, chunk.get());
        x = chunk.get();
      }
      for (int64_t c = 0; c < count; ++c) {
        job_.kernels->column_trees(x + c, kColumnBlock * count, count, kColumnBlock, trees);
        for (A tree : trees) {
          totals[c] = combine<Total>(job_.op, totals[c], static_cast<Total>(tree));
        }
      }
    }
    return begin;
  }

  /** Columns that are rows in memory: a few of them side by side. */
  void reduce_along_columns(const Tile& tile, int64_t begin, int64_t end, Total* totals) const {
    constexpr int64_t kPitch = kTransposedRows + 16;  // not a power of two: lanes share no set
    const int64_t stride = columns_[0].stride;
    const bool in_place = job_.direct == job_.kernels && layout_.reduced.size() == 1;
    auto chunk = std::make_unique<A[]>(kTreeLanes * kPitch);
    A trees[kTreeLanes];
    for (int64_t c = 0; c < tile.count; c += kTreeLanes) {
      const int64_t lanes = std::min<int64_t>(kTreeLanes, tile.count - c);
      const int64_t base = tile.base + (tile.first + c) * stride;
      auto add = [&](const void* x, int64_t lane_stride, int64_t rows) {
        job_.kernels->column_trees(x, lane_stride, 1, rows, trees);
        job_.kernels->accumulate_totals(trees, lanes, totals + c);
      };
      for (int64_t row = begin; row < end; row += kTransposedRows) {
        const int64_t rows = std::min(kTransposedRows, end - row);
        const bool whole = rows % static_cast<int64_t>(kColumnBlock) == 0;
        if (in_place && whole && lanes == static_cast<int64_t>(kTreeLanes)) {
          for (int64_t r = 0; r < rows; r += kColumnBlock) {
            add(job_.at(base + row + r), stride, kColumnBlock);
          }
          continue;
        }
        for (int64_t lane = 0; lane < lanes; ++lane) {
          job_.gather(layout_.reduced, base + lane * stride, row, rows, &chunk[lane * kPitch]);
        }
        for (int64_t r = 0; r < rows; r += kColumnBlock) {
          add(&chunk[r], kPitch, std::min<int64_t>(kColumnBlock, rows - r));
        }
      }
    }
  }

  const ReduceJob& job_;
  const ReduceLayout& layout_;
  Dims outer_;    // kept dimensions outside the columns
  Dims columns_;  // the kept dimensions that are taken side by side
};

}  // namespace

void reduce_columns(const ReduceJob& job) {
  dispatch_totals(job, [&]<typename A, typename Total>(TypeTag<A>, TypeTag<Total>) {
    ColumnReducer<A, Total>(job).run();
  });
}

}  // namespace mlx::core::cpu
