// Making and running plans.
#include "compile/plan.h"

#include <algorithm>
#include <unordered_map>

#include "compile/fuse.h"
#include "mlx/transforms_impl.h"
#include "runtime/device_runtime.h"
#include "transforms/tape.h"

namespace mlx::core {

namespace {

/** Takes a freshly built graph apart into steps, which then hold the only references to its nodes.
 */
std::vector<Step> take_apart(std::vector<array> nodes) {
  std::vector<Step> steps;
  for (auto& node : nodes) {
    Step step;
    step.outputs = node.outputs();
    step.primitive = node.primitive_ptr();
    step.inputs = std::move(node.inputs());
    for (auto& output : step.outputs) {
      output.primitive_ptr() = nullptr;
      output.inputs().clear();
    }
    steps.push_back(std::move(step));
  }
  return steps;
}

class SlotMap {
 public:
  uint32_t add(const array& a) { return slots_.try_emplace(a.id(), next_++).first->second; }
  const uint32_t* find(const array& a) const {
    auto found = slots_.find(a.id());
    return found == slots_.end() ? nullptr : &found->second;
  }
  uint32_t size() const { return next_; }

 private:
  std::unordered_map<std::uintptr_t, uint32_t> slots_;
  uint32_t next_ = 0;
};

void mark_last_uses(Plan& plan) {
  std::vector<bool> used_later(plan.num_slots, false);
  for (auto slot : plan.outputs) used_later[slot] = true;
  for (auto step = plan.steps.rbegin(); step != plan.steps.rend(); ++step) {
    step->is_last_use.resize(step->inputs.size());
    for (size_t k = step->inputs.size(); k-- > 0;) {
      uint32_t slot = step->inputs[k];
      step->is_last_use[k] = !used_later[slot];
      used_later[slot] = true;
    }
  }
}

}  // namespace

std::optional<Plan> make_plan(const Trace& trace, bool fuse) {
  if (trace.nodes.empty()) return std::nullopt;
  Plan plan;
  plan.stream = trace.nodes[0].primitive().stream();
  for (const auto& node : trace.nodes) {
    if (!(node.primitive().stream() == plan.stream)) return std::nullopt;
  }
  std::vector<array> inputs;
  std::vector<array> outputs;
  std::vector<Step> steps;
  {
    detail::InTracing tracing;
    for (const auto& input : trace.inputs) {
      inputs.push_back(array::placeholder(input.shape(), input.dtype()));
      inputs.back().set_tracer(true);
    }
    outputs = replay(trace, inputs, false);
    steps = take_apart(dependent_nodes(outputs, inputs, false));
  }
  if (fuse) fuse_elementwise(steps);

  SlotMap slots;
  for (const auto& input : inputs) slots.add(input);
  plan.num_inputs = slots.size();
  auto is_made_here = [made = [&] {
    std::unordered_map<std::uintptr_t, bool> ids;
    for (const auto& step : steps) {
      for (const auto& output : step.outputs) ids[output.id()] = true;
    }
    return ids;
  }()](const array& a) { return made.count(a.id()) > 0; };
  auto add_constant = [&](const array& a) {
    if (is_made_here(a) || slots.find(a)) return;
    slots.add(a);
    plan.constants.push_back(a);
  };
  for (const auto& step : steps) {
    for (const auto& input : step.inputs) add_constant(input);
  }
  for (const auto& output : outputs) add_constant(output);
  for (auto& step : steps) {
    PlanStep planned;
    planned.primitive = step.primitive;
    for (const auto& input : step.inputs) planned.inputs.push_back(*slots.find(input));
    planned.first_output = slots.size();
    for (const auto& output : step.outputs) {
      slots.add(output);
      planned.shapes.push_back(output.shape());
      planned.dtypes.push_back(output.dtype());
    }
    plan.steps.push_back(std::move(planned));
  }
  plan.num_slots = slots.size();
  uint32_t first_result = plan.num_inputs + static_cast<uint32_t>(plan.constants.size());
  for (const auto& output : outputs) {
    uint32_t slot = *slots.find(output);
    plan.outputs.push_back(slot);
    bool listed = std::find(plan.node_outputs.begin(), plan.node_outputs.end(), slot) !=
                  plan.node_outputs.end();
    if (slot >= first_result && !listed) {
      plan.node_outputs.push_back(slot);
      plan.shapes.push_back(output.shape());
      plan.dtypes.push_back(output.dtype());
    }
  }
  mark_last_uses(plan);
  return plan;
}

void Compiled::run(const std::vector<array>& inputs, std::vector<array>& outputs, bool on_gpu) {
  const Plan& plan = *plan_;
  std::vector<std::optional<array>> slots(plan.num_slots);
  for (size_t i = 0; i < inputs.size(); ++i) slots[i] = inputs[i];
  std::vector<int32_t> output_position(plan.num_slots, -1);
  for (size_t i = 0; i < plan.node_outputs.size(); ++i)
    output_position[plan.node_outputs[i]] = static_cast<int32_t>(i);
  std::vector<array> step_inputs;
  std::vector<array> step_outputs;
  for (const auto& step : plan.steps) {
    step_inputs.clear();
    step_outputs.clear();
    for (size_t k = 0; k < step.inputs.size(); ++k) {
      auto& slot = slots[step.inputs[k]];
      step_inputs.push_back(*slot);
      // Only the step refers to a value used for the last time, so its buffer can be donated.
      if (step.is_last_use[k]) slot.reset();
    }
    for (size_t k = 0; k < step.shapes.size(); ++k) {
      int32_t position = output_position[step.first_output + k];
      step_outputs.push_back(position >= 0 ? outputs[position]
                                           : array::placeholder(step.shapes[k], step.dtypes[k]));
    }
    if (on_gpu) {
      step.primitive->eval_gpu(step_inputs, step_outputs);
    } else {
      step.primitive->eval_cpu(step_inputs, step_outputs);
    }
    for (size_t k = 0; k < step_outputs.size(); ++k) {
      step_outputs[k].set_status(on_gpu ? array::evaluated : array::available);
      slots[step.first_output + k] = std::move(step_outputs[k]);
    }
  }
}

void Compiled::eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) {
  run(inputs, outputs, false);
}

void Compiled::eval_gpu(const std::vector<array>& inputs, std::vector<array>& outputs) {
  run(inputs, outputs, true);
}

std::vector<array> call_plan(const std::shared_ptr<Compiled>& compiled,
                             const std::vector<array>& inputs) {
  const Plan& plan = compiled->plan();
  std::vector<array> all = inputs;
  all.insert(all.end(), plan.constants.begin(), plan.constants.end());
  auto made = array::make_arrays(plan.shapes, plan.dtypes, compiled, all);
  std::vector<array> outputs;
  for (auto slot : plan.outputs) {
    auto found = std::find(plan.node_outputs.begin(), plan.node_outputs.end(), slot);
    outputs.push_back(found == plan.node_outputs.end() ? all[slot]
                                                       : made[found - plan.node_outputs.begin()]);
  }
  return outputs;
}

}  // namespace mlx::core
