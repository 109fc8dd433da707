// Block kernels of comparisons and logic.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/element/comparisons.simd.cpp"
#include <hwy/foreach_target.h>

#include "backend/cpu/element/block-inl.h"
#include "backend/cpu/element/families.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {

BlockKernel find_comparison_kernel(ElementOp op, Dtype::Val dtype) {
  switch (op) {
    case ElementOp::equal:
      return binary_kernel<Equal, kAll>(dtype);
    case ElementOp::greater:
      return binary_kernel<Greater, kAll>(dtype);
    case ElementOp::greater_equal:
      return binary_kernel<GreaterEqual, kAll>(dtype);
    case ElementOp::less:
      return binary_kernel<Less, kAll>(dtype);
    case ElementOp::less_equal:
      return binary_kernel<LessEqual, kAll>(dtype);
    case ElementOp::logical_and:
      return binary_kernel<LogicalAnd, kAll>(dtype);
    case ElementOp::logical_or:
      return binary_kernel<LogicalOr, kAll>(dtype);
    case ElementOp::nan_equal:
      return binary_kernel<NanEqual, kInexact>(dtype);
    case ElementOp::not_equal:
      return binary_kernel<NotEqual, kAll>(dtype);
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

BlockKernel comparison_kernel(ElementOp op, Dtype::Val dtype) {
  return HWY_DYNAMIC_DISPATCH(find_comparison_kernel)(op, dtype);
}

}  // namespace mlx::core::cpu
#endif  // HWY_ONCE
