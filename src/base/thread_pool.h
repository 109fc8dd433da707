// The one pool of compute threads, shared by all streams.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/function_ref.h"

namespace mlx::core {

/** Threads that take part in parallel work, the calling one included. Sized by the processors the
 * process may use (affinity and cgroup quota); MLX_NUM_THREADS overrides. */
int num_threads();

/** Limits parallel work to `count` threads (at least 1); returns the previous number. For tests
 * that compare one thread with many. */
int set_num_threads(int count);

/** Runs `task(i)` for every i in [0, num_tasks), on the pool and the calling thread, and returns
 * when all are done. Which thread runs which task is not fixed, so a task's result may depend on i
 * alone. An exception of a task is rethrown here after the others ended. Calls from inside a task
 * run inline. Safe from any thread: a caller that finds the pool busy runs its tasks itself. */
void parallel_for(int64_t num_tasks, FunctionRef<void(int64_t)> task);

/** Splits [0, size) into ranges of `grain` elements (the last one shorter) and runs
 * `range(begin, end)` for each in parallel. One range runs inline. */
inline void parallel_ranges(int64_t size, int64_t grain,
                            FunctionRef<void(int64_t, int64_t)> range) {
  int64_t num_ranges = (size + grain - 1) / grain;
  if (num_ranges <= 1) {
    if (size > 0) range(0, size);
    return;
  }
  parallel_for(num_ranges, [&](int64_t i) {
    int64_t begin = i * grain;
    range(begin, begin + grain < size ? begin + grain : size);
  });
}

}  // namespace mlx::core
