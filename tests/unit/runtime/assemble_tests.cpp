// Tests of functions that join, cut and rearrange arrays, by their elements.
#include <gtest/gtest.h>

#include "mlx/mlx.h"

namespace mlx::core {

namespace {

array iota(Shape shape) {
  size_t count = 1;
  for (auto length : shape) count *= length;
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = static_cast<float>(i);
  return array(values.begin(), std::move(shape));
}

std::vector<float> elements(array a) {
  array c = contiguous(a);
  eval(c);
  return std::vector<float>(c.data<float>(), c.data<float>() + c.size());
}

using V = std::vector<float>;

}  // namespace

TEST(Assemble, ConcatenateAndSplitAreInverse) {
  array a = iota({2, 3});
  EXPECT_EQ(elements(concatenate({a, transpose(iota({3, 2}))}, 1)),
            (V{0, 1, 2, 0, 2, 4, 3, 4, 5, 1, 3, 5}));
  auto parts = split(iota({2, 6}), Shape{1, 4}, 1);
  EXPECT_EQ(elements(parts[1]), (V{1, 2, 3, 7, 8, 9}));
  EXPECT_EQ(elements(concatenate(parts, 1)), elements(iota({2, 6})));
  EXPECT_THROW(split(a, 2, 1), std::invalid_argument);
  EXPECT_THROW(concatenate({a, a}, 3), std::out_of_range);
}

TEST(Assemble, PadFlipRoll) {
  array a = iota({3});
  EXPECT_EQ(elements(pad(a, 1, array(9.0f))), (V{9, 0, 1, 2, 9}));
  EXPECT_EQ(elements(pad(a, 2, array(0), "edge")), (V{0, 0, 0, 1, 2, 2, 2}));
  EXPECT_EQ(elements(pad(a, 4, array(0), "reflect")), (V{0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2}));
  EXPECT_EQ(elements(flip(iota({2, 2}), 0)), (V{2, 3, 0, 1}));
  EXPECT_EQ(elements(roll(a, -1)), (V{1, 2, 0}));
  EXPECT_THROW(pad(a, -1), std::invalid_argument);
}

TEST(Assemble, DiagonalsAndRepeats) {
  EXPECT_EQ(elements(diagonal(iota({2, 3}), 1)), (V{1, 5}));
  EXPECT_EQ(elements(diagonal(iota({4, 2}), -1)), (V{2, 5}));
  EXPECT_EQ(elements(diag(iota({2}), -1)), (V{0, 0, 0, 0, 0, 0, 0, 1, 0}));
  EXPECT_EQ(elements(repeat(iota({2}), 2)), (V{0, 0, 1, 1}));
  EXPECT_EQ(elements(tile(iota({2}), {2, 2})), (V{0, 1, 0, 1, 0, 1, 0, 1}));
  auto grids = meshgrid({iota({2}), iota({3})});
  EXPECT_EQ(grids[0].shape(), (Shape{3, 2}));
  EXPECT_EQ(elements(grids[0]), (V{0, 1, 0, 1, 0, 1}));
}

TEST(Assemble, SliceGradientFillsTheGaps) {
  auto fun = [](const std::vector<array>& x) {
    return std::vector<array>{slice(x[0], {5}, {-8}, {-2})};
  };
  auto gradients = vjp(fun, {iota({7})}, {array({1.0f, 2.0f, 3.0f})}).second;
  EXPECT_EQ(elements(gradients[0]), (V{0, 3, 0, 2, 0, 1, 0}));
}

TEST(Assemble, VmapOfViews) {
  auto fun = [](const array& x) { return transpose(reshape(x, {2, 3})); };
  array out = vmap(std::function<array(const array&)>(fun), 1, 0)(iota({6, 2}));
  EXPECT_EQ(out.shape(), (Shape{2, 3, 2}));
  EXPECT_EQ(elements(out), (V{0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11}));
}

}  // namespace mlx::core
