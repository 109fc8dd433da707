// Tests of the fuser: which steps become one tape, and that the tape says the same.
#include <gtest/gtest.h>

#include "compile/fuse.h"
#include "mlx/mlx.h"
#include "mlx/primitives.h"
#include "runtime/tape.h"

namespace mlx::core {

namespace {

/** The job's step that computes `out`, as scheduling makes it. */
Step step_of(array& out) {
  Step step;
  step.primitive = std::move(out.primitive_ptr());
  step.inputs = std::move(out.inputs());
  out.inputs().clear();
  step.outputs = {out};
  return step;
}

const Tape& tape_of(const Step& step) { return dynamic_cast<const Fused&>(*step.primitive).tape(); }

std::vector<array> leaves() { return {array({1.0f, 2.0f}), array({3.0f, 4.0f})}; }

}  // namespace

TEST(Fuse, ChainBecomesOneTape) {
  auto in = leaves();
  std::vector<Step> steps;
  array result = array(0.0f);
  {
    array a = add(in[0], in[1]);
    array b = sin(a);
    array c = multiply(b, in[0]);
    result = c;
    steps = {};
    steps.push_back(step_of(a));
    steps.push_back(step_of(b));
    steps.push_back(step_of(c));
  }
  fuse_elementwise(steps);
  ASSERT_EQ(steps.size(), 1u);
  const Tape& tape = tape_of(steps[0]);
  EXPECT_EQ(tape.num_inputs, 2);
  ASSERT_EQ(tape.instructions.size(), 3u);
  EXPECT_EQ(tape.instructions[1].sources[0], 2);
  EXPECT_EQ(tape.instructions[2].sources[0], 3);
  EXPECT_EQ(tape.instructions[2].sources[1], 0);
  EXPECT_EQ(tape.outputs, std::vector<int32_t>{4});
  EXPECT_EQ(steps[0].outputs[0].id(), result.id());
}

TEST(Fuse, HeldValuesAreStoredToo) {
  auto in = leaves();
  array held = add(in[0], in[1]);
  array result = sin(held);
  std::vector<Step> steps;
  steps.push_back(step_of(held));
  steps.push_back(step_of(result));
  fuse_elementwise(steps);
  ASSERT_EQ(steps.size(), 1u);
  EXPECT_EQ(tape_of(steps[0]).outputs, (std::vector<int32_t>{2, 3}));
  EXPECT_EQ(steps[0].outputs[0].id(), held.id());
}

TEST(Fuse, OtherConsumersKeepAValueOut) {
  // `a` feeds a transpose that the last op needs: it must be computed before the group runs.
  auto in = leaves();
  array a = add(reshape(in[0], {1, 2}), reshape(in[1], {1, 2}));
  array t = transpose(a);
  array b = sin(a);
  array c = add(broadcast_to(t, {2, 2}), broadcast_to(b, {2, 2}));
  std::vector<array> nodes{a, t, b};
  std::vector<Step> steps;
  for (auto& node : nodes) steps.push_back(step_of(node));
  fuse_elementwise(steps);
  EXPECT_EQ(steps.size(), 3u);
}

TEST(Fuse, LongChainsAreCutIntoTapes) {
  auto in = leaves();
  std::vector<Step> steps;
  array x = in[0];
  for (int i = 0; i < 1000; ++i) {
    array y = add(x, in[1]);
    x = y;
    steps.push_back(step_of(x));
  }
  fuse_elementwise(steps);
  EXPECT_LE(steps.size(), 8u);
  size_t instructions = 0;
  for (auto& step : steps) instructions += tape_of(step).instructions.size();
  EXPECT_EQ(instructions, 1000u);
}

}  // namespace mlx::core
