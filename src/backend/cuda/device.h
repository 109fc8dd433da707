// The GPU in use: its context and the properties that kernels are chosen by.
#pragma once

#include <cstddef>
#include <string>

#include "backend/cuda/driver_api.h"

namespace mlx::core::cuda {

struct GpuDevice {
  CuDevice handle = 0;
  CuContext context = nullptr;
  int major = 0;
  int minor = 0;
  int num_sms = 0;
  size_t l2_bytes = 0;
  size_t total_bytes = 0;
  size_t max_shared_bytes = 0;  // a block's dynamic shared memory at most
  std::string name;
  std::string arch;  // what NVRTC compiles for, e.g. "sm_90a"
};

/** True when a driver and a GPU are there and MLX_DISABLE_GPU is not set. Never raises. */
bool is_available();

/** Opens the driver and the first GPU on the first call; raises when there is none. */
const GpuDevice& gpu_device();

/** Makes the GPU's context current in the calling thread; cheap when it already is. */
void make_current();

}  // namespace mlx::core::cuda
