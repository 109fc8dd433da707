// Derivatives, batching and shapes of the layout primitives.
#include <algorithm>
#include <numeric>

#include "base/errors.h"
#include "base/pool_allocator.h"
#include "graph/shape.h"
#include "graph/shape_check.h"
#include "mlx/ops/creation.h"
#include "mlx/ops/elementwise.h"
#include "mlx/ops/indexing.h"
#include "mlx/ops/reduce.h"
#include "mlx/ops/shape.h"
#include "mlx/ops/shape_like.h"
#include "mlx/primitives/shape.h"

namespace mlx::core {

namespace {

template <class P>
bool same_state(const Primitive& a, const Primitive& b) {
  return static_cast<const P&>(a).state() == static_cast<const P&>(b).state();
}

array zeros_of(const array& like) { return detail::filled_like(like, 0, like.dtype()); }

/** The position in the batched array of axis `axis` of one element, with the batch at `batch`. */
int past_batch(int axis, int batch) { return axis + (batch >= 0 && axis >= batch ? 1 : 0); }

}  // namespace

bool AsStrided::is_equivalent(const Primitive& other) const {
  return same_state<AsStrided>(*this, other);
}
bool ExpandDims::is_equivalent(const Primitive& other) const {
  return same_state<ExpandDims>(*this, other);
}
bool Squeeze::is_equivalent(const Primitive& other) const {
  return same_state<Squeeze>(*this, other);
}
bool Reshape::is_equivalent(const Primitive& other) const {
  return same_state<Reshape>(*this, other);
}
bool Flatten::is_equivalent(const Primitive& other) const {
  return same_state<Flatten>(*this, other);
}
bool Unflatten::is_equivalent(const Primitive& other) const {
  return same_state<Unflatten>(*this, other);
}
bool Transpose::is_equivalent(const Primitive& other) const {
  return same_state<Transpose>(*this, other);
}
bool Slice::is_equivalent(const Primitive& other) const { return same_state<Slice>(*this, other); }
bool Contiguous::is_equivalent(const Primitive& other) const {
  return same_state<Contiguous>(*this, other);
}

// ExpandDims and Squeeze

std::vector<Shape> ExpandDims::output_shapes(const std::vector<array>& inputs) {
  Shape shape = inputs[0].shape();
  for (int axis : axes_) shape.insert(shape.begin() + axis, 1);
  return {shape};
}

std::vector<array> ExpandDims::vjp(const std::vector<array>&, const std::vector<array>& cotangents,
                                   const std::vector<int>&, const std::vector<array>&) {
  return {squeeze(cotangents[0], axes_, stream())};
}

std::vector<array> ExpandDims::jvp(const std::vector<array>&, const std::vector<array>& tangents,
                                   const std::vector<int>&) {
  return {expand_dims(tangents[0], axes_, stream())};
}

std::pair<std::vector<array>, std::vector<int>> ExpandDims::vmap(const std::vector<array>& inputs,
                                                                 const std::vector<int>& axes) {
  if (axes[0] < 0) return {{expand_dims(inputs[0], axes_, stream())}, {-1}};
  array x = moveaxis(inputs[0], axes[0], 0, stream());
  std::vector<int> shifted = axes_;
  for (auto& axis : shifted) ++axis;
  return {{expand_dims(x, shifted, stream())}, {0}};
}

std::vector<Shape> Squeeze::output_shapes(const std::vector<array>& inputs) {
  Shape shape = inputs[0].shape();
  for (auto axis = axes_.rbegin(); axis != axes_.rend(); ++axis) {
    require_fit(shape[*axis] == 1, "squeeze", inputs);
    shape.erase(shape.begin() + *axis);
  }
  return {shape};
}

std::vector<array> Squeeze::vjp(const std::vector<array>&, const std::vector<array>& cotangents,
                                const std::vector<int>&, const std::vector<array>&) {
  return {expand_dims(cotangents[0], axes_, stream())};
}

std::vector<array> Squeeze::jvp(const std::vector<array>&, const std::vector<array>& tangents,
                                const std::vector<int>&) {
  return {squeeze(tangents[0], axes_, stream())};
}

std::pair<std::vector<array>, std::vector<int>> Squeeze::vmap(const std::vector<array>& inputs,
                                                              const std::vector<int>& axes) {
  if (axes[0] < 0) return {{squeeze(inputs[0], axes_, stream())}, {-1}};
  array x = moveaxis(inputs[0], axes[0], 0, stream());
  std::vector<int> shifted = axes_;
  for (auto& axis : shifted) ++axis;
  return {{squeeze(x, shifted, stream())}, {0}};
}

// Reshape

std::vector<Shape> Reshape::output_shapes(const std::vector<array>& inputs) {
  Shape shape = inputs.size() > 1 ? inputs[1].shape() : shape_;
  if (inputs.size() > 1 && !shape.empty()) shape.back() = -1;
  size_t known = 1;
  int unknown = -1;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == -1) {
      unknown = static_cast<int>(i);
    } else {
      known *= shape[i];
    }
  }
  if (unknown >= 0) {
    shape[unknown] =
        known > 0 ? static_cast<ShapeElem>(inputs[0].size() / known) : inputs.back().shape().back();
  }
  if (num_elements(shape) != inputs[0].size()) {
    throw_invalid("reshape", "Cannot reshape array of size {} into shape {}.", inputs[0].size(),
                  to_string(shape));
  }
  return {shape};
}

