// Derivatives, batching and shapes of Broadcast and BroadcastAxes.
#include <algorithm>
#include <numeric>

#include "base/errors.h"
#include "graph/shape.h"
#include "mlx/ops/reduce.h"
#include "mlx/ops/shape.h"
#include "mlx/ops/shape_like.h"
#include "mlx/primitives/shape.h"

namespace mlx::core {

namespace {

std::vector<Shape> shapes_of(const std::vector<array>& arrays) {
  std::vector<Shape> shapes;
  for (const auto& a : arrays) shapes.push_back(a.shape());
  return shapes;
}

array zeros_of(const array& like) { return detail::filled_like(like, 0, like.dtype()); }

/** The gradients of inputs `argnums` of a node that repeats the first one; the others only lend
 * their shape. */
std::vector<array> pull_back(const std::vector<array>& primals, const array& cotangent,
                             const std::vector<int>& argnums, Stream s) {
  std::vector<array> result;
  for (int argnum : argnums) result.push_back(zeros_of(primals[argnum]));
  if (argnums.empty() || argnums[0] != 0) return result;
  // The transpose of repeating along an axis is the sum along it.
  const Shape& shape = primals[0].shape();
  int lead = static_cast<int>(cotangent.ndim() - shape.size());
  std::vector<int> axes(lead);
  std::iota(axes.begin(), axes.end(), 0);
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] != cotangent.shape()[lead + i]) axes.push_back(static_cast<int>(lead + i));
  }
  array summed = sum(cotangent, axes, true, s);
  axes.resize(lead);
  result[0] = squeeze(summed, axes, s);
  return result;
}

/** The inputs of the node for the tangents. */
std::vector<array> push_forward(const std::vector<array>& primals,
                                const std::vector<array>& tangents,
                                const std::vector<int>& argnums) {
  std::vector<array> inputs = primals;
  inputs[0] = argnums[0] == 0 ? tangents[0] : zeros_of(primals[0]);
  return inputs;
}

/** The batch first, then length-1 dimensions so that the rest lines up from the right. */
std::vector<array> align(const std::vector<array>& inputs, const std::vector<int>& axes,
                         size_t ndim, Stream s) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    ndim = std::max(ndim, inputs[i].ndim() - (axes[i] >= 0 ? 1 : 0));
  }
  std::vector<array> aligned;
  for (size_t i = 0; i < inputs.size(); ++i) {
    array x = axes[i] >= 0 ? moveaxis(inputs[i], axes[i], 0, s) : expand_dims(inputs[i], 0, s);
    std::vector<int> added(ndim + 1 - x.ndim());
    std::iota(added.begin(), added.end(), 1);
    aligned.push_back(expand_dims(x, added, s));
  }
  return aligned;
}

}  // namespace

// Broadcast

bool Broadcast::is_equivalent(const Primitive& other) const {
  return state() == static_cast<const Broadcast&>(other).state();
}

std::vector<Shape> Broadcast::output_shapes(const std::vector<array>& inputs) {
  return {result_shape(shapes_of(inputs))};
}

Shape Broadcast::result_shape(const std::vector<Shape>& shapes) const {
  if (shapes.size() == 1) {
    if (broadcast_shapes(shapes[0], shape_, "broadcast") == shape_) return shape_;
    throw_invalid("broadcast", "Cannot broadcast array of shape {} into shape {}.",
                  to_string(shapes[0]), to_string(shape_));
  }
  Shape result;
  for (const auto& shape : shapes) result = broadcast_shapes(result, shape, "broadcast");
  return result;
}

std::vector<array> Broadcast::vjp(const std::vector<array>& primals,
                                  const std::vector<array>& cotangents,
                                  const std::vector<int>& argnums, const std::vector<array>&) {
  return pull_back(primals, cotangents[0], argnums, stream());
}

std::vector<array> Broadcast::jvp(const std::vector<array>& primals,
                                  const std::vector<array>& tangents,
                                  const std::vector<int>& argnums) {
  auto inputs = push_forward(primals, tangents, argnums);
  Shape shape = output_shapes(primals)[0];
  Dtype dtype = inputs[0].dtype();
  return {array(shape, dtype, std::make_shared<Broadcast>(stream(), shape), std::move(inputs))};
}

std::pair<std::vector<array>, std::vector<int>> Broadcast::vmap(const std::vector<array>& inputs,
                                                                const std::vector<int>& axes) {
  auto aligned = align(inputs, axes, inputs.size() == 1 ? shape_.size() : 0, stream());
  Shape full = shape_;
  full.insert(full.begin(), aligned[0].shape(0));
  auto primitive = std::make_shared<Broadcast>(stream(), std::move(full));
  Shape shape = primitive->output_shapes(aligned)[0];
  Dtype dtype = aligned[0].dtype();
  return {{array(std::move(shape), dtype, std::move(primitive), std::move(aligned))}, {0}};
}

// BroadcastAxes

bool BroadcastAxes::is_equivalent(const Primitive& other) const {
  return state() == static_cast<const BroadcastAxes&>(other).state();
}

Shape BroadcastAxes::output_shape(const std::vector<array>& inputs,
                                  const std::vector<int>& ignore_axes, const char* op) {
  auto shapes = shapes_of(inputs);
  for (size_t i = 1; i < shapes.size(); ++i) {
    for (int axis : ignore_axes) {
      int from_front = axis + static_cast<int>(shapes[i].size());
      if (from_front >= 0) shapes[i][from_front] = 1;
    }
  }
  Shape result = shapes[0];
  for (const auto& shape : shapes) result = broadcast_shapes(result, shape, op);
  return result;
}

std::vector<Shape> BroadcastAxes::output_shapes(const std::vector<array>& inputs) {
  return {output_shape(inputs, ignore_axes_)};
}

std::vector<array> BroadcastAxes::vjp(const std::vector<array>& primals,
                                      const std::vector<array>& cotangents,
                                      const std::vector<int>& argnums, const std::vector<array>&) {
  return pull_back(primals, cotangents[0], argnums, stream());
}

std::vector<array> BroadcastAxes::jvp(const std::vector<array>& primals,
                                      const std::vector<array>& tangents,
                                      const std::vector<int>& argnums) {
  auto inputs = push_forward(primals, tangents, argnums);
  Shape shape = output_shape(primals, ignore_axes_);
  Dtype dtype = inputs[0].dtype();
  return {array(std::move(shape), dtype, std::make_shared<BroadcastAxes>(stream(), ignore_axes_),
                std::move(inputs))};
}

std::pair<std::vector<array>, std::vector<int>> BroadcastAxes::vmap(
    const std::vector<array>& inputs, const std::vector<int>& axes) {
  auto aligned = align(inputs, axes, 0, stream());  // axes counted from the end stay what they are
  Shape shape = output_shape(aligned, ignore_axes_);
  Dtype dtype = aligned[0].dtype();
  return {{array(std::move(shape), dtype, std::make_shared<BroadcastAxes>(stream(), ignore_axes_),
                 std::move(aligned))},
          {0}};
}

}  // namespace mlx::core
