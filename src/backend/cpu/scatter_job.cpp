// Sharing out a scatter: in one go, by parts of large slices, or by parts of the target.
#include "backend/cpu/scatter_job.h"

#include <algorithm>
#include <utility>

#include "backend/cpu/scratch.h"
#include "base/thread_pool.h"

namespace mlx::core::cpu {

namespace {

/** All positions in order, for one part of every slice. */
void scatter_part(const ScatterJob& job, int64_t first, int64_t count, int64_t begin_row,
                  int64_t end_row) {
  RowApplier applier = job.applier();
  applier.set_part(first, count);
  int64_t offsets[kScatterBlock];
  StridedCursor updates(job.index_shape, job.position_strides);
  const int64_t num_positions = job.num_positions();
  for (int64_t begin = 0; begin < num_positions; begin += kScatterBlock) {
    const int64_t end = std::min(num_positions, begin + kScatterBlock);
    job.target_offsets(begin, end, offsets);
    for (int64_t i = begin; i < end; ++i) {
      applier.add_slice(offsets[i - begin], updates.offset(), begin_row, end_row);
      updates.next();
    }
  }
}

/** Large slices: every task applies its own part of all of them. */
void scatter_by_parts(const ScatterJob& job) {
  const SliceLayout& slice = job.slice;
  const int64_t itemsize = job.dtype.size();
  const int64_t piece = std::max<int64_t>(1, kInlineBytes / itemsize);
  if (slice.row.count > piece) {
    const int64_t pieces = (slice.row.count + piece - 1) / piece;
    parallel_for(slice.num_rows * pieces, [&](int64_t task) {
      const int64_t row = task / pieces;
      const int64_t first = task % pieces * piece;
      scatter_part(job, first, std::min(piece, slice.row.count - first), row, row + 1);
    });
  } else {
    parallel_ranges(
        slice.num_rows, std::max<int64_t>(1, piece / slice.row.count),
        [&](int64_t begin, int64_t end) { scatter_part(job, 0, slice.row.count, begin, end); });
  }
}

/** Many small slices: positions are ordered by the part of the target they go to, keeping their
 * order within a part; then every task works on its own part of the target, which also fits the
 * cache. */
void scatter_by_target(const ScatterJob& job) {
  struct Entry {
    int64_t target_offset;
    int64_t position;
  };
  const int64_t num_positions = job.num_positions();
  const int64_t num_buckets = num_positions < 100000 ? 16 : 64;
  int64_t span = 1;
  for (const AxisIndices& axis : job.indices) span += axis.max_start * axis.axis_stride;
  const int64_t width = (span + num_buckets - 1) / num_buckets;
  // A multiplication instead of a division; any monotonous map of offsets to buckets will do.
  const double scale = 1.0 / static_cast<double>(width);
  auto bucket_of = [&](int64_t offset) {
    return std::min(num_buckets - 1, static_cast<int64_t>(static_cast<double>(offset) * scale));
  };

  const int64_t num_tasks = (num_positions + kPositionsPerTask - 1) / kPositionsPerTask;
  std::vector<int64_t> ends(num_tasks * num_buckets);
  Scratch<int64_t> offsets(num_positions);
  parallel_ranges(num_positions, kPositionsPerTask, [&](int64_t begin, int64_t end) {
    job.target_offsets(begin, end, offsets.get() + begin);
    int64_t* counts = ends.data() + begin / kPositionsPerTask * num_buckets;
    for (int64_t i = begin; i < end; ++i) {
      if (offsets[i] != kDropped) ++counts[bucket_of(offsets[i])];
    }
  });
  std::vector<int64_t> bucket_starts(num_buckets + 1);
  int64_t total = 0;
  for (int64_t b = 0; b < num_buckets; ++b) {
    bucket_starts[b] = total;
    for (int64_t t = b; t < num_tasks * num_buckets; t += num_buckets) {
      total += std::exchange(ends[t], total);
    }
  }
  bucket_starts[num_buckets] = total;
  Scratch<Entry> entries(total);
  parallel_ranges(num_positions, kPositionsPerTask, [&](int64_t begin, int64_t end) {
    int64_t* next = ends.data() + begin / kPositionsPerTask * num_buckets;
    const int64_t* from = offsets.get();
    Entry* to = entries.get();
    for (int64_t i = begin; i < end; ++i) {
      if (from[i] != kDropped) to[next[bucket_of(from[i])]++] = {from[i], i};
    }
  });
  auto [dims, strides] = collapse_dims(job.index_shape, {job.position_strides});
  const bool is_even = dims.size() == 1;
  const int64_t step = strides[0].back();
  parallel_for(num_buckets, [&, &dims = dims, &strides = strides](int64_t b) {
    RowApplier applier = job.applier();
    for (int64_t i = bucket_starts[b]; i < bucket_starts[b + 1]; ++i) {
      const Entry entry = entries[i];
      const int64_t update =
          is_even ? entry.position * step : element_offset(entry.position, dims, strides[0]);
      applier.add_slice(entry.target_offset, update, 0, job.slice.num_rows);
    }
  });
}

}  // namespace

void run_scatter(const ScatterJob& job) {
  const int64_t slice_bytes = job.slice.num_rows * job.slice.row.count * job.dtype.size();
  const int64_t bytes = job.num_positions() * slice_bytes;
  // Slices of length 1 along the indexed axes are equal or disjoint, so tasks can share them out.
  const bool can_share = std::all_of(job.indices.begin(), job.indices.end(), [](auto& axis) {
    return axis.max_start == axis.axis_length - 1;
  });
  if (bytes <= kInlineBytes || !can_share || num_threads() == 1) {
    scatter_part(job, 0, job.slice.row.count, 0, job.slice.num_rows);
  } else if (slice_bytes >= 4 * kInlineBytes) {
    scatter_by_parts(job);
  } else {
    scatter_by_target(job);
  }
}

}  // namespace mlx::core::cpu
