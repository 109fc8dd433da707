// Writes at computed places on the CPU: which rows go where, and in which task.
#include "backend/cpu/scatter.h"

#include <algorithm>
#include <vector>

#include "backend/cpu/copy.h"
#include "backend/cpu/gather.h"
#include "backend/cpu/scratch.h"
#include "backend/cpu/strided_cursor.h"
#include "base/errors.h"
#include "base/thread_pool.h"
#include "graph/shape.h"
#include "mlx/primitives/indexing.h"

namespace mlx::core::cpu {
namespace {

using Inputs = const std::vector<array>&;
using Outputs = std::vector<array>&;

constexpr int64_t kInlineBytes = 65536;  // less work than this is done by the calling thread
constexpr int64_t kBlock = 512;          // rows applied together
constexpr int64_t kPositionsPerTask = 8192;
constexpr int64_t kColumnsPerTask = 512;

/** Gives `out` the elements of `in`, row-contiguous: in place if nobody else needs `in`. */
void start_from(const array& in, array& out) {
  if (in.is_donatable() && in.flags().row_contiguous) {
    out.copy_shared_buffer(in);
  } else {
    copy_contiguous(in, out);
  }
}

array make_contiguous(const array& in) {
  if (in.flags().row_contiguous) return in;
  array copied = array::placeholder(in.shape(), in.dtype());
  copy_contiguous(in, copied);
  return copied;
}

template <class P>
UpdateOp update_op(typename P::ReduceType type) {
  switch (static_cast<int>(type)) {
    case P::Sum:
      return UpdateOp::sum;
    case P::None:
      return UpdateOp::assign;
  }
  if constexpr (requires { P::Prod; }) {
    switch (static_cast<int>(type)) {
      case P::Prod:
        return UpdateOp::prod;
      case P::Max:
        return UpdateOp::max;
      case P::Min:
        return UpdateOp::min;
    }
  }
  throw_internal("unknown reduction of a scatter");
}

/** How the slice of one position lies in the target and in the updates: rows of `row.count`
 * elements, placed by the outer dimensions. */
struct SliceLayout {
  SliceLayout(const Shape& shape, const Strides& target, const Strides& updates) {
    auto [dims, strides] = collapse_dims(shape, {target, updates});
    row = {dims.back(), strides[0].back(), strides[1].back()};
    outer = Shape(dims.begin(), dims.end() - 1);
    target_strides = strides[0];
    update_strides = strides[1];
    num_rows = static_cast<int64_t>(num_elements(outer));
  }

  RowLayout row;
  Shape outer;
  Strides target_strides;
  Strides update_strides;
  int64_t num_rows;
};

/** Collects rows and applies them in blocks. Applies the part [first, first + row.count) of each
 * row. */
class RowApplier {
 public:
  RowApplier(Dtype dtype, UpdateOp op, const SliceLayout& slice, void* target, const void* updates)
      : dtype_(dtype),
        op_(op),
        slice_(slice),
        row_(slice.row),
        target_(target),
        updates_(updates) {}
  ~RowApplier() { flush(); }

  /** Restricts what follows to `count` elements of each row, from `first`. */
  void set_part(int64_t first, int64_t count) {
    first_ = first;
    row_.count = count;
  }

  /** Rows [begin, end) of the slice that starts at these offsets. */
  void add_slice(int64_t target_offset, int64_t update_offset, int64_t begin, int64_t end) {
    if (target_offset == kDropped) return;
    target_offset += first_ * row_.target_stride;
    update_offset += first_ * row_.update_stride;
    if (slice_.num_rows == 1) return add_row(target_offset, update_offset);
    StridedCursor target_rows(slice_.outer, slice_.target_strides, begin);
    StridedCursor update_rows(slice_.outer, slice_.update_strides, begin);
    for (int64_t r = begin; r < end; ++r) {
      add_row(target_offset + target_rows.offset(), update_offset + update_rows.offset());
      target_rows.next();
      update_rows.next();
    }
  }

 private:
  void add_row(int64_t target_offset, int64_t update_offset) {
    if (size_ == kBlock) flush();
    target_offsets_[size_] = target_offset;
    update_offsets_[size_++] = update_offset;
  }
  void flush() {
    apply_rows(dtype_, op_, row_, target_, target_offsets_, updates_, update_offsets_, size_);
    size_ = 0;
  }

