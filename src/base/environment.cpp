// Reading of environment variables.
#include "base/environment.h"

#include <charconv>
#include <cstdlib>
#include <cstring>

namespace mlx::core {

std::optional<int64_t> environment_int(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr) return std::nullopt;
  int64_t value = 0;
  const char* end = text + std::strlen(text);
  auto [parsed, error] = std::from_chars(text, end, value);
  if (error != std::errc() || parsed != end) return std::nullopt;
  return value;
}

std::optional<std::string> environment_string(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr) return std::nullopt;
  return std::string(text);
}

}  // namespace mlx::core
