// The element engine against plain loops: every op and dtype, layouts, fused tapes, threads.
#include <gtest/gtest.h>

#include <cstring>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "backend/cpu/element/engine.h"
#include "backend/cpu/element/kernels.h"
#include "base/thread_pool.h"
#include "mlx/primitives/binary.h"
#include "mlx/primitives/ternary.h"
#include "mlx/primitives/unary.h"

namespace mlx::core::cpu {
namespace {

TapeInstruction make(int op, Dtype from, Dtype to, std::array<int32_t, 3> sources, int n) {
  return {.op = static_cast<uint16_t>(op),
          .num_sources = static_cast<uint8_t>(n),
          .source_dtype = from,
          .dtype = to,
          .sources = sources,
          .params_offset = 0,
          .params_size = 0};
}

int64_t count(const std::vector<ShapeElem>& shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<int64_t>());
}

std::vector<int64_t> row_major(const std::vector<ShapeElem>& shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (int i = static_cast<int>(shape.size()) - 2; i >= 0; --i)
    strides[i] = strides[i + 1] * shape[i + 1];
  return strides;
}

/** Memory with a strided float32 view in it. */
struct View {
  std::vector<float> memory;
  std::vector<int64_t> strides;
  int64_t origin = 0;

  ElementOperand operand() { return {memory.data() + origin, strides.data(), float32}; }
  float at(const std::vector<ShapeElem>& shape, int64_t linear) const {
    int64_t offset = origin;
    for (int i = static_cast<int>(shape.size()) - 1; i >= 0; --i) {
      offset += linear % shape[i] * strides[i];
      linear /= shape[i];
    }
    return memory[static_cast<size_t>(offset)];
  }
};

/** A view of random values with dimensions in random order, some broadcast, reversed or with gaps.
 */
View random_view(const std::vector<ShapeElem>& shape, std::mt19937& random) {
  View view;
  std::vector<int> order(shape.size());
  std::iota(order.begin(), order.end(), 0);
  if (random() % 2) std::shuffle(order.begin(), order.end(), random);
  view.strides.assign(shape.size(), 0);
  int64_t extent = 1;
  for (int n = static_cast<int>(order.size()) - 1; n >= 0; --n) {
    int dim = order[n];
    unsigned kind = random() % 8;
    if (kind == 0) continue;  // broadcast
    if (kind == 1) extent *= 2;
    view.strides[dim] = extent;
    extent *= std::max(shape[dim], 1);
    if (kind == 2 && shape[dim] > 0) {
      view.origin += view.strides[dim] * (shape[dim] - 1);
      view.strides[dim] = -view.strides[dim];
    }
  }
  view.memory.resize(static_cast<size_t>(extent) + 1);
  std::uniform_real_distribution<float> values(-3.0f, 3.0f);
  for (float& x : view.memory) x = values(random);
  return view;
}

/** Runs the tape one instruction at a time over dense copies of the inputs. */
std::vector<float> unfused(const TapeView& tape, const std::vector<ShapeElem>& shape,
                           const std::vector<View>& inputs) {
  int64_t n = count(shape);
  std::vector<std::vector<float>> values;
  for (const View& view : inputs) {
    std::vector<float> dense;
    for (int64_t i = 0; i < n; ++i) dense.push_back(view.at(shape, i));
    values.push_back(dense);
  }
  for (const TapeInstruction& i : tape.instructions) {
    std::vector<float> y(static_cast<size_t>(n));
    const void* sources[3];
    for (int s = 0; s < i.num_sources; ++s) sources[s] = values[i.sources[s]].data();
    auto op = i.op;
    find_block_kernel(op, i.source_dtype, i.dtype)(y.data(), sources, static_cast<size_t>(n),
                                                   nullptr);
    values.push_back(y);
  }
  return values[tape.outputs[0]];
}

std::vector<TapeInstruction> random_tape(int num_inputs, std::mt19937& random) {
  std::vector<TapeInstruction> code;
  int length = 1 + static_cast<int>(random() % 7);
  for (int n = 0; n < length; ++n) {
    auto pick = [&] {
      return static_cast<int32_t>(random() % static_cast<unsigned>(num_inputs + n));
    };
    switch (random() % 5) {
      case 0:
        code.push_back(make(op_index<Sin>(), float32, float32, {pick(), 0, 0}, 1));
        break;
      case 1:
        code.push_back(make(op_index<Add>(), float32, float32, {pick(), pick(), 0}, 2));
        break;
      case 2:
        code.push_back(make(op_index<Multiply>(), float32, float32, {pick(), pick(), 0}, 2));
        break;
      case 3:
        code.push_back(make(op_index<Subtract>(), float32, float32, {pick(), pick(), 0}, 2));
        break;
      default:
        code.push_back(make(op_index<AsType>(), float32, float32, {pick(), 0, 0}, 1));
        break;
    }
  }
  return code;
}

TEST(ElementEngine, RandomTapesOnRandomLayoutsEqualUnfusedLoops) {
  std::mt19937 random(3);
  const std::vector<std::vector<ShapeElem>> shapes = {{},           {1},
                                                      {7},          {0},
                                                      {3, 0, 2},    {100000},
                                                      {5, 3},       {2000, 3},
                                                      {70, 90},     {130, 140, 2},
                                                      {3, 4, 5, 6}, {2, 1, 300, 40},
                                                      {33, 1, 257}, {9, 2, 2, 2, 9},
                                                      {300, 400}};
  for (int round = 0; round < 400; ++round) {
    const auto& shape = shapes[random() % shapes.size()];
    int num_inputs = 1 + static_cast<int>(random() % 3);
    std::vector<View> inputs;
    std::vector<ElementOperand> operands;
    for (int i = 0; i < num_inputs; ++i) inputs.push_back(random_view(shape, random));
    for (View& view : inputs) operands.push_back(view.operand());
    auto code = random_tape(num_inputs, random);
    int32_t last = num_inputs + static_cast<int32_t>(code.size()) - 1;
    TapeView tape{num_inputs, code, {&last, 1}, nullptr};
    std::vector<float> expected = unfused(tape, shape, inputs);

    bool transposed = random() % 4 == 0;  // outputs may be laid out in any order too
    std::vector<int64_t> strides = row_major(shape);
    if (transposed) {
      std::vector<ShapeElem> reversed(shape.rbegin(), shape.rend());
      strides = row_major(reversed);
      std::reverse(strides.begin(), strides.end());
    }
    View output{std::vector<float>(static_cast<size_t>(count(shape)) + 1), strides, 0};
    ElementOperand out = output.operand();
    run_tape(tape, shape, operands, {&out, 1});
    for (int64_t i = 0; i < count(shape); ++i) {
      float got = output.at(shape, i);
      ASSERT_EQ(std::memcmp(&got, &expected[static_cast<size_t>(i)], 4), 0)
          << "round " << round << " element " << i << ": " << got << " and " << expected[i];
    }
  }
}

TEST(ElementEngine, OneThreadAndManyGiveTheSameBits) {
  std::vector<ShapeElem> shape = {1 << 20};
  std::mt19937 random(5);
  View view{std::vector<float>(1 << 20), {1}, 0};
  for (float& x : view.memory) x = std::uniform_real_distribution<float>(-9, 9)(random);
  std::vector<TapeInstruction> code = {make(op_index<Sin>(), float32, float32, {0, 0, 0}, 1),
                                       make(op_index<Multiply>(), float32, float32, {1, 0, 0}, 2)};
  int32_t last = 2;
  TapeView tape{1, code, {&last, 1}, nullptr};
  ElementOperand in = view.operand();
  std::vector<float> many(1 << 20), one(1 << 20);
  ElementOperand out{many.data(), view.strides.data(), float32};
  run_tape(tape, shape, {&in, 1}, {&out, 1});
  int before = set_num_threads(1);
  out.data = one.data();
  run_tape(tape, shape, {&in, 1}, {&out, 1});
  set_num_threads(before);
  EXPECT_EQ(std::memcmp(many.data(), one.data(), many.size() * 4), 0);
}

TEST(ElementEngine, OutputMayTakeAnInputsPlaceThoughItIsReadLater) {
  // y = sin(x) + x stored over x, and its first part stored elsewhere
  std::vector<ShapeElem> shape = {100000};
  View view{std::vector<float>(100000), {1}, 0};
  std::iota(view.memory.begin(), view.memory.end(), 0.0f);
  std::vector<TapeInstruction> code = {make(op_index<Sin>(), float32, float32, {0, 0, 0}, 1),
                                       make(op_index<Add>(), float32, float32, {1, 0, 0}, 2)};
  int32_t outputs[] = {1, 2};
  std::vector<float> second(100000);
  TapeView tape{1, code, outputs, nullptr};
  std::vector<float> x = view.memory;
  ElementOperand in = view.operand();
  ElementOperand out[] = {{view.memory.data(), view.strides.data(), float32},
                          {second.data(), view.strides.data(), float32}};
  run_tape(tape, shape, {&in, 1}, out);
  for (size_t i = 0; i < x.size(); ++i) ASSERT_EQ(second[i], view.memory[i] + x[i]);
}

TEST(ElementEngine, LargeOutputsGoPastTheCaches) {
  std::vector<ShapeElem> shape = {5000, 4001};
  View view{std::vector<float>(5000 * 4001), {1, 5000}, 0};
  std::iota(view.memory.begin(), view.memory.end(), 0.0f);
  std::vector<int64_t> strides = row_major(shape);
  std::vector<float> y(view.memory.size());
  copy_elements({y.data(), strides.data(), float32}, view.operand(), shape);
  for (int64_t i = 0; i < count(shape); i += 997)
    ASSERT_EQ(y[static_cast<size_t>(i)], view.at(shape, i));
}

template <class T>
void expect_cast(Dtype from, Dtype to, std::vector<float> values) {
  std::vector<float> back(values.size());
  std::vector<char> a(values.size() * 8), b(values.size() * 8);
  const void* x = values.data();
  find_block_kernel(op_index<AsType>(), float32, from)(a.data(), &x, values.size(), nullptr);
  const void* y = a.data();
  find_block_kernel(op_index<AsType>(), from, to)(b.data(), &y, values.size(), nullptr);
  const void* z = b.data();
  find_block_kernel(op_index<AsType>(), to, float32)(back.data(), &z, values.size(), nullptr);
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(back[i], values[i]) << dtype_name(from) << " to " << dtype_name(to);
  }
}

