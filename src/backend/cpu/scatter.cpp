// Writes at computed places on the CPU: which rows go where, and in which task.
#include "backend/cpu/scatter.h"

#include <algorithm>
#include <vector>

#include "backend/cpu/copy.h"
#include "backend/cpu/gather.h"
#include "backend/cpu/rows.h"
#include "backend/cpu/scatter_job.h"
#include "base/errors.h"
#include "base/thread_pool.h"
#include "graph/shape.h"
#include "mlx/primitives/indexing.h"

namespace mlx::core::cpu {
namespace {

using Inputs = const std::vector<array>&;
using Outputs = std::vector<array>&;

constexpr int64_t kColumnsPerTask = 512;

/** Gives `out` the elements of `in`, row-contiguous: in place if nobody else needs `in`. */
void start_from(const array& in, array& out) {
  if (in.is_donatable() && in.flags().row_contiguous) {
    out.copy_shared_buffer(in);
  } else {
    copy_contiguous(in, out);
  }
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
  const array indices = row_contiguous(inputs[1]);
  const array updates = row_contiguous(inputs[2]);
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
    int64_t offsets[kScatterBlock], update_offsets[kScatterBlock];
    // With one column, the run goes along the axis; else across the columns.
    const int64_t num_runs = post == 1 ? 1 : length;
    const int64_t run_begin = post == 1 ? 0 : begin;
    const int64_t run_end = post == 1 ? length : end;
    for (int64_t run = 0; run < num_runs; ++run) {
      for (int64_t i = run_begin; i < run_end; i += kScatterBlock) {
        const int64_t count = std::min(run_end - i, kScatterBlock);
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
  const array mask = row_contiguous(inputs[1]);
  const array source = row_contiguous(inputs[2]);
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
