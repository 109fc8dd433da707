// vmap: trace a function without the batch axes, then rebuild its graph over batched inputs.
#include <unordered_map>

#include "base/errors.h"
#include "graph/shape.h"
#include "mlx/ops/shape.h"
#include "mlx/primitives/primitive.h"
#include "mlx/transforms.h"
#include "mlx/transforms_impl.h"
#include "transforms/tape.h"

namespace mlx::core {

namespace detail {

std::pair<std::vector<array>, std::vector<array>> vmap_trace(const VectorFunction& fun,
                                                             const std::vector<array>& inputs,
                                                             const std::vector<int>& in_axes) {
  if (in_axes.size() != inputs.size()) {
    throw_invalid("vmap", "The number of in axes ({}) must match the number of inputs ({}).",
                  in_axes.size(), inputs.size());
  }
  InTracing tracing;
  std::vector<array> traced;
  int64_t batch = -1;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (in_axes[i] < 0) {
      traced.push_back(inputs[i]);
      continue;
    }
    if (inputs[i].ndim() == 0 || in_axes[i] >= static_cast<int>(inputs[i].ndim())) {
      throw_invalid("vmap", "Axis {} invalid for input with {} dimensions.", in_axes[i],
                    inputs[i].ndim());
    }
    int64_t length = inputs[i].shape(in_axes[i]);
    if (batch >= 0 && length != batch) {
      throw_invalid("vmap", "Inconsistent axis sizes: {} and {}.", batch, length);
    }
    batch = length;
    Shape shape = inputs[i].shape();
    shape.erase(shape.begin() + in_axes[i]);
    traced.push_back(array::placeholder(std::move(shape), inputs[i].dtype()));
    traced.back().set_tracer(true);
  }
  if (batch < 0) throw_invalid("vmap", "At least one of in_axes must be non-None.");
  auto outputs = fun(traced);
  return {std::move(traced), std::move(outputs)};
}

std::vector<array> vmap_replace(const std::vector<array>& inputs,
                                const std::vector<array>& traced_inputs,
                                const std::vector<array>& traced_outputs,
                                const std::vector<int>& in_axes, const std::vector<int>& out_axes) {
  if (out_axes.size() != traced_outputs.size()) {
    throw_invalid("vmap", "The number of out axes ({}) must match the number of outputs ({}).",
                  out_axes.size(), traced_outputs.size());
  }
  std::unordered_map<std::uintptr_t, std::pair<array, int>> batched;
  std::vector<array> roots;
  ShapeElem batch = 1;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (in_axes[i] < 0) continue;
    batch = inputs[i].shape(in_axes[i]);
    roots.push_back(traced_inputs[i]);
    batched.try_emplace(traced_inputs[i].id(), inputs[i], in_axes[i]);
  }
  InTracing tracing;  // tracers keep their graph while it is walked
  for (auto& node : dependent_nodes(traced_outputs, roots, false)) {
    std::vector<array> node_inputs;
    std::vector<int> node_axes;
    for (const auto& input : node.inputs()) {
      auto found = batched.find(input.id());
      node_inputs.push_back(found == batched.end() ? input : found->second.first);
      node_axes.push_back(found == batched.end() ? -1 : found->second.second);
    }
    auto [outputs, axes] = node.primitive().vmap(node_inputs, node_axes);
    auto traced = node.outputs();
    for (size_t i = 0; i < traced.size(); ++i) {
      batched.try_emplace(traced[i].id(), outputs[i], axes[i]);
    }
  }
  std::vector<array> outputs;
  for (size_t i = 0; i < traced_outputs.size(); ++i) {
    auto found = batched.find(traced_outputs[i].id());
    array output = found == batched.end() ? traced_outputs[i] : found->second.first;
    int axis = found == batched.end() ? -1 : found->second.second;
    int ndim = static_cast<int>(traced_outputs[i].ndim()) + 1;
    if (out_axes[i] < 0) {
      if (axis >= 0) {
        throw_invalid("vmap", "Output {} is batched, so its out axis cannot be None.", i);
      }
      outputs.push_back(output);
      continue;
    }
    if (out_axes[i] >= ndim) {
      throw_invalid("vmap", "Axis {} invalid for output with {} dimensions.", out_axes[i], ndim);
    }
    if (axis < 0) {
      Shape shape = output.shape();
      shape.insert(shape.begin() + out_axes[i], batch);
      outputs.push_back(broadcast_to(expand_dims(output, out_axes[i]), shape));
    } else {
      outputs.push_back(axis == out_axes[i] ? output : moveaxis(output, axis, out_axes[i]));
    }
  }
  return outputs;
}

}  // namespace detail

VectorFunction vmap(const VectorFunction& fun, const std::vector<int>& in_axes,
                    const std::vector<int>& out_axes) {
  return [fun, in_axes, out_axes](const std::vector<array>& inputs) {
    auto axes = in_axes.empty() ? std::vector<int>(inputs.size(), 0) : in_axes;
    for (size_t i = 0; i < axes.size() && i < inputs.size(); ++i) {
      if (axes[i] < -1) axes[i] += static_cast<int>(inputs[i].ndim());
    }
    auto [traced_inputs, traced_outputs] = detail::vmap_trace(fun, inputs, axes);
    auto to = out_axes.empty() ? std::vector<int>(traced_outputs.size(), 0) : out_axes;
    return detail::vmap_replace(inputs, traced_inputs, traced_outputs, axes, to);
  };
}

std::function<array(const array&)> vmap(const ScalarFunction& fun, int in_axis, int out_axis) {
  auto mapped =
      vmap([fun](const std::vector<array>& inputs) { return std::vector<array>{fun(inputs[0])}; },
           std::vector<int>{in_axis}, std::vector<int>{out_axis});
  return [mapped](const array& input) { return mapped({input})[0]; };
}

std::function<array(const array&, const array&)> vmap(
    const std::function<array(const array&, const array&)>& fun, int in_axis_a, int in_axis_b,
    int out_axis) {
  auto mapped = vmap(
      [fun](const std::vector<array>& inputs) {
        return std::vector<array>{fun(inputs[0], inputs[1])};
      },
      std::vector<int>{in_axis_a, in_axis_b}, std::vector<int>{out_axis});
  return [mapped](const array& a, const array& b) { return mapped({a, b})[0]; };
}

}  // namespace mlx::core