std::vector<array> Reshape::vjp(const std::vector<array>& primals,
                                const std::vector<array>& cotangents,
                                const std::vector<int>& argnums, const std::vector<array>&) {
  // A second input only lends its shape.
  std::vector<array> result;
  for (int argnum : argnums) {
    result.push_back(argnum == 0 ? detail::reshape_like(cotangents[0], primals[0], stream())
                                 : zeros_of(primals[argnum]));
  }
  return result;
}

std::vector<array> Reshape::jvp(const std::vector<array>& primals,
                                const std::vector<array>& tangents,
                                const std::vector<int>& argnums) {
  array tangent = argnums[0] == 0 ? tangents[0] : zeros_of(primals[0]);
  if (primals.size() > 1) return {detail::reshape_like(tangent, primals[1], stream())};
  return {reshape(tangent, shape_, stream())};
}

std::pair<std::vector<array>, std::vector<int>> Reshape::vmap(const std::vector<array>& inputs,
                                                              const std::vector<int>& axes) {
  Shape shape = shape_;
  if (inputs.size() > 1) {
    shape = inputs[1].shape();
    if (axes[1] >= 0) shape.erase(shape.begin() + axes[1]);
  }
  if (axes[0] < 0) return {{reshape(inputs[0], std::move(shape), stream())}, {-1}};
  array x = moveaxis(inputs[0], axes[0], 0, stream());
  shape.insert(shape.begin(), x.shape(0));
  return {{reshape(x, std::move(shape), stream())}, {0}};
}

// Flatten and Unflatten

std::vector<Shape> Flatten::output_shapes(const std::vector<array>& inputs) {
  return {output_shape(inputs[0], start_axis_, end_axis_)};
}

Shape Flatten::output_shape(const array& input, int start_axis, int end_axis) {
  Shape shape = input.shape();
  int64_t merged = 1;
  for (int i = start_axis; i <= end_axis; ++i) merged *= shape[i];
  shape.erase(shape.begin() + start_axis + 1, shape.begin() + end_axis + 1);
  shape[start_axis] = safe_cast(merged, "flatten");
  return shape;
}

std::vector<array> Flatten::vjp(const std::vector<array>& primals,
                                const std::vector<array>& cotangents, const std::vector<int>&,
                                const std::vector<array>&) {
  return {detail::reshape_like(cotangents[0], primals[0], stream())};
}

std::vector<array> Flatten::jvp(const std::vector<array>&, const std::vector<array>& tangents,
                                const std::vector<int>&) {
  return {flatten(tangents[0], start_axis_, end_axis_, stream())};
}

std::pair<std::vector<array>, std::vector<int>> Flatten::vmap(const std::vector<array>& inputs,
                                                              const std::vector<int>& axes) {
  if (axes[0] < 0) return {{flatten(inputs[0], start_axis_, end_axis_, stream())}, {-1}};
  array x = moveaxis(inputs[0], axes[0], 0, stream());
  return {{flatten(x, start_axis_ + 1, end_axis_ + 1, stream())}, {0}};
}

std::vector<Shape> Unflatten::output_shapes(const std::vector<array>& inputs) {
  return {output_shape(inputs[0], axis_, shape_)};
}

