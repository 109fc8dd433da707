// Reads at computed places on the CPU: Gather, GatherAxis, DynamicSlice.
#include "backend/cpu/gather.h"

#include <algorithm>
#include <cstring>

#include "backend/cpu/copy.h"
#include "backend/cpu/index_kernels.h"
#include "backend/cpu/simd/streaming.h"
#include "backend/cpu/strided_cursor.h"
#include "base/dispatch.h"
#include "base/thread_pool.h"
#include "graph/shape.h"
#include "mlx/primitives/indexing.h"

namespace mlx::core::cpu {

std::vector<AxisIndices> make_axis_indices(const array& target, const array* indices,
                                           const std::vector<int>& axes, const Shape& slice_sizes,
                                           const Shape& index_shape) {
  std::vector<AxisIndices> result;
  for (size_t k = 0; k < axes.size(); ++k) {
    const array& index = indices[k];
    int axis = axes[k];
    Strides strides(index_shape.size(), 0);
    size_t lead = index_shape.size() - index.ndim();
    for (size_t i = 0; i < index.ndim(); ++i) {
      strides[lead + i] = index.shape()[i] == 1 ? 0 : index.strides()[i];
    }
    int64_t length = target.shape()[axis];
    result.push_back({index.data<char>(), index.dtype(), strides, length,
                      length - slice_sizes[axis], target.strides()[axis]});
  }
  return result;
}

namespace {

using Inputs = const std::vector<array>&;
using Outputs = std::vector<array>&;

constexpr int64_t kBlock = 1024;  // positions whose offsets are computed together
constexpr int64_t kBytesPerTask = 65536;

void eval_gather(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  auto [axes, slice_sizes] = static_cast<const Gather&>(primitive).state();
  const array& source = inputs[0];
  array& out = outputs[0];
  out.set_data(allocator::malloc(out.nbytes()));
  if (out.size() == 0) return;
  const Shape index_shape(out.shape().begin(), out.shape().end() - source.ndim());
  const auto indices = make_axis_indices(source, inputs.data() + 1, axes, slice_sizes, index_shape);
  const int64_t itemsize = static_cast<int64_t>(source.itemsize());
  const int64_t num_positions = static_cast<int64_t>(num_elements(index_shape));
  const int64_t slice_size = static_cast<int64_t>(out.size()) / num_positions;

  // The slice as rows of `inner` elements that `inner_stride` separates.
  auto [dims, all_strides] = collapse_dims(slice_sizes, {source.strides()});
  const Strides& strides = all_strides[0];
  const int64_t inner = dims.back();
  const int64_t inner_stride = inner == 1 ? 1 : strides.back();
  const Shape outer_dims(dims.begin(), dims.end() - 1);
  const int64_t rows_per_slice = slice_size / inner;
  const auto* from = source.data<char>();
  auto* to = out.data<char>();
  const bool streaming = uses_streaming_stores(out.nbytes());

  // Tasks are ranges of rows; a row too long for one task is cut.
  const int64_t num_rows = num_positions * rows_per_slice;
  const int64_t piece = std::min(inner, std::max<int64_t>(kBytesPerTask / itemsize, 1));
  const int64_t pieces_per_row = (inner + piece - 1) / piece;
  const int64_t rows_per_task = std::max<int64_t>(1, kBytesPerTask / (inner * itemsize));
  auto copy_rows = [&](int64_t begin, int64_t end, int64_t first, int64_t count) {
    int64_t offsets[kBlock];
    for (int64_t row = begin; row < end;) {
      const int64_t block_end = std::min(end, row + kBlock);
      const int64_t block = block_end - row;
      if (rows_per_slice == 1) {
        index_offsets(index_shape, indices, OutOfRange::nearest, row, block_end, offsets);
      } else {
        StridedCursor cursor(outer_dims, strides, row % rows_per_slice);
        int64_t start = 0;
        for (int64_t i = 0; i < block; ++i) {
          const int64_t within = (row + i) % rows_per_slice;
          if (i == 0 || within == 0) {
            const int64_t position = (row + i) / rows_per_slice;
            index_offsets(index_shape, indices, OutOfRange::nearest, position, position + 1,
                          &start);
          }
          offsets[i] = start + cursor.offset();
          cursor.next();
        }
      }
      char* block_out = to + (row * inner + first) * itemsize;
      if (inner_stride == 1) {
        for (int64_t i = 0; i < block; ++i) offsets[i] = (offsets[i] + first) * itemsize;
        copy_indexed_rows(from, offsets, block, count * itemsize, block_out,
                          streaming && count == inner);
      } else {
        dispatch_itemsize(itemsize, [&](auto tag) {
          using T = typename decltype(tag)::type;
          auto* target = reinterpret_cast<T*>(block_out);
          for (int64_t i = 0; i < block; ++i) {
            const T* row_start =
                reinterpret_cast<const T*>(from) + offsets[i] + first * inner_stride;
            for (int64_t j = 0; j < count; ++j) target[i * inner + j] = row_start[j * inner_stride];
          }
        });
      }
      row = block_end;
    }
  };
  if (pieces_per_row == 1) {
    parallel_ranges(num_rows, rows_per_task,
                    [&](int64_t begin, int64_t end) { copy_rows(begin, end, 0, inner); });
  } else {
    parallel_for(num_rows * pieces_per_row, [&](int64_t task) {
      const int64_t row = task / pieces_per_row;
      const int64_t first = task % pieces_per_row * piece;
      copy_rows(row, row + 1, first, std::min(piece, inner - first));
    });
  }
}

void eval_gather_axis(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  const int axis = static_cast<const GatherAxis&>(primitive).state();
  const array& source = inputs[0];
  const array& index = inputs[1];
  array& out = outputs[0];
  out.set_data(allocator::malloc(out.nbytes()));
  if (out.size() == 0) return;
  const Shape& shape = out.shape();
  const int64_t inner = shape.back();
  const Shape outer(shape.begin(), shape.end() - 1);
  Strides source_strides = source.strides();
  source_strides[axis] = 0;
  const int64_t length = source.shape()[axis];
  const AxisIndices indices{index.data<char>(), index.dtype(),         index.strides(), length,
                            length - 1,         source.strides()[axis]};
  const auto* index_data = index.data<char>();
  // Away from the last axis, tasks take all rows of a few columns at a time: the elements they
  // read, in any order, then stay in the cache.
  const int64_t itemsize = static_cast<int64_t>(source.itemsize());
  const bool streaming = uses_streaming_stores(out.nbytes());
  const int64_t step = source_strides.back();
  // Whether the offsets inside a row fit int32.
  const bool is_narrow = std::abs(indices.axis_stride) * length + std::abs(step) * 64 <=
                         std::numeric_limits<int32_t>::max();
  const bool is_inner = axis + 1 == static_cast<int>(shape.size());
  const int64_t rows_per_group =
      is_inner ? 1 : static_cast<int64_t>(num_elements(Shape(outer.begin() + axis, outer.end())));
  // Elements [begin, end) of a row.
  auto gather_run = [&](int64_t begin, int64_t end, const char* from, const char* row_index,
                        char* to) {
    const int64_t index_step = index.strides().back();
    const char* first = row_index + begin * index_step * static_cast<int64_t>(index.itemsize());
    if (auto narrow = as_indices32(indices, first, index_step); narrow && is_narrow) {
      gather_elements(source.itemsize(), from + begin * step * itemsize, step, *narrow,
                      static_cast<int32_t>(indices.axis_stride), end - begin, to + begin * itemsize,
                      streaming);
      return;
    }
    int64_t offsets[kBlock];
    for (int64_t i = begin; i < end; i += kBlock) {
      const int64_t count = std::min(end - i, kBlock);
      std::fill_n(offsets, count, 0);
      add_index_offsets(indices, row_index + i * index_step * index.itemsize(), index_step,
                        OutOfRange::nearest, count, offsets);
      dispatch_itemsize(source.itemsize(), [&](auto tag) {
        using T = typename decltype(tag)::type;
        const T* row = reinterpret_cast<const T*>(from) + i * step;
        T* row_out = reinterpret_cast<T*>(to) + i;
        for (int64_t j = 0; j < count; ++j) row_out[j] = row[j * step + offsets[j]];
      });
    }
  };
  const int64_t columns = std::min(inner, is_inner ? kBytesPerTask / itemsize : 512);
  const int64_t column_tasks = (inner + columns - 1) / columns;
  const int64_t num_groups = static_cast<int64_t>(num_elements(outer)) / rows_per_group;
  const int64_t groups_per_task =
      std::max<int64_t>(1, kBytesPerTask / (rows_per_group * columns * itemsize));
  const int64_t group_tasks = (num_groups + groups_per_task - 1) / groups_per_task;
  parallel_for(group_tasks * column_tasks, [&](int64_t task) {
    const int64_t column = task % column_tasks * columns;
    const int64_t column_end = std::min(inner, column + columns);
    const int64_t row_begin = task / column_tasks * groups_per_task * rows_per_group;
    const int64_t row_end =
        std::min(num_groups * rows_per_group, row_begin + groups_per_task * rows_per_group);
    StridedCursor source_rows(outer, source_strides, row_begin);
    StridedCursor index_rows(outer, index.strides(), row_begin);
    for (int64_t row = row_begin; row < row_end; ++row) {
      gather_run(column, column_end, source.data<char>() + source_rows.offset() * itemsize,
                 index_data + index_rows.offset() * static_cast<int64_t>(index.itemsize()),
                 out.data<char>() + row * inner * itemsize);
      source_rows.next();
      index_rows.next();
    }
  });
}

void eval_dynamic_slice(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  auto [axes, slice_size] = static_cast<const DynamicSlice&>(primitive).state();
  const array& source = inputs[0];
  array& out = outputs[0];
  if (out.size() == 0) {
    out.set_data(allocator::malloc(0));
    return;
  }
  int64_t offset = dynamic_slice_offset(source, source.strides(), inputs[1], axes, slice_size,
                                        OutOfRange::nearest);
  array slice = array::placeholder(out.shape(), out.dtype());
  slice.copy_shared_buffer(source, source.strides(), {false, false, false}, source.data_size(),
                           offset);
  copy_contiguous(slice, out);
}

}  // namespace

int64_t dynamic_slice_offset(const array& target, const Strides& strides, const array& start,
                             const std::vector<int>& axes, const Shape& slice_size,
                             OutOfRange rule) {
  int64_t offset = 0;
  for (size_t k = 0; k < axes.size(); ++k) {
    const int64_t length = target.shape()[axes[k]];
    AxisIndices index{nullptr,         start.dtype(), {}, length, length - slice_size[axes[k]],
                      strides[axes[k]]};
    const int64_t at = start.ndim() == 0 ? 0 : static_cast<int64_t>(k) * start.strides()[0];
    add_index_offsets(index, start.data<char>() + at * start.itemsize(), 1, rule, 1, &offset);
  }
  return offset;
}

void register_gather(KernelTable& table) {
  table.add<Gather>(eval_gather);
  table.add<GatherAxis>(eval_gather_axis);
  table.add<DynamicSlice>(eval_dynamic_slice);
}

}  // namespace mlx::core::cpu
