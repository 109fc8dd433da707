// Scheduling: from lazy arrays to jobs for streams.
#pragma once

#include <vector>

#include "runtime/stream_queue.h"

namespace mlx::core {

/** Merges element-wise steps of a job into tapes. Installed from wiring.cpp, as the fuser lives in
 * a layer above; without one, steps run as they are. */
using FuseFn = void (*)(std::vector<Step>& steps);
void set_fuser(FuseFn fuse);
void fuse_steps(std::vector<Step>& steps);

}  // namespace mlx::core
