// Opens the GPU: driver initialisation, primary context and device properties.
#include "backend/cuda/device.h"

#include "backend/cuda/library.h"
#include "base/environment.h"
#include "base/errors.h"

namespace mlx::core::cuda {

namespace {

int attribute(CuDevice device, int which) {
  int value = 0;
  check(driver().device_get_attribute(&value, which, device), "reading a device attribute");
  return value;
}

/** Kernels use the architecture-specific instructions of Hopper; other targets need no suffix. */
std::string arch_name(int major, int minor) {
  return fmt::format("sm_{}{}{}", major, minor, major == 9 && minor == 0 ? "a" : "");
}

GpuDevice* open_device() {
  check(driver().init(0), "starting the NVIDIA driver");
  int count = 0;
  check(driver().device_get_count(&count), "counting GPUs");
  if (count == 0) throw_runtime("cuda", "the driver sees no GPU; use mx.cpu.");
  auto* device = new GpuDevice;
  check(driver().device_get(&device->handle, 0), "opening the GPU");
  device->major = attribute(device->handle, kAttributeComputeMajor);
  device->minor = attribute(device->handle, kAttributeComputeMinor);
  device->num_sms = attribute(device->handle, kAttributeMultiprocessorCount);
  device->l2_bytes = attribute(device->handle, kAttributeL2CacheSize);
  device->max_shared_bytes = attribute(device->handle, kAttributeMaxSharedOptin);
  device->arch = arch_name(device->major, device->minor);
  if (device->major < 8) {
    throw_runtime("cuda", "the GPU has compute capability {}.{}, 8.0 or newer is needed.",
                  device->major, device->minor);
  }
  check(driver().device_total_mem(&device->total_bytes, device->handle), "reading the memory size");
  char name[256] = {};
  check(driver().device_get_name(name, sizeof(name), device->handle), "reading the GPU's name");
  device->name = name;
  check(driver().primary_ctx_retain(&device->context, device->handle), "opening the GPU's context");
  return device;
}

}  // namespace

const GpuDevice& gpu_device() {
  static GpuDevice* device = open_device();
  return *device;
}

bool is_available() {
  static const bool available = [] {
    if (environment_int("MLX_DISABLE_GPU").value_or(0) != 0 || !has_driver()) return false;
    try {
      gpu_device();
      return has_nvrtc();
    } catch (const std::exception&) {
      return false;
    }
  }();
  return available;
}

void make_current() {
  thread_local bool is_current = false;
  if (is_current) [[likely]]
    return;
  check(driver().ctx_set_current(gpu_device().context), "entering the GPU's context");
  is_current = true;
}

}  // namespace mlx::core::cuda
