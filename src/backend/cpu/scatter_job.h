// A scatter in terms of offsets, and its ways of sharing out the work.
#pragma once

#include <vector>

#include "backend/cpu/index_offsets.h"
#include "backend/cpu/scatter.h"
#include "backend/cpu/strided_cursor.h"
#include "graph/shape.h"

namespace mlx::core::cpu {

inline constexpr int64_t kInlineBytes = 65536;  // less than this is done by the calling thread
inline constexpr int64_t kScatterBlock = 512;   // rows applied together
inline constexpr int64_t kPositionsPerTask = 8192;

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
    if (size_ == kScatterBlock) flush();
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
  int64_t target_offsets_[kScatterBlock];
  int64_t update_offsets_[kScatterBlock];
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

/** Applies the updates. Positions that meet are applied in order. */
void run_scatter(const ScatterJob& job);

}  // namespace mlx::core::cpu
