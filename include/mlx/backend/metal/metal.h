// Metal exists on Apple's systems only: programs that ask take their other branch.
#pragma once

#include <string>
#include <unordered_map>
#include <variant>

#include "mlx/device.h"

namespace mlx::core::metal {

inline bool is_available() { return false; }
/** Do nothing. */
inline void start_capture(std::string path = "") {}
inline void stop_capture() {}
/** Properties of the device that programs which ask for Metal's run on. */
inline const std::unordered_map<std::string, std::variant<std::string, size_t>>& device_info() {
  return mlx::core::device_info(mlx::core::is_available(Device::gpu) ? Device::gpu : Device::cpu);
}

}  // namespace mlx::core::metal