TEST(ElementKernels, CastsBetweenAllDtypesKeepSmallNumbers) {
  const Dtype dtypes[] = {uint8, uint16,  uint32,  uint64,  int8,     int16,    int32,
                          int64, float16, float32, float64, bfloat16, complex64};
  std::vector<float> values;
  for (int i = 0; i < 100; ++i) values.push_back(static_cast<float>(i));
  for (Dtype from : dtypes) {
    for (Dtype to : dtypes) expect_cast<float>(from, to, values);
  }
}

TEST(ElementKernels, FloatsOutOfRangeConvertAsOnX86) {
  std::vector<float> x = {-1.0f, 300.0f,   -300.0f, 3e9f,  1e19f,   1e20f,
                          NAN,   INFINITY, 2.7f,    -2.7f, 70000.0f};
  std::vector<uint8_t> small(x.size());
  std::vector<uint64_t> large(x.size());
  const void* source = x.data();
  find_block_kernel(op_index<AsType>(), float32, uint8)(small.data(), &source, x.size(), nullptr);
  find_block_kernel(op_index<AsType>(), float32, uint64)(large.data(), &source, x.size(), nullptr);
  EXPECT_EQ(small, (std::vector<uint8_t>{255, 44, 212, 0, 0, 0, 0, 0, 2, 254, 112}));
  EXPECT_EQ(large,
            (std::vector<uint64_t>{~0ull, 300, ~0ull - 299, 3000000000ull, 9999999980506447872ull,
                                   0, 1ull << 63, 0, 2, ~0ull - 1, 70000}));
}

