// When an output is so large that writing it past the caches is faster.
#pragma once

#include <cstddef>

namespace mlx::core::cpu {

/** True if `bytes` of fresh output should be written with non-temporal stores: more than this
 * process's share of the last-level cache, so that reading the lines first would be waste. */
bool uses_streaming_stores(size_t bytes);

}  // namespace mlx::core::cpu
