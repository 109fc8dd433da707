// Block kernels of arithmetic on two sources.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/element/arithmetic.simd.cpp"
#include <hwy/foreach_target.h>

#include "backend/cpu/element/block-inl.h"
#include "backend/cpu/element/families.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {

BlockKernel find_arithmetic_kernel(ElementOp op, Dtype::Val dtype) {
  switch (op) {
    case ElementOp::add:
      return binary_kernel<Add, kAll>(dtype);
    case ElementOp::divide:
      return binary_kernel<Divide, kInexact>(dtype);
    case ElementOp::floor_divide:
      return binary_kernel<FloorDivide, kAll>(dtype);
    case ElementOp::maximum:
      return binary_kernel<Maximum, kAll>(dtype);
    case ElementOp::minimum:
      return binary_kernel<Minimum, kAll>(dtype);
    case ElementOp::multiply:
      return binary_kernel<Multiply, kAll>(dtype);
    case ElementOp::remainder:
      return binary_kernel<Remainder, kNumbers>(dtype);
    case ElementOp::subtract:
      return binary_kernel<Subtract, kAll>(dtype);
    default:
      return nullptr;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mlx::core::cpu {

HWY_EXPORT(find_arithmetic_kernel);

BlockKernel arithmetic_kernel(ElementOp op, Dtype::Val dtype) {
  return HWY_DYNAMIC_DISPATCH(find_arithmetic_kernel)(op, dtype);
}

}  // namespace mlx::core::cpu
#endif  // HWY_ONCE
