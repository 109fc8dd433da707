// Scratch memory of a thread that is kept between calls, so that hot loops never meet a page fault.
#pragma once

#include <cstddef>

namespace mlx::core::cpu {

enum class ScratchUse { packed_a, packed_b, tile, other, count };

/** At least `bytes` of 64-byte aligned memory owned by this thread for this use; what it held is
 * lost. Valid until the thread's next call with the same use. */
void* thread_scratch(ScratchUse use, size_t bytes);

template <typename T>
T* thread_scratch(ScratchUse use, size_t count) {
  return static_cast<T*>(thread_scratch(use, count * sizeof(T)));
}

}  // namespace mlx::core::cpu
