// The parts of compile that language bindings use.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "mlx/api.h"
#include "mlx/array.h"

namespace mlx::core::detail {

/** The outputs of a function and whatever the binding needs to rebuild its results from them. */
using ArraysAndExtra = std::pair<std::vector<array>, std::shared_ptr<void>>;
using ArrayFnWithExtra = std::function<ArraysAndExtra(const std::vector<array>&)>;

/** Compiles `fun`, known as `fun_id` to the cache. `constants` stand for arguments that are not
 * arrays: each combination has a trace of its own. */
MLX_API ArrayFnWithExtra compile(ArrayFnWithExtra fun, std::uintptr_t fun_id, bool shapeless,
                                 std::vector<uint64_t> constants);
MLX_API std::function<std::vector<array>(const std::vector<array>&)> compile(
    std::function<std::vector<array>(const std::vector<array>&)> fun, std::uintptr_t fun_id,
    bool shapeless = false, std::vector<uint64_t> constants = {});

/** Forgets the traces of a function. */
MLX_API void compile_erase(std::uintptr_t fun_id);
MLX_API void compile_clear_cache();

}  // namespace mlx::core::detail
