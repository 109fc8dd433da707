// The fuser: groups element-wise steps of a job into tapes.
#pragma once

#include <vector>

#include "runtime/device_runtime.h"

namespace mlx::core {

/** Replaces groups of element-wise steps of one shape by single Fused steps. A step joins the group
 * of its consumers when all of them are in one group, so a group can run where its last member
 * stood. Values that something outside the job refers to are stored as further outputs. A group
 * whose value only a reduction takes ends in it (FusedReduce) and is not stored. Linear in the
 * steps. */
void fuse_elementwise(std::vector<Step>& steps);

}  // namespace mlx::core
