// The public functions that share GPU memory with other libraries.
#include "mlx/backend/cuda/cuda.h"
#include "runtime/buffer.h"
#include "runtime/device_runtime.h"

namespace mlx::core::cu {

bool is_available() { return find_gpu_runtime() != nullptr; }

const DeviceInfo& device_info(int device_index) {
  return device_runtime(Device::gpu).device_info(device_index);
}

bool is_on_device(const array& a) {
  const auto* block = static_cast<const Block*>(a.buffer().ptr());
  return block != nullptr && block->device_valid.load();
}

void* device_data(const array& a) { return device_runtime(Device::gpu).device_data(a); }

array from_device_data(void* data, Shape shape, Strides strides, Dtype dtype,
                       std::function<void()> release) {
  return device_runtime(Device::gpu)
      .wrap_device_memory(data, std::move(shape), std::move(strides), dtype, std::move(release));
}

}  // namespace mlx::core::cu
