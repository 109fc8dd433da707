// The helpers of the public header backend/common/utils.h.
#include <algorithm>

#include "graph/shape.h"
#include "mlx/backend/common/utils.h"

namespace mlx::core {

namespace {

int64_t within_lengths(int64_t size_cap) { return std::min<int64_t>(size_cap, INT32_MAX); }

}  // namespace

Strides make_contiguous_strides(const Shape& shape) { return row_major_strides(shape); }

std::tuple<Shape, std::vector<Strides>> collapse_contiguous_dims(
    const Shape& shape, const std::vector<Strides>& strides, int64_t size_cap) {
  return collapse_dims(shape, strides, within_lengths(size_cap));
}

std::tuple<Shape, std::vector<Strides>> collapse_contiguous_dims(const std::vector<array>& arrays,
                                                                 size_t size_cap) {
  std::vector<Strides> strides;
  for (const auto& a : arrays) strides.push_back(a.strides());
  return collapse_contiguous_dims(arrays.at(0).shape(), strides, static_cast<int64_t>(size_cap));
}

std::pair<Shape, Strides> collapse_contiguous_dims(const Shape& shape, const Strides& strides,
                                                   int64_t size_cap) {
  auto [merged, merged_strides] =
      collapse_dims(shape, std::vector<Strides>{strides}, within_lengths(size_cap));
  return {std::move(merged), std::move(merged_strides[0])};
}

std::pair<Shape, Strides> collapse_contiguous_dims(const array& a, int64_t size_cap) {
  return collapse_contiguous_dims(a.shape(), a.strides(), size_cap);
}

ContiguousIterator::ContiguousIterator(const array& a)
    : ContiguousIterator(a.shape(), a.strides(), static_cast<int>(a.ndim())) {}

ContiguousIterator::ContiguousIterator(const Shape& shape, const Strides& strides, int dims) {
  std::tie(shape_, strides_) = collapse_contiguous_dims(
      Shape(shape.begin(), shape.begin() + dims), Strides(strides.begin(), strides.begin() + dims));
  position_ = Shape(shape_.size(), 0);
}

void ContiguousIterator::step(int64_t count) {
  int64_t at = 0;
  for (size_t i = 0; i < shape_.size(); ++i) at = at * shape_[i] + position_[i];
  seek(at + count);
}

void ContiguousIterator::seek(int64_t n) {
  loc = 0;
  for (size_t i = shape_.size(); i-- > 0; n /= shape_[i]) {
    position_[i] = static_cast<ShapeElem>(n % shape_[i]);
    loc += position_[i] * strides_[i];
  }
}

std::tuple<size_t, bool, bool> check_contiguity(const Shape& shape, const Strides& strides) {
  size_t stored = 1;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (strides[i] != 0) stored *= static_cast<size_t>(shape[i]);
  }
  array::Flags flags = view_flags(shape, strides, stored);
  return {stored, bool(flags.row_contiguous), bool(flags.col_contiguous)};
}

}  // namespace mlx::core
