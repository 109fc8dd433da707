// The list of families with kernels on the GPU.
#include "backend/cuda/register.h"

#include "backend/cuda/attention.h"
#include "backend/cuda/copy.h"
#include "backend/cuda/creation.h"
#include "backend/cuda/element.h"
#include "backend/cuda/indexing.h"
#include "backend/cuda/matmul.h"
#include "backend/cuda/norm.h"
#include "backend/cuda/quantized.h"
#include "backend/cuda/reduce.h"
#include "backend/cuda/rope.h"
#include "backend/cuda/scan.h"
#include "backend/cuda/softmax.h"
#include "backend/cuda/sort.h"

namespace mlx::core::cuda {

void register_kernels(KernelTable& table) {
  register_attention(table);
  register_creation(table);
  register_element(table);
  register_indexing(table);
  register_matmul(table);
  register_norm(table);
  register_quantized(table);
  register_reduce(table);
  register_rope(table);
  register_scan(table);
  register_softmax(table);
  register_sort(table);
  register_views(table);
}

}  // namespace mlx::core::cuda
