// Derivatives, batching and shapes of the layout primitives.
#include <algorithm>
#include <numeric>

#include "base/errors.h"
#include "graph/shape.h"
#include "mlx/ops/creation.h"
#include "mlx/ops/elementwise.h"
#include "mlx/ops/indexing.h"
#include "mlx/ops/reduce.h"
#include "mlx/ops/shape.h"
#include "mlx/primitives/shape.h"

namespace mlx::core {

namespace {

template <class P>
bool same_state(const Primitive& a, const Primitive& b) {
  return static_cast<const P&>(a).state() == static_cast<const P&>(b).state();
}

array zeros_of(const array& like) { return broadcast_to(array(0, like.dtype()), like.shape()); }

/** The position in the batched array of axis `axis` of one element, with the batch at `batch`. */
int past_batch(int axis, int batch) { return axis + (batch >= 0 && axis >= batch ? 1 : 0); }

}  // namespace

bool AsStrided::is_equivalent(const Primitive& other) const {
  return same_state<AsStrided>(*this, other);
}
bool Broadcast::is_equivalent(const Primitive& other) const {
  return same_state<Broadcast>(*this, other);
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
bool Transpose::is_equivalent(const Primitive& other) const {
  return same_state<Transpose>(*this, other);
}
bool Slice::is_equivalent(const Primitive& other) const { return same_state<Slice>(*this, other); }
bool Contiguous::is_equivalent(const Primitive& other) const {
  return same_state<Contiguous>(*this, other);
}

// Broadcast

std::vector<Shape> Broadcast::output_shapes(const std::vector<array>& inputs) {
  if (inputs.size() == 1) return {shape_};
  Shape shape;
  for (const auto& input : inputs) shape = broadcast_shapes(shape, input.shape(), "broadcast");
  return {shape};
}

std::vector<array> Broadcast::vjp(const std::vector<array>& primals,
                                  const std::vector<array>& cotangents,
                                  const std::vector<int>& argnums, const std::vector<array>&) {
  // Inputs beyond the first only lend their shape.
  std::vector<array> result;
  for (int argnum : argnums) result.push_back(zeros_of(primals[argnum]));
  if (argnums.empty() || argnums[0] != 0) return result;
  // The transpose of repeating along an axis is the sum along it.
  const Shape& shape = primals[0].shape();
  const array& cotangent = cotangents[0];
  int lead = static_cast<int>(cotangent.ndim() - shape.size());
  std::vector<int> axes(lead);
  std::iota(axes.begin(), axes.end(), 0);
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] != cotangent.shape()[lead + i]) axes.push_back(static_cast<int>(lead + i));
  }
  result[0] = reshape(sum(cotangent, axes, true, stream()), shape, stream());
  return result;
}

std::vector<array> Broadcast::jvp(const std::vector<array>& primals,
                                  const std::vector<array>& tangents,
                                  const std::vector<int>& argnums) {
  Shape shape = output_shapes(primals)[0];
  array tangent = argnums[0] == 0 ? tangents[0] : array(0, primals[0].dtype());
  return {broadcast_to(tangent, shape, stream())};
}

std::pair<std::vector<array>, std::vector<int>> Broadcast::vmap(const std::vector<array>& inputs,
                                                                const std::vector<int>& axes) {
  if (axes[0] < 0) return {{broadcast_to(inputs[0], shape_, stream())}, {-1}};
  // (A shapeless trace is not batched with other shapes than its own, so shape_ holds.)
  // Batch first, then length-1 dimensions so that the rest lines up from the right.
  array x = moveaxis(inputs[0], axes[0], 0, stream());
  Shape aligned{x.shape(0)};
  aligned.resize(1 + shape_.size() - (x.ndim() - 1), 1);
  aligned.insert(aligned.end(), x.shape().begin() + 1, x.shape().end());
  Shape full{x.shape(0)};
  full.insert(full.end(), shape_.begin(), shape_.end());
  return {{broadcast_to(reshape(x, aligned, stream()), full, stream())}, {0}};
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
  for (auto axis = axes_.rbegin(); axis != axes_.rend(); ++axis) shape.erase(shape.begin() + *axis);
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
  Shape shape = shape_;
  size_t known = 1;
  int unknown = -1;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == -1) {
      unknown = static_cast<int>(i);
    } else {
      known *= shape[i];
    }
  }
  if (unknown >= 0 && known > 0) shape[unknown] = static_cast<ShapeElem>(inputs[0].size() / known);
  if (num_elements(shape) != inputs[0].size()) {
    throw_invalid("reshape", "Cannot reshape array of size {} into shape {}.", inputs[0].size(),
                  to_string(shape));
  }
  return {shape};
}

std::vector<array> Reshape::vjp(const std::vector<array>& primals,
                                const std::vector<array>& cotangents, const std::vector<int>&,
                                const std::vector<array>&) {
  return {reshape(cotangents[0], primals[0].shape(), stream())};
}

std::vector<array> Reshape::jvp(const std::vector<array>&, const std::vector<array>& tangents,
                                const std::vector<int>&) {
  return {reshape(tangents[0], shape_, stream())};
}

std::pair<std::vector<array>, std::vector<int>> Reshape::vmap(const std::vector<array>& inputs,
                                                              const std::vector<int>& axes) {
  if (axes[0] < 0) return {{reshape(inputs[0], shape_, stream())}, {-1}};
  array x = moveaxis(inputs[0], axes[0], 0, stream());
  Shape shape{x.shape(0)};
  shape.insert(shape.end(), shape_.begin(), shape_.end());
  return {{reshape(x, std::move(shape), stream())}, {0}};
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
                std::make_shared<Slice>(stream(), start_, stop_, strides_), {tangents[0]})};
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
                 std::make_shared<Slice>(stream(), start, stop, strides), {inputs[0]})},
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
