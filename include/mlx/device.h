// Device: where work runs.
#pragma once

#include <string>
#include <tuple>
#include <unordered_map>
#include <variant>

#include "mlx/api.h"

namespace mlx::core {

struct MLX_API Device {
  enum class DeviceType { cpu, gpu };

  static constexpr DeviceType cpu = DeviceType::cpu;
  static constexpr DeviceType gpu = DeviceType::gpu;

  Device(DeviceType type, int index = 0) : type(type), index(index) {}

  DeviceType type;
  int index;

  bool operator==(const Device&) const = default;
  bool operator<(const Device& other) const {
    return std::tie(type, index) < std::tie(other.type, other.index);
  }
};

inline bool operator==(const Device& device, Device::DeviceType type) {
  return device.type == type;
}

/** The device of ops that name none: the GPU where one works, else the CPU. */
MLX_API const Device& default_device();

/** Sets the default device of the process. */
MLX_API void set_default_device(const Device& device);

/** True when the device can be used on this machine. */
MLX_API bool is_available(const Device& device);

/** The number of devices of a type that can be used. */
MLX_API int device_count(Device::DeviceType type);

/** Properties of a device: "device_name" and "architecture" always, sizes in bytes where known. */
MLX_API const std::unordered_map<std::string, std::variant<std::string, size_t>>& device_info(
    const Device& device = default_device());

}  // namespace mlx::core