Shape Unflatten::output_shape(const array& input, int axis, const Shape& shape) {
  Shape parts = shape;
  int64_t known = 1;
  int unknown = -1;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i] == -1 && unknown < 0) {
      unknown = static_cast<int>(i);
    } else {
      known *= parts[i];
    }
  }
  if (unknown >= 0 && known > 0) {
    parts[unknown] = static_cast<ShapeElem>(input.shape(axis) / known);
  }
  if (num_elements(parts) != static_cast<size_t>(input.shape(axis))) {
    throw_invalid("unflatten", "cannot unflatten axis {} of length {} to shape {}.", axis,
                  input.shape(axis), to_string(shape));
  }
  Shape result(input.shape().begin(), input.shape().begin() + axis);
  result.insert(result.end(), parts.begin(), parts.end());
  result.insert(result.end(), input.shape().begin() + axis + 1, input.shape().end());
  return result;
}

std::vector<array> Unflatten::vjp(const std::vector<array>&, const std::vector<array>& cotangents,
                                  const std::vector<int>&, const std::vector<array>&) {
  int last = axis_ + static_cast<int>(shape_.size()) - 1;
  return {flatten(cotangents[0], axis_, last, stream())};
}

std::vector<array> Unflatten::jvp(const std::vector<array>&, const std::vector<array>& tangents,
                                  const std::vector<int>&) {
  return {unflatten(tangents[0], axis_, shape_, stream())};
}

std::pair<std::vector<array>, std::vector<int>> Unflatten::vmap(const std::vector<array>& inputs,
                                                                const std::vector<int>& axes) {
  if (axes[0] < 0) return {{unflatten(inputs[0], axis_, shape_, stream())}, {-1}};
  array x = moveaxis(inputs[0], axes[0], 0, stream());
  return {{unflatten(x, axis_ + 1, shape_, stream())}, {0}};
}

// Transpose

std::vector<Shape> Transpose::output_shapes(const std::vector<array>& inputs) {
  Shape shape(axes_.size());
  for (size_t i = 0; i < axes_.size(); ++i) shape[i] = inputs[0].shape(axes_[i]);
  return {shape};
}

std::vector<array> Transpose::vjp(const std::vector<array>&, const std::vector<array>& cotangents,
                                  const std::vector<int>&, const std::vector<array>&) {
  std::vector<int> inverse(axes_.size());
  for (size_t i = 0; i < axes_.size(); ++i) inverse[axes_[i]] = static_cast<int>(i);
  return {transpose(cotangents[0], std::move(inverse), stream())};
}

std::vector<array> Transpose::jvp(const std::vector<array>&, const std::vector<array>& tangents,
                                  const std::vector<int>&) {
  return {transpose(tangents[0], axes_, stream())};
}

std::pair<std::vector<array>, std::vector<int>> Transpose::vmap(const std::vector<array>& inputs,
                                                                const std::vector<int>& axes) {
  if (axes[0] < 0) return {{transpose(inputs[0], axes_, stream())}, {-1}};
  std::vector<int> batched{axes[0]};
  for (int axis : axes_) batched.push_back(past_batch(axis, axes[0]));
  return {{transpose(inputs[0], std::move(batched), stream())}, {0}};
}

// Copy, Contiguous, StopGradient

std::vector<array> Copy::vjp(const std::vector<array>&, const std::vector<array>& cotangents,
                             const std::vector<int>&, const std::vector<array>&) {
  return {cotangents[0]};
}

std::vector<array> Copy::jvp(const std::vector<array>&, const std::vector<array>& tangents,
                             const std::vector<int>&) {
  return {tangents[0]};
}

std::pair<std::vector<array>, std::vector<int>> Copy::vmap(const std::vector<array>& inputs,
                                                           const std::vector<int>& axes) {
  return {{copy(inputs[0], stream())}, axes};
}

std::vector<array> Contiguous::vjp(const std::vector<array>&, const std::vector<array>& cotangents,
                                   const std::vector<int>&, const std::vector<array>&) {
  return {cotangents[0]};
}

std::vector<array> Contiguous::jvp(const std::vector<array>&, const std::vector<array>& tangents,
                                   const std::vector<int>&) {
  return {tangents[0]};
}

std::pair<std::vector<array>, std::vector<int>> Contiguous::vmap(const std::vector<array>& inputs,
                                                                 const std::vector<int>& axes) {
  return {{contiguous(inputs[0], allow_col_major_, stream())}, axes};
}

std::vector<array> StopGradient::vjp(const std::vector<array>& primals, const std::vector<array>&,
                                     const std::vector<int>&, const std::vector<array>&) {
  return {broadcast_to(array(0, primals[0].dtype()), primals[0].shape(), stream())};
}

