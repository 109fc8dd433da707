// The CPU as a device.
#pragma once

#include <string>
#include <unordered_map>
#include <variant>

#include "mlx/device.h"

namespace mlx::core::cpu {

inline bool is_available() { return true; }
inline int device_count() { return 1; }
inline const std::unordered_map<std::string, std::variant<std::string, size_t>>& device_info(
    int device_index = 0) {
  return mlx::core::device_info(Device(Device::cpu, device_index));
}

}  // namespace mlx::core::cpu
