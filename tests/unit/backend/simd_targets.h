// Runs a piece of a test for each SIMD target that was compiled and that this machine has.
#pragma once

#include <gtest/gtest.h>
#include <hwy/highway.h>

#include <algorithm>
#include <vector>

#include "backend/cpu/element/kernels.h"

namespace mlx::core::cpu {

/** work(kernel, name of the target) for each different kernel that look_up() gives by target. */
template <class LookUp, class Work>
void for_each_simd_kernel(LookUp look_up, Work work) {
  std::vector<BlockKernel> seen;
  for (int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    BlockKernel kernel = look_up();
    hwy::SetSupportedTargetsForTest(0);
    ASSERT_NE(kernel, nullptr);
    if (std::find(seen.begin(), seen.end(), kernel) != seen.end()) continue;
    seen.push_back(kernel);
    // A build for this machine only has one target, whatever is asked for.
    const char* name = hwy::TargetName(target);
    SCOPED_TRACE(name);
    work(kernel, name);
  }
}

}  // namespace mlx::core::cpu
