// The kernels that most programs meet: compiled by the tests for every target, and ahead of time
// for the archive.
#pragma once

#include <string>
#include <vector>

namespace mlx::core::cuda {

struct KernelText {
  std::string name;
  std::string source;
};

/** Instances of every family, with the names and texts that the host code asks for. */
std::vector<KernelText> common_kernels();

}  // namespace mlx::core::cuda