  Dtype dtype_;
  UpdateOp op_;
  const SliceLayout& slice_;
  RowLayout row_;
  void* target_;
  const void* updates_;
  int64_t first_ = 0;
  int64_t size_ = 0;
  int64_t target_offsets_[kBlock];
  int64_t update_offsets_[kBlock];
};

/** A scatter in terms of offsets. */
struct ScatterJob {
  Dtype dtype;
  UpdateOp op;
  Shape index_shape;
  std::vector<AxisIndices> indices;
  SliceLayout slice;
  Strides position_strides;  // of the updates, over the index shape
  void* target;
  const void* updates;

  int64_t num_positions() const { return static_cast<int64_t>(num_elements(index_shape)); }
  void target_offsets(int64_t begin, int64_t end, int64_t* offsets) const {
    index_offsets(index_shape, indices, OutOfRange::drop, begin, end, offsets);
  }
  RowApplier applier() const { return {dtype, op, slice, target, updates}; }
};

/** All positions in order, for one part of every slice. */
void scatter_part(const ScatterJob& job, int64_t first, int64_t count, int64_t begin_row,
                  int64_t end_row) {
  RowApplier applier = job.applier();
  applier.set_part(first, count);
  int64_t offsets[kBlock];
  StridedCursor updates(job.index_shape, job.position_strides);
  const int64_t num_positions = job.num_positions();
  for (int64_t begin = 0; begin < num_positions; begin += kBlock) {
    const int64_t end = std::min(num_positions, begin + kBlock);
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

void eval_scatter(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  auto [reduce_type, axes] = static_cast<const Scatter&>(primitive).state();
  array& out = outputs[0];
  start_from(inputs[0], out);
  const array& updates = inputs.back();
  if (updates.size() == 0 || out.size() == 0) return;
  const size_t index_ndim = updates.ndim() - out.ndim();
  const Shape index_shape(updates.shape().begin(), updates.shape().begin() + index_ndim);
  const Shape slice_shape(updates.shape().begin() + index_ndim, updates.shape().end());
  const Strides slice_strides(updates.strides().begin() + index_ndim, updates.strides().end());
  run_scatter({out.dtype(), update_op<Scatter>(reduce_type), index_shape,
               make_axis_indices(out, inputs.data() + 1, axes, slice_shape, index_shape),
               SliceLayout(slice_shape, out.strides(), slice_strides),
               Strides(updates.strides().begin(), updates.strides().begin() + index_ndim),
               out.data<char>(), updates.data<char>()});
}

void eval_scatter_axis(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  auto [reduce_type, axis] = static_cast<const ScatterAxis&>(primitive).state();
  array& out = outputs[0];
  start_from(inputs[0], out);
  const array indices = make_contiguous(inputs[1]);
  const array updates = make_contiguous(inputs[2]);
  if (updates.size() == 0 || out.size() == 0) return;
  const UpdateOp op = update_op<ScatterAxis>(reduce_type);
  const Shape& shape = updates.shape();
  const int64_t axis_length = out.shape()[axis];
  const int64_t length = shape[axis];
  const int64_t pre = num_elements(Shape(shape.begin(), shape.begin() + axis));
  const int64_t post = num_elements(Shape(shape.begin() + axis + 1, shape.end()));
  const AxisIndices axis_indices{indices.data<char>(), indices.dtype(), {1},
                                 axis_length,          axis_length - 1, post};
  const SliceLayout element(Shape{1}, {1}, {1});
  if (pre == 1 && post == 1) {
    run_scatter({out.dtype(),
                 op,
                 {static_cast<ShapeElem>(length)},
                 {axis_indices},
                 element,
                 {1},
                 out.data<char>(),
                 updates.data<char>()});
    return;
  }
  // Lines along the axis are independent: tasks take rows of lines, or a few columns, whose part of
  // the target then stays in the cache.
  auto apply = [&](int64_t row, int64_t begin, int64_t end) {
    int64_t offsets[kBlock], update_offsets[kBlock];
    // With one column, the run goes along the axis; else across the columns.
    const int64_t num_runs = post == 1 ? 1 : length;
    const int64_t run_begin = post == 1 ? 0 : begin;
    const int64_t run_end = post == 1 ? length : end;
    for (int64_t run = 0; run < num_runs; ++run) {
      for (int64_t i = run_begin; i < run_end; i += kBlock) {
        const int64_t count = std::min(run_end - i, kBlock);
        const int64_t first = (row * length + run) * post + i;
        for (int64_t j = 0; j < count; ++j) {
          offsets[j] = row * axis_length * post + (post == 1 ? 0 : i + j);
          update_offsets[j] = first + j;
        }
        add_index_offsets(axis_indices, indices.data<char>() + first * indices.itemsize(), 1,
                          OutOfRange::drop, count, offsets);
        apply_rows(out.dtype(), op, {1, 1, 1}, out.data<char>(), offsets, updates.data<char>(),
                   update_offsets, count);
      }
    }
  };
  const int64_t columns = std::min(post, kColumnsPerTask);
  const int64_t column_tasks = (post + columns - 1) / columns;
  const int64_t rows_per_task = std::max<int64_t>(
      1, kInlineBytes / (length * columns * static_cast<int64_t>(out.itemsize())));
  const int64_t row_tasks = (pre + rows_per_task - 1) / rows_per_task;
  parallel_for(row_tasks * column_tasks, [&](int64_t task) {
    const int64_t begin = task / column_tasks * rows_per_task;
    const int64_t column = task % column_tasks * columns;
    for (int64_t row = begin; row < std::min(pre, begin + rows_per_task); ++row) {
      apply(row, column, std::min(post, column + columns));
    }
  });
}

void eval_masked_scatter(const Primitive&, Inputs inputs, Outputs outputs) {
  array& out = outputs[0];
  start_from(inputs[0], out);
  if (out.size() == 0) return;
  const array mask = make_contiguous(inputs[1]);
  const array source = make_contiguous(inputs[2]);
  const int64_t batch = out.shape()[0];
  const int64_t row_size = static_cast<int64_t>(out.size()) / batch;
  const int64_t source_size = static_cast<int64_t>(source.size()) / batch;
  const int64_t chunks = (row_size + kPositionsPerTask - 1) / kPositionsPerTask;
  std::vector<int64_t> starts(chunks);
  for (int64_t b = 0; b < batch; ++b) {
    const bool* row_mask = mask.data<bool>() + b * row_size;
    auto range_of = [&](int64_t chunk) {
      int64_t begin = chunk * kPositionsPerTask;
      return std::pair{begin, std::min(row_size, begin + kPositionsPerTask)};
    };
    parallel_for(chunks, [&](int64_t chunk) {
      auto [begin, end] = range_of(chunk);
      starts[chunk] = std::count(row_mask + begin, row_mask + end, true);
    });
    int64_t total = 0;
    for (int64_t& start : starts) total += std::exchange(start, total);
    if (total > source_size) {
      throw_runtime("masked_scatter", "the source has {} elements, but the mask holds {} times.",
                    source_size, total);
    }
    parallel_for(chunks, [&](int64_t chunk) {
      auto [begin, end] = range_of(chunk);
      const SliceLayout element(Shape{1}, {1}, {1});
      RowApplier applier(out.dtype(), UpdateOp::assign, element, out.data<char>(),
                         source.data<char>());
      int64_t next = starts[chunk];
      for (int64_t i = begin; i < end; ++i) {
        if (row_mask[i]) applier.add_slice(b * row_size + i, b * source_size + next++, 0, 1);
      }
    });
  }
}

/** Applies `updates` to the slice of `out` at `offset` with the given strides. */
void update_slice(array& out, UpdateOp op, int64_t offset, const Strides& strides,
                  const array& updates) {
  run_scatter({out.dtype(),
               op,
               {},
               {},
               SliceLayout(updates.shape(), strides, updates.strides()),
               {},
               out.data<char>() + offset * static_cast<int64_t>(out.itemsize()),
               updates.data<char>()});
}

void eval_slice_update(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  auto [reduce_type, start, stop, steps] = static_cast<const SliceUpdate&>(primitive).state();
  array& out = outputs[0];
  start_from(inputs[0], out);
  if (inputs[1].size() == 0 || out.size() == 0) return;
  Strides strides = out.strides();
  int64_t offset = 0;
  for (size_t i = 0; i < strides.size(); ++i) {
    offset += strides[i] * start[i];
    strides[i] *= steps[i];
  }
  update_slice(out, update_op<SliceUpdate>(reduce_type), offset, strides, inputs[1]);
}

void eval_dynamic_slice_update(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  const auto axes = static_cast<const DynamicSliceUpdate&>(primitive).state();
  array& out = outputs[0];
  start_from(inputs[0], out);
  const array& updates = inputs[1];
  if (updates.size() == 0 || out.size() == 0) return;
  const int64_t offset =
      dynamic_slice_offset(out, out.strides(), inputs[2], axes, updates.shape(), OutOfRange::drop);
  if (offset != kDropped) update_slice(out, UpdateOp::assign, offset, out.strides(), updates);
}

}  // namespace

void register_scatter(KernelTable& table) {
  table.add<Scatter>(eval_scatter);
  table.add<ScatterAxis>(eval_scatter_axis);
  table.add<MaskedScatter>(eval_masked_scatter);
  table.add<SliceUpdate>(eval_slice_update);
  table.add<DynamicSliceUpdate>(eval_dynamic_slice_update);
}

}  // namespace mlx::core::cpu
