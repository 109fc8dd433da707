// Block kernels of circular functions and their inverses.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/element/trigonometry.simd.cpp"
#include <hwy/foreach_target.h>

#include "backend/cpu/element/block-inl.h"
#include "backend/cpu/element/families.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {

BlockKernel find_trigonometry_kernel(ElementOp op, Dtype::Val dtype) {
  switch (op) {
    case ElementOp::arccos:
      return unary_kernel<ArcCos, kInexact>(dtype);
    case ElementOp::arcsin:
      return unary_kernel<ArcSin, kInexact>(dtype);
    case ElementOp::arctan:
      return unary_kernel<ArcTan, kInexact>(dtype);
    case ElementOp::cos:
      return unary_kernel<Cos, kInexact>(dtype);
    case ElementOp::sin:
      return unary_kernel<Sin, kInexact>(dtype);
    case ElementOp::tan:
      return unary_kernel<Tan, kInexact>(dtype);
    default:
      return nullptr;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mlx::core::cpu {

HWY_EXPORT(find_trigonometry_kernel);

BlockKernel trigonometry_kernel(ElementOp op, Dtype::Val dtype) {
  return HWY_DYNAMIC_DISPATCH(find_trigonometry_kernel)(op, dtype);
}

}  // namespace mlx::core::cpu
#endif  // HWY_ONCE