std::vector<array> StopGradient::jvp(const std::vector<array>& primals, const std::vector<array>&,
                                     const std::vector<int>&) {
  return {broadcast_to(array(0, primals[0].dtype()), primals[0].shape(), stream())};
}

std::pair<std::vector<array>, std::vector<int>> StopGradient::vmap(const std::vector<array>& inputs,
                                                                   const std::vector<int>& axes) {
  return {{stop_gradient(inputs[0], stream())}, axes};
}

// Slice and AsStrided

std::vector<array> Slice::vjp(const std::vector<array>& primals,
                              const std::vector<array>& cotangents, const std::vector<int>& argnums,
                              const std::vector<array>& outputs) {
  // The transpose puts the cotangent back among zeros: around it, and between its elements where
  // the slice had steps.
  const Shape& shape = primals[0].shape();
  array spread = cotangents[0];
  std::vector<int> axes;
  Shape low;
  Shape high;
  for (int i = 0; i < static_cast<int>(shape.size()); ++i) {
    ShapeElem step = strides_[i];
    ShapeElem length = spread.shape(i);
    if (length == 0) return {zeros_of(primals[0])};
    if (step < 0) spread = flip(spread, i, stream());
    ShapeElem apart = std::abs(step);
    if (apart > 1) {
      array spaced = pad(expand_dims(spread, i + 1, stream()), std::vector<int>{i + 1}, Shape{0},
                         Shape{apart - 1}, array(0, cotangents[0].dtype()), "constant", stream());
      array merged = flatten(spaced, i, i + 1, stream());
      Shape stop = merged.shape();
      stop[i] = (length - 1) * apart + 1;
      spread = slice(merged, Shape(merged.ndim(), 0), stop, stream());
    }
    ShapeElem first = step > 0 ? start_[i] : start_[i] + (length - 1) * step;
    axes.push_back(i);
    low.push_back(first);
    high.push_back(shape[i] - first - spread.shape(i));
  }
  return {pad(spread, axes, low, high, array(0, cotangents[0].dtype()), "constant", stream())};
}

std::vector<array> Slice::jvp(const std::vector<array>&, const std::vector<array>& tangents,
                              const std::vector<int>&) {
  Shape shape;
  for (size_t i = 0; i < start_.size(); ++i) {
    int64_t count = strides_[i] > 0 ? (stop_[i] - start_[i] + strides_[i] - 1) / strides_[i]
                                    : (start_[i] - stop_[i] - strides_[i] - 1) / -strides_[i];
    shape.push_back(static_cast<ShapeElem>(std::max<int64_t>(count, 0)));
  }
  return {array(std::move(shape), tangents[0].dtype(),
                make_node<Slice>(stream(), start_, stop_, strides_), {tangents[0]})};
}

std::pair<std::vector<array>, std::vector<int>> Slice::vmap(const std::vector<array>& inputs,
                                                            const std::vector<int>& axes) {
  auto start = start_;
  auto stop = stop_;
  auto strides = strides_;
  Shape shape = jvp({}, {inputs[0]}, {})[0].shape();
  if (axes[0] >= 0) {
    start.insert(start.begin() + axes[0], 0);
    stop.insert(stop.begin() + axes[0], inputs[0].shape(axes[0]));
    strides.insert(strides.begin() + axes[0], 1);
    shape.insert(shape.begin() + axes[0], inputs[0].shape(axes[0]));
  }
  return {{array(std::move(shape), inputs[0].dtype(),
                 make_node<Slice>(stream(), start, stop, strides), {inputs[0]})},
          axes};
}

std::vector<array> AsStrided::vjp(const std::vector<array>& primals,
                                  const std::vector<array>& cotangents, const std::vector<int>&,
                                  const std::vector<array>&) {
  // The same view of the element numbers tells where each cotangent goes; those of elements seen
  // more than once add up. The input is flat.
  int size = safe_cast(primals[0].size(), "as_strided");
  array numbers =
      as_strided(arange(0, size, uint32, stream()), shape_, strides_, offset_, stream());
  array flat = reshape(numbers, Shape{-1}, stream());
  array updates = reshape(cotangents[0], Shape{safe_cast(flat.size(), "as_strided"), 1}, stream());
  return {scatter_add(zeros_of(primals[0]), flat, updates, 0, stream())};
}

std::vector<array> AsStrided::jvp(const std::vector<array>&, const std::vector<array>& tangents,
                                  const std::vector<int>&) {
  return {as_strided(tangents[0], shape_, strides_, offset_, stream())};
}

}  // namespace mlx::core
