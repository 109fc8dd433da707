// compile: traces a function once and replays an optimised plan of it.
#pragma once

#include <functional>
#include <type_traits>
#include <vector>

#include "mlx/api.h"
#include "mlx/array.h"

namespace mlx::core {

/** How much compile does: nothing, tracing without simplification or without fusion, or all. */
enum class CompileMode { disabled, no_simplify, no_fuse, enabled };

/** A function with the same results that is traced on first use with inputs of some shapes and
 * dtypes. `shapeless`: one trace serves inputs of other shapes of the same rank too. */
MLX_API std::function<std::vector<array>(const std::vector<array>&)> compile(
    std::function<std::vector<array>(const std::vector<array>&)> fun, bool shapeless = false);

MLX_API std::function<std::vector<array>(const std::vector<array>&)> compile(
    std::vector<array> (*fun)(const std::vector<array>&), bool shapeless = false);

/** A lambda without captures is compiled once, however often it is passed. */
template <typename F,
          typename = std::enable_if_t<std::is_convertible_v<F, decltype(+std::declval<F>())>>>
std::function<std::vector<array>(const std::vector<array>&)> compile(F&& f,
                                                                     bool shapeless = false) {
  return compile(+f, shapeless);
}

/** Compiled functions run as they were written until compilation is enabled again. */
MLX_API void disable_compile();
MLX_API void enable_compile();
MLX_API void set_compile_mode(CompileMode mode);

}  // namespace mlx::core
