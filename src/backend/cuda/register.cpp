// The list of families with kernels on the GPU.
#include "backend/cuda/register.h"

#include "backend/cuda/copy.h"
#include "backend/cuda/element.h"
#include "backend/cuda/reduce.h"

namespace mlx::core::cuda {

void register_kernels(KernelTable& table) {
  register_views(table);
  register_element(table);
  register_reduce(table);
}

}  // namespace mlx::core::cuda
