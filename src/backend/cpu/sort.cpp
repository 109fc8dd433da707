// Sorting along an axis: rows in batches over the pool, strided rows through contiguous copies.
#include "backend/cpu/sort.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "backend/cpu/sort_keys.h"
#include "backend/cpu/strided_cursor.h"
#include "base/dispatch.h"
#include "base/thread_pool.h"
#include "graph/shape.h"
#include "mlx/primitives/sort.h"

namespace mlx::core::cpu {
namespace {

constexpr int64_t kElementsPerTask = 16384;
constexpr int64_t kScratchBytes = int64_t{1} << 20;

/** Copies rows of `length` elements that step by a stride to contiguous ones, or back. All rows
 * take one step together, since neighbouring rows often share cache lines. */
template <typename T, bool kGather>
void copy_rows(T* contiguous, std::conditional_t<kGather, const T, T>* strided,
               const std::vector<int64_t>& offsets, int64_t length, int64_t stride) {
  auto num_rows = static_cast<int64_t>(offsets.size());
  for (int64_t i = 0; i < length; ++i) {
    for (int64_t r = 0; r < num_rows; ++r) {
      auto& element = strided[offsets[r] + i * stride];
      if constexpr (kGather) {
        contiguous[r * length + i] = element;
      } else {
        element = contiguous[r * length + i];
      }
    }
  }
}

/** Calls sort_short(rows) with groups of short rows, which may decline them, and else
 * sort(in_row, out_row) with contiguous rows: rows from `parallel_length` on in turn, as sort then
 * uses several threads itself, shorter ones in parallel. */
template <typename SortShortFn, typename SortFn>
void for_each_row(const AxisRows& rows, const char* in, size_t in_size, char* out, size_t out_size,
                  int64_t parallel_length, SortShortFn&& sort_short, SortFn&& sort) {
  const int64_t num_rows = static_cast<int64_t>(num_elements(rows.shape));
  const int64_t length = rows.length;
  if (num_rows == 0 || length == 0) return;
  const bool copy_in = rows.in_axis_stride != 1 && length > 1;
  const bool copy_out = rows.out_axis_stride != 1 && length > 1;
  const int64_t row_bytes = length * static_cast<int64_t>(std::max(in_size, out_size));
  const bool is_short = length <= kMaxShortLength && num_rows > 2;
  int64_t group = is_short ? 64 : 1;  // rows worked on together
  if (!is_short && (copy_in || copy_out)) {
    group = std::clamp<int64_t>(kScratchBytes / row_bytes, 1, 64 / static_cast<int64_t>(in_size));
  }
  int64_t rows_per_task = std::max<int64_t>(1, kElementsPerTask / length);
  rows_per_task = (rows_per_task + group - 1) / group * group;
  if (length >= parallel_length) rows_per_task = num_rows;  // rows in turn, each in parallel

  parallel_ranges(num_rows, rows_per_task, [&](int64_t begin, int64_t end) {
    StridedCursor in_cursor(rows.shape, rows.in_strides, begin);
    StridedCursor out_cursor(rows.shape, rows.out_strides, begin);
    std::vector<int64_t> in_offsets, out_offsets;
    std::unique_ptr<char[]> in_rows, out_rows;
    if (copy_in) in_rows = std::make_unique_for_overwrite<char[]>(group * length * in_size);
    if (copy_out) out_rows = std::make_unique_for_overwrite<char[]>(group * length * out_size);
    for (int64_t first = begin; first < end; first += group) {
      in_offsets.clear();
      out_offsets.clear();
      for (int64_t r = first; r < std::min(end, first + group); ++r) {
        in_offsets.push_back(in_cursor.offset());
        out_offsets.push_back(out_cursor.offset());
        in_cursor.next();
        out_cursor.next();
      }
      if (is_short) {
        ShortRows short_rows{static_cast<int64_t>(in_offsets.size()),
                             length,
                             in_offsets.data(),
                             out_offsets.data(),
                             rows.in_axis_stride,
                             rows.out_axis_stride};
        if (sort_short(short_rows)) continue;
      }
      if (copy_in) {
        dispatch_itemsize(in_size, [&](auto tag) {
          using T = typename decltype(tag)::type;
          copy_rows<T, true>(reinterpret_cast<T*>(in_rows.get()), reinterpret_cast<const T*>(in),
                             in_offsets, length, rows.in_axis_stride);
        });
      }
      for (size_t r = 0; r < in_offsets.size(); ++r) {
        sort(copy_in ? in_rows.get() + r * length * in_size : in + in_offsets[r] * in_size,
             copy_out ? out_rows.get() + r * length * out_size : out + out_offsets[r] * out_size);
      }
      if (copy_out) {
        dispatch_itemsize(out_size, [&](auto tag) {
          using T = typename decltype(tag)::type;
          copy_rows<T, false>(reinterpret_cast<T*>(out_rows.get()), reinterpret_cast<T*>(out),
                              out_offsets, length, rows.out_axis_stride);
        });
      }
    }
  });
}

/** Runs a kernel over rows: short ones side by side, else one by one. */
template <typename Out, typename ShortFn, typename RowFn>
void run_rows(Dtype dtype, const AxisRows& rows, const void* in, Out* out, size_t out_size,
              ShortFn&& sort_short, RowFn&& sort) {
  for_each_row(
      rows, static_cast<const char*>(in), dtype.size(), reinterpret_cast<char*>(out), out_size,
      kParallelSortLength,
      [&](const ShortRows& group) { return sort_short(dtype, group, in, out); },
      [&](const char* from, char* to) {
        sort(dtype, from, reinterpret_cast<Out*>(to), rows.length);
      });
}

AxisRows axis_rows(const array& in, const array& out, int axis) {
  AxisRows rows{in.shape(),       in.strides(),       out.strides(),
                in.shape()[axis], in.strides()[axis], out.strides()[axis]};
  rows.shape.erase(rows.shape.begin() + axis);
  rows.in_strides.erase(rows.in_strides.begin() + axis);
  rows.out_strides.erase(rows.out_strides.begin() + axis);
  return rows;
}

/** The same along an axis of an array; results of type Out. */
template <typename Out, typename ShortFn, typename RowFn>
void run_axis(const array& in, array& out, int axis, ShortFn&& sort_short, RowFn&& sort) {
  out.set_data(allocator::malloc(out.nbytes()));
  run_rows(in.dtype(), axis_rows(in, out, axis), in.data<char>(), out.data<Out>(), out.itemsize(),
           sort_short, sort);
}

using Inputs = const std::vector<array>&;
using Outputs = std::vector<array>&;

void eval_sort(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  const int axis = static_cast<const Sort&>(primitive).state();
  run_axis<char>(inputs[0], outputs[0], axis, sort_short_rows, sort_row);
}

void eval_argsort(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  const int axis = static_cast<const ArgSort&>(primitive).state();
  run_axis<uint32_t>(inputs[0], outputs[0], axis, argsort_short_rows, argsort_row);
}

/** A kernel for rows with the position that a partition is about. */
template <typename Out>
auto at_position(void (*kernel)(Dtype, const void*, Out*, int64_t, int64_t), int64_t kth) {
  return [=](Dtype dtype, const void* in, Out* out, int64_t length) {
    kernel(dtype, in, out, length, kth);
  };
}

void eval_partition(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  auto [kth, axis] = static_cast<const Partition&>(primitive).state();
  run_axis<char>(inputs[0], outputs[0], axis, sort_short_rows, at_position(partition_row, kth));
}

void eval_argpartition(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  auto [kth, axis] = static_cast<const ArgPartition&>(primitive).state();
  run_axis<uint32_t>(inputs[0], outputs[0], axis, argsort_short_rows,
                     at_position(argpartition_row, kth));
}

/** The number of elements before which `value` would be inserted into `sorted`. */
template <typename T>
uint32_t search(const T* sorted, int64_t n, int64_t stride, T value, bool right) {
  const auto key = SortKey<T>::folded(value);
  int64_t low = 0;
  while (n > 0) {
    const int64_t half = n / 2;
    const auto middle = SortKey<T>::folded(sorted[(low + half) * stride]);
    const bool go_right = right ? middle <= key : middle < key;
    low = go_right ? low + half + 1 : low;
    n = go_right ? n - half - 1 : half;
  }
  return static_cast<uint32_t>(low);
}

void eval_searchsorted(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  const bool right = static_cast<const SearchSorted&>(primitive).state();
  const array& sorted = inputs[0];
  const array& values = inputs[1];
  array& out = outputs[0];
  out.set_data(allocator::malloc(out.nbytes()));
  dispatch_dtype(sorted.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    parallel_ranges(static_cast<int64_t>(out.size()), 1024, [&](int64_t begin, int64_t end) {
      StridedCursor cursor(values.shape(), values.strides(), begin);
      for (int64_t i = begin; i < end; ++i) {
        out.data<uint32_t>()[i] = search(sorted.data<T>(), sorted.shape()[0], sorted.strides()[0],
                                         values.data<T>()[cursor.offset()], right);
        cursor.next();
      }
    });
  });
}

}  // namespace

void sort_rows(Dtype dtype, const AxisRows& rows, const void* in, void* out) {
  run_rows(dtype, rows, in, static_cast<char*>(out), dtype.size(), sort_short_rows, sort_row);
}

void argsort_rows(Dtype dtype, const AxisRows& rows, const void* in, uint32_t* out) {
  run_rows(dtype, rows, in, out, sizeof(uint32_t), argsort_short_rows, argsort_row);
}

void register_sort(KernelTable& table) {
  table.add<Sort>(eval_sort);
  table.add<ArgSort>(eval_argsort);
  table.add<Partition>(eval_partition);
  table.add<ArgPartition>(eval_argpartition);
  table.add<SearchSorted>(eval_searchsorted);
}

}  // namespace mlx::core::cpu
