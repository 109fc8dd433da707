// Output shapes of the indexing primitives, with the checks that a replayed shapeless trace needs.
#include <algorithm>

#include "graph/shape.h"
#include "graph/shape_check.h"
#include "mlx/primitives/indexing.h"

namespace mlx::core {

namespace {

bool fits_in(const Shape& part, const Shape& whole) {
  if (part.size() != whole.size()) return false;
  for (size_t i = 0; i < part.size(); ++i) {
    if (part[i] > whole[i]) return false;
  }
  return true;
}

}  // namespace

std::vector<Shape> Gather::output_shapes(const std::vector<array>& inputs) {
  require_fit(fits_in(slice_sizes_, inputs[0].shape()), "gather", inputs);
  Shape shape = inputs.size() > 1 ? inputs[1].shape() : Shape{};
  for (size_t i = 2; i < inputs.size(); ++i) {
    require_fit(inputs[i].shape() == shape, "gather", inputs);
  }
  for (int axis = 0; axis < static_cast<int>(slice_sizes_.size()); ++axis) {
    // Slices that took a whole axis of the traced source must not take part of a longer one.
    bool indexed = std::find(axes_.begin(), axes_.end(), axis) != axes_.end();
    require_fit(indexed || slice_sizes_[axis] == inputs[0].shape(axis), "gather", inputs);
  }
  for (int axis : axes_) {
    require_fit(inputs[0].shape(axis) > 0 || num_elements(shape) == 0, "gather", inputs);
  }
  shape.insert(shape.end(), slice_sizes_.begin(), slice_sizes_.end());
  return {shape};
}

std::vector<Shape> GatherAxis::output_shapes(const std::vector<array>& inputs) {
  require_fit(equal_shapes(inputs[0].shape(), inputs[1].shape(), axis_), "take_along_axis", inputs);
  require_fit(inputs[0].shape(axis_) > 0 || inputs[1].size() == 0, "take_along_axis", inputs);
  return {inputs[1].shape()};
}

std::vector<Shape> ScatterAxis::output_shapes(const std::vector<array>& inputs) {
  require_fit(equal_shapes(inputs[0].shape(), inputs[1].shape(), axis_) &&
                  inputs[1].shape() == inputs[2].shape(),
              "put_along_axis", inputs);
  require_fit(inputs[0].shape(axis_) > 0 || inputs[1].size() == 0, "put_along_axis", inputs);
  return {inputs[0].shape()};
}

std::vector<Shape> MaskedScatter::output_shapes(const std::vector<array>& inputs) {
  const Shape& target = inputs[0].shape();
  require_fit(inputs[1].shape() == target && inputs[2].ndim() > 0 && !target.empty() &&
                  inputs[2].shape(0) == target[0],
              "masked_scatter", inputs);
  return {target};
}

std::vector<Shape> SliceUpdate::output_shapes(const std::vector<array>& inputs) {
  const Shape& target = inputs[0].shape();
  require_fit(target.size() == start_.size(), "slice_update", inputs);
  const Shape& updates = inputs[1].shape();
  for (size_t i = 0; i < target.size(); ++i) {
    // The updates' first and last place along the axis.
    int64_t first = start_[i];
    int64_t last = first + (static_cast<int64_t>(updates[i]) - 1) * strides_[i];
    bool inside =
        updates[i] == 0 || (std::min(first, last) >= 0 && std::max(first, last) < target[i]);
    require_fit(inside, "slice_update", inputs);
  }
  return {target};
}

std::vector<Shape> DynamicSlice::output_shapes(const std::vector<array>& inputs) {
  require_fit(fits_in(slice_size_, inputs[0].shape()) && inputs[1].size() == axes_.size(), "slice",
              inputs);
  return {slice_size_};
}

std::vector<Shape> DynamicSliceUpdate::output_shapes(const std::vector<array>& inputs) {
  require_fit(fits_in(inputs[1].shape(), inputs[0].shape()) && inputs[2].size() == axes_.size(),
              "slice_update", inputs);
  return {inputs[0].shape()};
}

}  // namespace mlx::core
