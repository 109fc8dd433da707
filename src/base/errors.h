// The one place where errors are built: `[op] what is wrong: got X, expected Y`.
#pragma once

#include <fmt/format.h>

#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>

namespace mlx::core {

/** The caller passed something wrong (Python: ValueError). */
template <typename... Args>
[[noreturn]] void throw_invalid(std::string_view op, fmt::format_string<Args...> format,
                                Args&&... args) {
  throw std::invalid_argument(
      fmt::format("[{}] {}", op, fmt::format(format, std::forward<Args>(args)...)));
}

/** The operation failed or is not available (Python: RuntimeError). */
template <typename... Args>
[[noreturn]] void throw_runtime(std::string_view op, fmt::format_string<Args...> format,
                                Args&&... args) {
  throw std::runtime_error(
      fmt::format("[{}] {}", op, fmt::format(format, std::forward<Args>(args)...)));
}

/** An index is outside its range (Python: IndexError). */
template <typename... Args>
[[noreturn]] void throw_out_of_range(std::string_view op, fmt::format_string<Args...> format,
                                     Args&&... args) {
  throw std::out_of_range(
      fmt::format("[{}] {}", op, fmt::format(format, std::forward<Args>(args)...)));
}

/** A broken invariant of ours, never the user's fault. */
[[noreturn]] void throw_internal(std::string_view what,
                                 std::source_location where = std::source_location::current());

/** Checks an invariant of ours; cheap enough to stay in release builds. */
inline void internal_check(bool condition, std::string_view what,
                           std::source_location where = std::source_location::current()) {
  if (!condition) [[unlikely]] {
    throw_internal(what, where);
  }
}

/** The uniform error of a public name whose implementation is not there yet. */
[[noreturn]] void throw_not_implemented(std::string_view op);

}  // namespace mlx::core
