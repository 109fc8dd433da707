// Tests that a tape ending in a reduction gives the bits of the reduction of the stored value.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "compile/fuse.h"
#include "mlx/mlx.h"
#include "mlx/primitives.h"
#include "runtime/tape.h"

namespace mlx::core {

namespace {

array wave(Shape shape, float scale) {
  size_t count = 1;
  for (auto length : shape) count *= length;
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = scale * std::sin(0.7f * static_cast<float>(i));
  return array(values.begin(), std::move(shape));
}

/** sum(sin(x) * y * 0.5) over axes, fused when nothing holds the product. */
void expect_same_bits(const array& x, const array& y, const std::vector<int>& axes) {
  auto product = [&] { return multiply(multiply(sin(x), y), array(0.5f)); };
  array fused = sum(product(), axes);
  array stored = product();
  eval(stored);
  array separate = sum(stored, axes);
  eval(fused, separate);
  ASSERT_EQ(fused.shape(), separate.shape());
  EXPECT_EQ(std::memcmp(fused.data<char>(), separate.data<char>(), fused.nbytes()), 0);
}

}  // namespace

TEST(FusedReduce, SameBitsAsSeparate) {
  array x = wave({64, 300, 5}, 3);
  array y = wave({64, 300, 5}, 2);
  for (std::vector<int> axes : {std::vector<int>{0, 1, 2}, {2}, {0}, {1, 2}, {0, 1}, {1}, {0, 2}}) {
    expect_same_bits(x, y, axes);
    expect_same_bits(x, broadcast_to(array(1.5f), x.shape()), axes);
    expect_same_bits(x, broadcast_to(wave({5}, 1), x.shape()), axes);
  }
  expect_same_bits(transpose(x), transpose(y), {0});
  expect_same_bits(wave({2, 700001}, 1), wave({2, 700001}, 5), {1});
}

TEST(FusedReduce, TheFuserEndsATapeInAReduction) {
  array x = wave({100, 100}, 1);
  std::vector<Step> steps;
  array result = array(0.0f);
  {
    array product = multiply(x, x);
    std::vector<array> nodes{sin(product)};
    array total(
        Shape{1, 1}, float32,
        std::make_shared<Reduce>(default_stream(Device::cpu), Reduce::Sum, std::vector<int>{0, 1}),
        {nodes[0]});
    for (array node : {product, nodes[0], total}) {
      Step step;
      step.primitive = node.primitive_ptr();
      step.inputs = std::move(node.inputs());
      node.primitive_ptr() = nullptr;
      node.inputs().clear();
      step.outputs = {node};
      steps.push_back(std::move(step));
    }
    result = total;
  }
  x.eval();
  sum(x, std::vector<int>{0}).eval();  // registers the kernels
  fuse_elementwise(steps);
  ASSERT_EQ(steps.size(), 1u);
  auto& fused = dynamic_cast<const FusedReduce&>(*steps[0].primitive);
  EXPECT_EQ(fused.tape().instructions.size(), 2u);
  EXPECT_EQ(steps[0].outputs[0].id(), result.id());
}

}  // namespace mlx::core
