// Stepping through the offsets of a strided array in row-major order.
#pragma once

#include <cstdint>

#include "mlx/array.h"

namespace mlx::core::cpu {

/** Holds references to the shape and strides it walks over. */
class StridedCursor {
 public:
  StridedCursor(const Shape& shape, const Strides& strides, int64_t start = 0)
      : shape_(shape), strides_(strides), position_(shape.size(), 0) {
    for (int axis = static_cast<int>(shape.size()) - 1; axis >= 0 && start > 0; --axis) {
      position_[axis] = static_cast<ShapeElem>(start % shape[axis]);
      start /= shape[axis];
      offset_ += position_[axis] * strides[axis];
    }
  }
  int64_t offset() const { return offset_; }
  void next() {
    for (int axis = static_cast<int>(shape_.size()) - 1; axis >= 0; --axis) {
      offset_ += strides_[axis];
      if (++position_[axis] < shape_[axis]) return;
      offset_ -= strides_[axis] * shape_[axis];
      position_[axis] = 0;
    }
  }

 private:
  const Shape& shape_;
  const Strides& strides_;
  Shape position_;
  int64_t offset_ = 0;
};

}  // namespace mlx::core::cpu
