// Tests of graph printing and of the helpers that kernels of extensions step through arrays with.
#include <gtest/gtest.h>

#include <sstream>

#include "mlx/backend/common/utils.h"
#include "mlx/graph_utils.h"
#include "mlx/mlx.h"

namespace mlx::core {
namespace {

TEST(GraphUtils, PrintsNodesAfterTheirInputs) {
  array a({1.0f, 2.0f}), b({3.0f, 4.0f});
  NodeNamer namer;
  namer.set_name(a, "weights");
  std::ostringstream text;
  print_graph(text, namer, exp(add(a, b)));
  EXPECT_EQ(text.str(),
            "Inputs: weights [(2,), float32], B [(2,), float32]\n"
            "Outputs: C [(2,), float32]\n"
            "Add weights [(2,), float32], B [(2,), float32] -> D [(2,), float32]\n"
            "Exp D [(2,), float32] -> C [(2,), float32]\n");
}

TEST(GraphUtils, AMultiOutputNodeIsPrintedOnce) {
  array x({1.0f, 2.0f, 3.0f, 4.0f});
  auto parts = split(x, 2);
  std::ostringstream text;
  print_graph(text, parts[0], parts[1]);
  EXPECT_EQ(text.str(),
            "Inputs: A [(4,), float32]\n"
            "Outputs: B [(2,), float32], C [(2,), float32]\n"
            "Split A [(4,), float32] -> B [(2,), float32], C [(2,), float32]\n");
  // An output that was let go of still has a place in its node.
  array second = split(x, 2)[1];
  std::ostringstream later;
  print_graph(later, second);
  EXPECT_EQ(later.str(),
            "Inputs: A [(4,), float32]\n"
            "Outputs: B [(2,), float32]\n"
            "Split A [(4,), float32] -> C [(2,), float32], B [(2,), float32]\n");
}

TEST(GraphUtils, Dot) {
  array a(1.0f);
  NodeNamer namer;
  namer.set_name(a, "a \"quoted\" name");
  array y = exp(a);
  std::ostringstream text;
  export_to_dot(text, namer, y);
  std::string box = std::to_string(y.primitive_id());
  EXPECT_EQ(text.str(),
            "digraph {\n"
            "{ rank=source; \"a \\\"quoted\\\" name\"; }\n"
            "{ " +
                box +
                " [label =\"Exp\", shape=rectangle]; }\n"
                "\"a \\\"quoted\\\" name\" -> " +
                box +
                "\n"
                "{ rank=sink; \"B\"; }\n" +
                box +
                " -> \"B\"\n"
                "}\n");
}

TEST(GraphUtils, DeepGraphsNeedNoStack) {
  array x(1.0f);
  for (int i = 0; i < 100000; ++i) x = exp(x);
  std::ostringstream text;
  print_graph(text, x);
  EXPECT_GT(text.str().size(), 100000u);
}

TEST(GraphUtils, NamesGoOnAfterZ) {
  NodeNamer namer;
  std::vector<array> arrays;
  std::string last;
  for (int i = 0; i < 28; ++i) {
    arrays.emplace_back(i);
    last = namer.get_name(arrays.back());
    if (i == 25) {
      EXPECT_EQ(last, "Z");
    }
    if (i == 26) {
      EXPECT_EQ(last, "AA");
    }
  }
  EXPECT_EQ(last, "AB");
  EXPECT_EQ(namer.get_name(arrays[0]), "A");
}

TEST(StridedAccess, IteratorVisitsRowMajorOrder) {
  const Shape shape{2, 3, 4};
  for (const Strides& strides : {Strides{12, 4, 1}, Strides{1, 2, 6}, Strides{0, 1, 3},
                                 Strides{24, 8, 2}, Strides{12, -4, 1}}) {
    ContiguousIterator at(shape, strides, 3), jump(shape, strides, 3);
    for (int64_t i = 0; i < 24; ++i) {
      EXPECT_EQ(at.loc, elem_to_loc(i, shape, strides));
      at.step();
      ContiguousIterator from_here = jump;
      from_here.seek(i);
      EXPECT_EQ(from_here.loc, elem_to_loc(i, shape, strides));
      if (i < 17) {
        from_here.step(7);
        EXPECT_EQ(from_here.loc, elem_to_loc(i + 7, shape, strides));
      }
    }
    at.reset();
    EXPECT_EQ(at.loc, 0);
  }
  EXPECT_EQ(ContiguousIterator(shape, {12, 4, 1}, 3).contiguous_suffix(), 24);
  EXPECT_EQ(ContiguousIterator(shape, {1, 2, 6}, 3).contiguous_suffix(), 0);
}

TEST(StridedAccess, CollapsesWhatOneStrideStepsThrough) {
  auto [shape, strides] = collapse_contiguous_dims(Shape{2, 3, 4}, Strides{12, 4, 1});
  EXPECT_EQ(shape, Shape{24});
  EXPECT_EQ(strides, Strides{1});
  auto [capped, capped_strides] = collapse_contiguous_dims(Shape{2, 3, 4}, Strides{12, 4, 1}, 12);
  EXPECT_EQ(capped, (Shape{6, 4}));
  auto [both, of_each] =
      collapse_contiguous_dims(Shape{2, 3, 4}, std::vector<Strides>{{12, 4, 1}, {4, 0, 1}});
  EXPECT_EQ(both, (Shape{2, 3, 4}));
  EXPECT_EQ(of_each.size(), 2u);
}

TEST(StridedAccess, Contiguity) {
  EXPECT_EQ(check_contiguity({2, 3}, {3, 1}), std::tuple(size_t{6}, true, false));
  EXPECT_EQ(check_contiguity({2, 3}, {1, 2}), std::tuple(size_t{6}, false, true));
  EXPECT_EQ(check_contiguity({2, 3}, {0, 1}), std::tuple(size_t{3}, false, false));
}

}  // namespace
}  // namespace mlx::core
