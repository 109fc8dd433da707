// vjp, jvp and what follows from them: grad and value_and_grad.
#include <algorithm>
#include <set>
#include <unordered_map>

#include "base/errors.h"
#include "graph/shape.h"
#include "mlx/ops/elementwise.h"
#include "mlx/ops/shape.h"
#include "mlx/primitives/primitive.h"
#include "mlx/transforms.h"
#include "mlx/transforms_impl.h"
#include "transforms/tape.h"

namespace mlx::core {

namespace {

using ArrayMap = std::unordered_map<std::uintptr_t, array>;

std::vector<array> make_tracers(const std::vector<array>& primals) {
  std::vector<array> tracers;
  for (const auto& primal : primals) {
    Stream s =
        primal.has_primitive() ? primal.primitive().stream() : default_stream(default_device());
    tracers.push_back(copy(primal, s));
    tracers.back().set_tracer(true);
  }
  return tracers;
}

/** The inputs of `node` among `known`, and their positions. */
std::vector<int> positions_in(const array& node, const std::function<bool(const array&)>& known) {
  std::vector<int> argnums;
  for (size_t i = 0; i < node.inputs().size(); ++i) {
    if (known(node.inputs()[i])) argnums.push_back(static_cast<int>(i));
  }
  return argnums;
}

void check_matches(const char* op, const char* what, const std::vector<array>& values,
                   const std::vector<array>& expected) {
  if (values.size() != expected.size()) {
    throw_invalid(op, "got {} {}s for {} arrays.", values.size(), what, expected.size());
  }
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i].shape() != expected[i].shape()) {
      throw_invalid(op, "{} {} has shape {}, expected {}.", what, i, to_string(values[i].shape()),
                    to_string(expected[i].shape()));
    }
  }
}

/** Pulls the cotangents of `outputs` back through the traced graph to `tracers`. */
std::vector<array> pull_back(const std::vector<array>& outputs,
                             const std::vector<array>& cotangents,
                             const std::vector<array>& tracers) {
  auto nodes = dependent_nodes(outputs, tracers, true);
  std::set<std::uintptr_t> dependent;
  for (const auto& tracer : tracers) dependent.insert(tracer.id());
  for (const auto& node : nodes) {
    for (const auto& output : node.outputs()) dependent.insert(output.id());
  }
  ArrayMap gradients;
  auto accumulate = [&](const array& to, const array& cotangent, StreamOrDevice s) {
    auto [found, inserted] = gradients.try_emplace(to.id(), cotangent);
    if (!inserted) found->second = add(found->second, cotangent, s);
  };
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (dependent.count(outputs[i].id())) accumulate(outputs[i], cotangents[i], {});
  }
  for (auto node = nodes.rbegin(); node != nodes.rend(); ++node) {
    auto node_outputs = node->outputs();
    std::vector<array> node_cotangents;
    bool any = false;
    for (const auto& output : node_outputs) {
      auto found = gradients.find(output.id());
      any |= found != gradients.end();
      node_cotangents.push_back(found != gradients.end() ? found->second : zeros_as(output));
      if (found != gradients.end()) gradients.erase(found);
    }
    if (!any) continue;
    auto argnums =
        positions_in(*node, [&](const array& input) { return dependent.count(input.id()) > 0; });
    auto input_cotangents =
        node->primitive().vjp(node->inputs(), node_cotangents, argnums, node_outputs);
    for (size_t i = 0; i < argnums.size(); ++i) {
      accumulate(node->inputs()[argnums[i]], input_cotangents[i], node->primitive().stream());
    }
  }
  std::vector<array> result;
  for (const auto& tracer : tracers) {
    auto found = gradients.find(tracer.id());
    result.push_back(found != gradients.end() ? found->second : zeros_as(tracer));
  }
  return result;
}

}  // namespace

std::pair<std::vector<array>, std::vector<array>> vjp(const VectorFunction& fun,
                                                      const std::vector<array>& primals,
                                                      const std::vector<array>& cotangents) {
  detail::InTracing tracing(false, true);
  auto tracers = make_tracers(primals);
  auto outputs = fun(tracers);
  check_matches("vjp", "cotangent", cotangents, outputs);
  auto gradients = pull_back(outputs, cotangents, tracers);
  return {std::move(outputs), std::move(gradients)};
}

std::pair<array, array> vjp(const ScalarFunction& fun, const array& primal,
                            const array& cotangent) {
  auto [outputs, gradients] =
      vjp([&](const std::vector<array>& inputs) { return std::vector<array>{fun(inputs[0])}; },
          {primal}, {cotangent});
  return {outputs[0], gradients[0]};
}

