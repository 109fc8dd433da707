// Sets a test program up to run the GPU backend on the stand-in for a GPU.
#pragma once

#include <cstdlib>

#include "backend/cuda/encoder.h"
#include "mlx/mlx.h"

namespace mlx::core {

/** The GPU's default stream; the first call points the backend to the stand-in's libraries. */
inline Stream gpu_stream() {
  static bool once = [] {
    setenv("MLX_CUDA_LIBRARY_PATH", MLX_FAKE_CUDA, 1);
    setenv("MLX_CUDA_CACHE_DIR", MLX_FAKE_CUDA_CACHE, 1);
    return true;
  }();
  (void)once;
  return default_stream(Device::gpu);
}

template <typename T>
std::vector<T> values(array a) {
  a = contiguous(a, false, Device::cpu);
  a.eval();
  return std::vector<T>(a.data<T>(), a.data<T>() + a.size());
}

}  // namespace mlx::core
