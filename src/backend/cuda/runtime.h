// The GPU's DeviceRuntime: steps are recorded, jobs committed, events are moments in a stream's
// order.
#pragma once

#include <string>

#include "runtime/device_runtime.h"

namespace mlx::core::cuda {

/** The runtime, with all GPU kernels registered; null (and the reason) when no GPU works here. */
DeviceRuntime* make_runtime(std::string& reason);

}  // namespace mlx::core::cuda
