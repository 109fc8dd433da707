// Reading of environment variables.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace mlx::core {

/** The integer value of an environment variable, or nothing when unset or not a number. */
std::optional<int64_t> environment_int(const char* name);

std::optional<std::string> environment_string(const char* name);

}  // namespace mlx::core
