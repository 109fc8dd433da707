// Block kernels of power, arctan2, logaddexp and bit operations.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/element/powers.simd.cpp"
#include <hwy/foreach_target.h>

#include "backend/cpu/element/block-inl.h"
#include "backend/cpu/element/families.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {

BlockKernel find_power_kernel(ElementOp op, Dtype::Val dtype) {
  switch (op) {
    case ElementOp::arctan2:
      return binary_kernel<ArcTan2, kReal>(dtype);
    case ElementOp::logaddexp:
      return binary_kernel<LogAddExp, kInexact>(dtype);
    case ElementOp::power:
      return binary_kernel<Power, kAll>(dtype);
    case ElementOp::bitwise_and:
      return binary_kernel<BitwiseAnd, kDiscrete>(dtype);
    case ElementOp::bitwise_or:
      return binary_kernel<BitwiseOr, kDiscrete>(dtype);
    case ElementOp::bitwise_xor:
      return binary_kernel<BitwiseXor, kDiscrete>(dtype);
    case ElementOp::left_shift:
      return binary_kernel<LeftShift, kInteger>(dtype);
    case ElementOp::right_shift:
      return binary_kernel<RightShift, kInteger>(dtype);
    default:
      return nullptr;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mlx::core::cpu {

HWY_EXPORT(find_power_kernel);

BlockKernel power_kernel(ElementOp op, Dtype::Val dtype) {
  return HWY_DYNAMIC_DISPATCH(find_power_kernel)(op, dtype);
}

}  // namespace mlx::core::cpu
#endif  // HWY_ONCE
