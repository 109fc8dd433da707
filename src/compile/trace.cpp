// Recording and replaying of functions.
#include "compile/trace.h"

#include <unordered_map>

#include "base/errors.h"
#include "graph/shape.h"
#include "mlx/primitives/primitive.h"
#include "mlx/transforms_impl.h"
#include "transforms/tape.h"

namespace mlx::core {

namespace {

/** Shapeless traces need every primitive to tell its output shapes. */
void check_shapeless(const Trace& trace) {
  for (const auto& node : trace.nodes) {
    try {
      node.primitive().output_shapes(node.inputs());
    } catch (const std::exception&) {
      throw_invalid("compile",
                    "Cannot compile the primitive {} shapeless: its output shape is not a "
                    "function of its input shapes.",
                    node.primitive().name());
    }
  }
}

}  // namespace

void collect_nodes(Trace& trace) {
  detail::InTracing tracing;
  trace.nodes = dependent_nodes(trace.outputs, trace.inputs, false);
}

Trace trace_function(const detail::ArrayFnWithExtra& fun, const std::vector<array>& inputs,
                     bool shapeless) {
  Trace trace;
  for (const auto& input : inputs) {
    trace.inputs.push_back(array::placeholder(input.shape(), input.dtype()));
    trace.inputs.back().set_tracer(true);
  }
  {
    detail::InTracing tracing(shapeless);
    std::tie(trace.outputs, trace.extra) = fun(trace.inputs);
  }
  collect_nodes(trace);
  if (shapeless) check_shapeless(trace);
  return trace;
}

std::vector<array> replay(const Trace& trace, const std::vector<array>& inputs, bool infer_shapes) {
  std::unordered_map<std::uintptr_t, array> values;
  for (size_t i = 0; i < inputs.size(); ++i) values.try_emplace(trace.inputs[i].id(), inputs[i]);
  auto value_of = [&](const array& traced) {
    auto found = values.find(traced.id());
    return found == values.end() ? traced : found->second;
  };
  for (const auto& node : trace.nodes) {
    std::vector<array> node_inputs;
    node_inputs.reserve(node.inputs().size());
    for (const auto& input : node.inputs()) node_inputs.push_back(value_of(input));
    auto traced = node.outputs();
    std::vector<Shape> shapes;
    if (infer_shapes) {
      shapes = node.primitive().output_shapes(node_inputs);
    } else {
      for (const auto& output : traced) shapes.push_back(output.shape());
    }
    if (traced.size() == 1) {
      values.try_emplace(traced[0].id(), array(std::move(shapes[0]), traced[0].dtype(),
                                               node.primitive_ptr(), std::move(node_inputs)));
      continue;
    }
    std::vector<Dtype> dtypes;
    for (const auto& output : traced) dtypes.push_back(output.dtype());
    auto rebuilt = array::make_arrays(std::move(shapes), dtypes, node.primitive_ptr(), node_inputs);
    for (size_t i = 0; i < traced.size(); ++i) values.try_emplace(traced[i].id(), rebuilt[i]);
  }
  std::vector<array> outputs;
  for (const auto& output : trace.outputs) outputs.push_back(value_of(output));
  return outputs;
}

}  // namespace mlx::core
