// Block kernels of circular functions and their inverses.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/element/trigonometry.simd.cpp"
#include <hwy/foreach_target.h>

#include "backend/cpu/element/block-inl.h"
#include "backend/cpu/element/families.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {

BlockKernel find_trigonometry_kernel(int op, Dtype::Val dtype) {
  switch (op) {
    MLX_ELEMENT_ROW(unary, ArcCos, kInexact)
    MLX_ELEMENT_ROW(unary, ArcSin, kInexact)
    MLX_ELEMENT_ROW(unary, ArcTan, kInexact)
    MLX_ELEMENT_ROW(unary, Cos, kInexact)
    MLX_ELEMENT_ROW(unary, Sin, kInexact)
    MLX_ELEMENT_ROW(unary, Tan, kInexact)
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

BlockKernel trigonometry_kernel(int op, Dtype::Val dtype) {
  return HWY_DYNAMIC_DISPATCH(find_trigonometry_kernel)(op, dtype);
}

}  // namespace mlx::core::cpu
#endif  // HWY_ONCE
