// GPU memory shared with other libraries, and arrays that move between the devices, on the
// (stand-in) GPU.
#include <gtest/gtest.h>

#include "fake_gpu.h"
#include "mlx/backend/cuda/cuda.h"

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

TEST(CudaInterop, OutOfMemoryRaisesAndTheNextOpWorks) {
  Stream s = gpu_stream();
  array huge = broadcast_to(array(1.0f), {1 << 15, 1 << 15}, s);
  EXPECT_THROW(contiguous(huge, false, s).eval(), std::runtime_error);
  EXPECT_EQ(values<float>(add(array({1.0f}), array(1.0f), s))[0], 2.0f);
}

}  // namespace mlx::core