TEST(ElementKernels, HalfFloatsRoundOnceAsTheScalarTypesDo) {
  std::vector<float> x;
  for (uint64_t bits = 0; bits < (uint64_t{1} << 32); bits += 65521) {
    x.push_back(std::bit_cast<float>(static_cast<uint32_t>(bits)));
  }
  std::vector<float16_t> half(x.size());
  std::vector<bfloat16_t> brain(x.size());
  const void* source = x.data();
  find_block_kernel(op_index<AsType>(), float32, float16)(half.data(), &source, x.size(), nullptr);
  find_block_kernel(op_index<AsType>(), float32, bfloat16)(brain.data(), &source, x.size(),
                                                           nullptr);
  for (size_t i = 0; i < x.size(); ++i) {
    ASSERT_EQ(half[i].bits_, float16_t(x[i]).bits_) << x[i];
    ASSERT_EQ(brain[i].bits_, bfloat16_t(x[i]).bits_) << x[i];
  }
}

TEST(ElementKernels, IntegersFollowPython) {
  std::vector<int32_t> a = {7, -7, 7, -7, 5, INT32_MIN}, b = {3, 3, -3, -3, 0, -1}, y(6);
  const void* sources[] = {a.data(), b.data()};
  find_block_kernel(op_index<FloorDivide>(), int32, int32)(y.data(), sources, 6, nullptr);
  EXPECT_EQ(y, (std::vector<int32_t>{2, -3, -3, 2, 0, INT32_MIN}));
  find_block_kernel(op_index<Remainder>(), int32, int32)(y.data(), sources, 6, nullptr);
  EXPECT_EQ(y, (std::vector<int32_t>{1, 2, -2, -1, 0, 0}));
  b = {0, 1, 2, 3, -1, 40};
  find_block_kernel(op_index<Power>(), int32, int32)(y.data(), sources, 6, nullptr);
  EXPECT_EQ(y, (std::vector<int32_t>{1, -7, 49, -343, 0, 0}));
  find_block_kernel(op_index<LeftShift>(), int32, int32)(y.data(), sources, 4, nullptr);
  EXPECT_EQ(y[3], -56);
}

}  // namespace
}  // namespace mlx::core::cpu
