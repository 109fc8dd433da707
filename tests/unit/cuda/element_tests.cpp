// Tapes on the (stand-in) GPU: layouts, dtypes, vectors and tails, several outputs, donation.
#include <gtest/gtest.h>

#include <numeric>

#include "backend/cuda/element.h"
#include "fake_gpu.h"
#include "mlx/primitives.h"

namespace mlx::core {

namespace {

template <class Op>
TapeInstruction step(Dtype source, Dtype result, std::array<int32_t, 3> sources, int count) {
  return {static_cast<uint16_t>(op_index<Op>()),
          static_cast<uint8_t>(count),
          source,
          result,
          sources,
          0,
          0};
}

array iota(int n, Dtype dtype, float scale = 1.0f) {
  std::vector<float> v(n);
  for (int i = 0; i < n; ++i) v[i] = static_cast<float>(i) * scale;
  return array(v.begin(), {n}, dtype);
}

std::vector<array> run(const Tape& tape, const std::vector<array>& inputs, Shape shape,
                       std::vector<Dtype> dtypes) {
  Stream stream = gpu_stream();
  std::vector<array> outputs;
  for (Dtype dtype : dtypes) outputs.push_back(array::placeholder(shape, dtype));
  cuda::run_tape(cuda::Encoder::of(stream), tape, inputs, outputs);
  for (auto& output : outputs) output.set_status(array::available);
  return outputs;
}

/** y = x0 + x1 in `dtype`. */
Tape add_tape(Dtype dtype) {
  Tape tape;
  tape.num_inputs = 2;
  tape.instructions = {step<Add>(dtype, dtype, {0, 1, -1}, 2)};
  tape.outputs = {2};
  return tape;
}

}  // namespace

TEST(CudaElement, AddsFlatArraysOfEveryLength) {
  gpu_stream();
  for (int n : {1, 3, 4, 5, 255, 1024, 1027}) {
    array y = run(add_tape(float32), {iota(n, float32), iota(n, float32, 2.0f)}, {n}, {float32})[0];
    auto v = values<float>(y);
    for (int i = 0; i < n; ++i) ASSERT_EQ(v[i], 3.0f * i) << n;
  }
}

TEST(CudaElement, RoundsSixteenBitResults) {
  gpu_stream();
  array y =
      run(add_tape(bfloat16), {iota(300, bfloat16), iota(300, bfloat16)}, {300}, {bfloat16})[0];
  auto v = values<bfloat16_t>(y);
  for (int i = 0; i < 300; ++i) {
    bfloat16_t x(static_cast<float>(i));
    EXPECT_EQ(static_cast<float>(v[i]), static_cast<float>(bfloat16_t(float(x) + float(x)))) << i;
  }
}

TEST(CudaElement, ReadsScalarsTransposedAndBroadcastOperands) {
  Stream stream = gpu_stream();
  array m = reshape(iota(12, float32), {3, 4}, stream);
  array t = transpose(m, stream);  // (4, 3)
  array row = broadcast_to(iota(3, float32, 100.0f), {4, 3}, stream);
  array scalar = array(0.5f);
  eval({t, row});
  auto v = values<float>(run(add_tape(float32), {t, row}, {4, 3}, {float32})[0]);
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 3; ++j) EXPECT_EQ(v[3 * i + j], 4.0f * j + i + 100.0f * j);
  }
  array spread = broadcast_to(scalar, {4, 3}, stream);
  eval(spread);
  auto w = values<float>(run(add_tape(float32), {t, spread}, {4, 3}, {float32})[0]);
  EXPECT_EQ(w[1], 4.5f);
}

TEST(CudaElement, FusesCastsComparisonsAndSelect) {
  gpu_stream();
  Tape tape;  // where(bool(x1), float(x0), sin(x0)), and the condition itself
  tape.num_inputs = 2;
  tape.instructions = {
      step<AsType>(int32, bool_, {1, -1, -1}, 1), step<AsType>(int32, float32, {0, -1, -1}, 1),
      step<Sin>(float32, float32, {3, -1, -1}, 1), step<Select>(float32, float32, {2, 3, 4}, 3)};
  tape.outputs = {5, 2};
  std::vector<int> flags{1, 0, 2, 0, 0, -3, 1, 1, 0, 0, 7};
  array limit = array(flags.begin(), {11}, int32);
  auto out = run(tape, {iota(11, int32), limit}, {11}, {float32, bool_});
  auto y = values<float>(out[0]);
  auto c = values<bool>(out[1]);
  for (int i = 0; i < 11; ++i) {
    EXPECT_NEAR(y[i], flags[i] != 0 ? i : std::sin(static_cast<float>(i)), 1e-6) << i;
    EXPECT_EQ(c[i], flags[i] != 0);
  }
}

TEST(CudaElement, CopiesTransposedMatrices) {
  Stream stream = gpu_stream();
  for (auto [rows, cols] : {std::pair{64, 128}, {33, 70}, {8, 9}, {5, 300}}) {
    for (Dtype dtype : {uint8, bfloat16, float32, complex64}) {
      array m = reshape(iota(rows * cols, int32), {rows, cols}, stream);
      array as = array(values<int>(m).begin(), {rows, cols}, int32);
      array x = dtype == uint8 ? array(values<int>(m).begin(), {rows, cols}, uint8)
                               : array(values<int>(m).begin(), {rows, cols}, dtype);
      array t = contiguous(transpose(x, stream), false, stream);
      array expected = contiguous(transpose(x, Device::cpu), false, Device::cpu);
      eval({t, expected});
      EXPECT_EQ(std::memcmp(t.data<char>(), expected.data<char>(), t.nbytes()), 0)
          << rows << "x" << cols << " " << dtype;
    }
  }
}

TEST(CudaElement, CopiesBatchesSlicesAndReversals) {
  Stream stream = gpu_stream();
  array x = reshape(iota(6 * 20 * 30, float32), {6, 20, 30}, stream);
  for (array view :
       {transpose(x, {0, 2, 1}, stream), transpose(x, {2, 0, 1}, stream),
        transpose(x, {1, 0, 2}, stream), slice(x, {0, 1, 2}, {6, 19, 30}, {2, 3, 4}, stream),
        slice(x, {5, 19, 29}, {-7, -21, -31}, {-1, -2, -3}, stream)}) {
    array gpu = contiguous(view, false, stream);
    array cpu = contiguous(view, false, Device::cpu);
    eval({gpu, cpu});
    EXPECT_EQ(std::memcmp(gpu.data<char>(), cpu.data<char>(), gpu.nbytes()), 0) << view.shape();
  }
}

TEST(CudaElement, KeepsOrderAcrossManyCommitsAndReusedMemory) {
  Stream stream = gpu_stream();
  auto& encoder = cuda::Encoder::of(stream);
  // 1000 dependent steps: graphs of one topology are cached and updated, memory is reused in stream
  // order.
  array one = iota(8, float32, 0.0f);
  one = run(add_tape(float32), {one, array(1.0f)}, {8}, {float32})[0];
  array x = one;
  for (int i = 0; i < 1000; ++i) x = run(add_tape(float32), {x, one}, {8}, {float32})[0];
  encoder.commit();
  for (float v : values<float>(x)) EXPECT_EQ(v, 1001.0f);
}

}  // namespace mlx::core
