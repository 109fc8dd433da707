// GPU memory shared with other libraries, and arrays that move between the devices, on the
// (stand-in) GPU.
#include <gtest/gtest.h>

#include "fake_gpu.h"
#include "mlx/backend/cuda/cuda.h"
#include "runtime/buffer.h"

namespace mlx::core {

TEST(CudaInterop, WrapsForeignMemoryAndReleasesItOnce) {
  Stream s = gpu_stream();
  array owner = add(array({1.0f, 2.0f, 3.0f, 4.0f}), array(0.5f), s);
  owner.eval();
  ASSERT_TRUE(cu::is_on_device(owner));
  int released = 0;
  {
    array view =
        cu::from_device_data(cu::device_data(owner), {2, 2}, {1, 2}, float32, [&] { ++released; });
    EXPECT_EQ(values<float>(add(view, array(1.0f), s)),
              (std::vector<float>{2.5f, 4.5f, 3.5f, 5.5f}));
    EXPECT_EQ(values<float>(view), (std::vector<float>{1.5f, 3.5f, 2.5f, 4.5f}));
    EXPECT_EQ(released, 0);
  }
  // The workers let go of their inputs after they have told that results are there.
  synchronize(s);
  synchronize(default_stream(Device::cpu));
  EXPECT_EQ(released, 1);
  EXPECT_EQ(values<float>(owner)[3], 4.5f);
}

TEST(CudaInterop, ArraysWorkOnEitherDevice) {
  Stream s = gpu_stream();
  array x = array({1.0f, 2.0f});
  for (int i = 0; i < 4; ++i) {
    x = add(x, array(1.0f), s);
    x = multiply(x, array(2.0f), Device::cpu);
  }
  EXPECT_EQ(values<float>(x), (std::vector<float>{46.0f, 62.0f}));
}

TEST(CudaInterop, ReadingASmallViewLeavesTheRestOnTheDevice) {
  Stream s = gpu_stream();
  array x = add(reshape(arange(1 << 16, float32, s), {256, 256}, s), array(0.5f), s);
  x.eval();
  array one = slice(x, {3, 7}, {4, 8}, s);
  array row = slice(x, {5, 0}, {6, 256}, s);
  array column = slice(x, {255, 2}, {-257, 3}, {-1, 1}, s);
  EXPECT_EQ(reshape(one, {}, s).item<float>(), 3 * 256 + 7.5f);
  EXPECT_EQ(values<float>(to_host(row))[9], 5 * 256 + 9.5f);
  std::vector<float> read = values<float>(to_host(column));
  ASSERT_EQ(read.size(), 256u);
  EXPECT_EQ(read[0], 255 * 256 + 2.5f);
  EXPECT_EQ(read[255], 2.5f);
  EXPECT_FALSE(block_of(x.buffer()).host_valid.load());
  EXPECT_EQ(values<float>(to_host(x))[257], 257.5f);
  EXPECT_TRUE(block_of(x.buffer()).host_valid.load());
  EXPECT_EQ(to_host(zeros({0, 3}, float32, s)).size(), 0u);
}

TEST(CudaInterop, OutOfMemoryRaisesAndTheNextOpWorks) {
  Stream s = gpu_stream();
  array huge = broadcast_to(array(1.0f), {1 << 15, 1 << 15}, s);
  EXPECT_THROW(contiguous(huge, false, s).eval(), std::runtime_error);
  EXPECT_EQ(values<float>(add(array({1.0f}), array(1.0f), s))[0], 2.0f);
}

}  // namespace mlx::core
