// Block kernels of comparisons and logic.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/element/comparisons.simd.cpp"
#include <hwy/foreach_target.h>

#include "backend/cpu/element/block-inl.h"
#include "backend/cpu/element/families.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {

BlockKernel find_comparison_kernel(int op, Dtype::Val dtype) {
  switch (op) {
    MLX_ELEMENT_ROW(binary, Equal, kAll)
    MLX_ELEMENT_ROW(binary, Greater, kAll)
    MLX_ELEMENT_ROW(binary, GreaterEqual, kAll)
    MLX_ELEMENT_ROW(binary, Less, kAll)
    MLX_ELEMENT_ROW(binary, LessEqual, kAll)
    MLX_ELEMENT_ROW(binary, LogicalAnd, kAll)
    MLX_ELEMENT_ROW(binary, LogicalOr, kAll)
    MLX_ELEMENT_ROW(binary, NanEqual, kInexact)
    MLX_ELEMENT_ROW(binary, NotEqual, kAll)
    default:
      return nullptr;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mlx::core::cpu {

HWY_EXPORT(find_comparison_kernel);

BlockKernel comparison_kernel(int op, Dtype::Val dtype) {
  return HWY_DYNAMIC_DISPATCH(find_comparison_kernel)(op, dtype);
}

}  // namespace mlx::core::cpu
#endif  // HWY_ONCE
