// The size beyond which outputs bypass the caches.
#include "backend/cpu/simd/streaming.h"

#include <unistd.h>

#include <algorithm>
#include <thread>

#include "base/thread_pool.h"

namespace mlx::core::cpu {

namespace {

size_t streaming_threshold() {
#if defined(__x86_64__)
  // The last-level cache is shared by the socket; the second level is a processor's own. A cloud
  // machine reports the whole socket's cache of which it owns a few cores' worth, so the own caches
  // count eight-fold at most.
  long l2 = sysconf(_SC_LEVEL2_CACHE_SIZE);
  long l3 = sysconf(_SC_LEVEL3_CACHE_SIZE);
  size_t own = static_cast<size_t>(std::max(l2, 1L << 18)) * static_cast<size_t>(num_threads());
  size_t shared = static_cast<size_t>(std::max(l3, 1L << 20));
  return std::max(own * 2, std::min(shared / 2, own * 4));
#else
  return ~size_t{0};  // stores on Arm detect streams by themselves
#endif
}

}  // namespace

bool uses_streaming_stores(size_t bytes) {
  static const size_t threshold = streaming_threshold();
  return bytes >= threshold;
}

}  // namespace mlx::core::cpu
