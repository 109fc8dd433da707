// Memory statistics and limits of the process, in bytes.
#pragma once

#include <cstddef>
#include <vector>

#include "mlx/api.h"
#include "mlx/array.h"

namespace mlx::core {

/** Bytes held by live arrays. */
MLX_API size_t get_active_memory();
/** Allocated bytes behind evaluated arrays, each buffer counted once. */
MLX_API size_t get_array_buffer_size(const std::vector<array>& arrays);
/** The highest active memory since the start or the last reset. */
MLX_API size_t get_peak_memory();
MLX_API void reset_peak_memory();
/** Bytes kept for reuse. */
MLX_API size_t get_cache_memory();
/** Above this much active memory, caches are freed and work in flight is waited for before more is
 * allocated. Returns the previous limit. */
MLX_API size_t set_memory_limit(size_t limit);
MLX_API size_t get_memory_limit();
/** The most bytes kept for reuse; 0 turns the cache off. Returns the previous limit. */
MLX_API size_t set_cache_limit(size_t limit);
MLX_API void clear_cache();
/** Kept for compatibility: memory is never wired here. Returns the previous value. */
MLX_API size_t set_wired_limit(size_t limit);

}  // namespace mlx::core
