// Runs a piece of a test for each SIMD target that was compiled and that this machine has.
#pragma once

#include <gtest/gtest.h>
#include <hwy/highway.h>

#include <algorithm>
#include <vector>

#include "backend/cpu/element/kernels.h"

namespace mlx::core::cpu {

/** work(kernel, name of the target) for each different kernel that look_up() gives by target; what
 * work looks up is for the same target. */
template <class LookUp, class Work>
void for_each_simd_kernel(LookUp look_up, Work work) {
  std::vector<BlockKernel> seen;
  for (int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    BlockKernel kernel = look_up();
    // A build for this machine only has one target, whatever is asked for.
    if (std::find(seen.begin(), seen.end(), kernel) == seen.end()) {
      seen.push_back(kernel);
      EXPECT_NE(kernel, nullptr);
      const char* name = hwy::TargetName(target);
      SCOPED_TRACE(name);
      if (kernel != nullptr) work(kernel, name);
    }
    hwy::SetSupportedTargetsForTest(0);
  }
}

}  // namespace mlx::core::cpu
