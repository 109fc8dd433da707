// The GPUs of whatever kind.
#pragma once

#include <string>
#include <unordered_map>
#include <variant>

#include "mlx/device.h"

namespace mlx::core::gpu {

inline bool is_available() { return mlx::core::is_available(Device::gpu); }
inline int device_count() { return mlx::core::device_count(Device::gpu); }
/** Raises std::runtime_error when no GPU can be used. */
inline const std::unordered_map<std::string, std::variant<std::string, size_t>>& device_info(
    int device_index = 0) {
  return mlx::core::device_info(Device(Device::gpu, device_index));
}

}  // namespace mlx::core::gpu