std::pair<std::vector<array>, std::vector<array>> jvp(const VectorFunction& fun,
                                                      const std::vector<array>& primals,
                                                      const std::vector<array>& tangents) {
  check_matches("jvp", "tangent", tangents, primals);
  detail::InTracing tracing(false, true);
  auto tracers = make_tracers(primals);
  auto outputs = fun(tracers);
  ArrayMap pushed;
  for (size_t i = 0; i < tracers.size(); ++i) pushed.try_emplace(tracers[i].id(), tangents[i]);
  for (auto& node : dependent_nodes(outputs, tracers, true)) {
    auto argnums =
        positions_in(node, [&](const array& input) { return pushed.count(input.id()) > 0; });
    std::vector<array> node_tangents;
    for (int argnum : argnums) node_tangents.push_back(pushed.at(node.inputs()[argnum].id()));
    auto output_tangents = node.primitive().jvp(node.inputs(), node_tangents, argnums);
    auto node_outputs = node.outputs();
    for (size_t i = 0; i < node_outputs.size(); ++i) {
      pushed.try_emplace(node_outputs[i].id(), output_tangents[i]);
    }
  }
  std::vector<array> result;
  for (const auto& output : outputs) {
    auto found = pushed.find(output.id());
    result.push_back(found != pushed.end() ? found->second : zeros_as(output));
  }
  return {std::move(outputs), std::move(result)};
}

std::pair<array, array> jvp(const ScalarFunction& fun, const array& primal, const array& tangent) {
  auto [outputs, tangents] =
      jvp([&](const std::vector<array>& inputs) { return std::vector<array>{fun(inputs[0])}; },
          {primal}, {tangent});
  return {outputs[0], tangents[0]};
}

ValueAndGradFn value_and_grad(const VectorFunction& fun, const std::vector<int>& argnums) {
  if (argnums.empty()) throw_invalid("value_and_grad", "Must specify at least one argument.");
  return [fun, argnums](const std::vector<array>& inputs) {
    int count = static_cast<int>(inputs.size());
    std::vector<int> positions;
    for (int argnum : argnums) {
      int position = argnum < 0 ? argnum + count : argnum;
      if (position < 0 || position >= count) {
        throw_invalid("value_and_grad",
                      "Invalid argument number {} for a function of {} arguments.", argnum, count);
      }
      if (std::count(positions.begin(), positions.end(), position)) {
        throw_invalid("value_and_grad", "Repeat argument number {} not allowed.", argnum);
      }
      positions.push_back(position);
    }
    auto partial = [&](const std::vector<array>& varied) {
      auto all = inputs;
      for (size_t i = 0; i < positions.size(); ++i) all[positions[i]] = varied[i];
      auto outputs = fun(all);
      for (size_t i = 1; i < outputs.size(); ++i) outputs[i] = stop_gradient(outputs[i]);
      return outputs;
    };
    std::vector<array> varied;
    for (int position : positions) varied.push_back(inputs[position]);

    detail::InTracing tracing(false, true);
    auto tracers = make_tracers(varied);
    auto outputs = partial(tracers);
    if (outputs.empty() || outputs[0].size() != 1) {
      throw_invalid("value_and_grad", "The first output must be a scalar, got shape {}.",
                    outputs.empty() ? "none" : to_string(outputs[0].shape()));
    }
    std::vector<array> cotangents;
    for (const auto& output : outputs) cotangents.push_back(zeros_as(output));
    cotangents[0] = broadcast_to(array(1, outputs[0].dtype()), outputs[0].shape());
    auto gradients = pull_back(outputs, cotangents, tracers);
    return std::pair(std::move(outputs), std::move(gradients));
  };
}

SimpleValueAndGradFn value_and_grad(const std::function<array(const std::vector<array>&)>& fun,
                                    const std::vector<int>& argnums) {
  auto full = value_and_grad(
      [fun](const std::vector<array>& inputs) { return std::vector<array>{fun(inputs)}; }, argnums);
  return [full](const std::vector<array>& inputs) {
    auto [outputs, gradients] = full(inputs);
    return std::pair(outputs[0], std::move(gradients));
  };
}

std::function<std::pair<array, array>(const array&)> value_and_grad(const ScalarFunction& fun) {
  return [fun](const array& input) {
    auto [value, gradients] = value_and_grad(
        [&fun](const std::vector<array>& inputs) { return fun(inputs[0]); })({input});
    return std::pair(value, gradients[0]);
  };
}

std::function<std::vector<array>(const std::vector<array>&)> grad(
    const std::function<array(const std::vector<array>&)>& fun, const std::vector<int>& argnums) {
  auto both = value_and_grad(fun, argnums);
  return [both](const std::vector<array>& inputs) { return both(inputs).second; };
}

std::function<array(const array&)> grad(const ScalarFunction& fun) {
  auto both = value_and_grad(fun);
  return [both](const array& input) { return both(input).second; };
}

}  // namespace mlx::core
