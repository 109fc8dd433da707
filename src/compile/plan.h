// Plan: a trace turned into a fixed, fused list of steps that one node of the graph runs.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "compile/trace.h"
#include "mlx/primitives/primitive.h"

namespace mlx::core {

/** Values live in slots: first the inputs of the function, then captured arrays, then results. */
struct PlanStep {
  std::shared_ptr<Primitive> primitive;
  std::vector<uint32_t> inputs;
  std::vector<bool> is_last_use;
  uint32_t first_output = 0;
  std::vector<Shape> shapes;
  std::vector<Dtype> dtypes;
};

struct Plan {
  Stream stream{0, Device::cpu};
  uint32_t num_inputs = 0;
  std::vector<array> constants;
  std::vector<PlanStep> steps;
  uint32_t num_slots = 0;
  std::vector<uint32_t> outputs;       // slots of the function's outputs
  std::vector<uint32_t> node_outputs;  // those of them that steps compute, each once
  std::vector<Shape> shapes;           // of node_outputs
  std::vector<Dtype> dtypes;
};

/** The plan of a trace, or nothing when its work is spread over several streams. */
std::optional<Plan> make_plan(const Trace& trace, bool fuse);

/** Runs a plan as one primitive: no graph is built and nothing is scheduled per op. */
class Compiled : public Primitive {
 public:
  explicit Compiled(std::shared_ptr<const Plan> plan)
      : Primitive(plan->stream), plan_(std::move(plan)) {}
  DEFINE_NAME(Compiled)
  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override;
  void eval_gpu(const std::vector<array>& inputs, std::vector<array>& outputs) override;
  const Plan& plan() const { return *plan_; }

 private:
  void run(const std::vector<array>& inputs, std::vector<array>& outputs, bool on_gpu);

  std::shared_ptr<const Plan> plan_;
};

/** The function's outputs for `inputs`, as outputs of one Compiled node. */
std::vector<array> call_plan(const std::shared_ptr<Compiled>& compiled,
                             const std::vector<array>& inputs);

}  // namespace mlx::core
