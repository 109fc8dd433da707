// Block kernels of power, arctan2, logaddexp and bit operations.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/element/powers.simd.cpp"
#include <hwy/foreach_target.h>

#include "backend/cpu/element/block-inl.h"
#include "backend/cpu/element/families.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {

BlockKernel find_power_kernel(int op, Dtype::Val dtype) {
  switch (op) {
    MLX_ELEMENT_ROW(binary, ArcTan2, kReal)
    MLX_ELEMENT_ROW(binary, LogAddExp, kInexact)
    MLX_ELEMENT_ROW(binary, Power, kAll)
    MLX_ELEMENT_ROW(binary, BitwiseAnd, kDiscrete)
    MLX_ELEMENT_ROW(binary, BitwiseOr, kDiscrete)
    MLX_ELEMENT_ROW(binary, BitwiseXor, kDiscrete)
    MLX_ELEMENT_ROW(binary, LeftShift, kInteger)
    MLX_ELEMENT_ROW(binary, RightShift, kInteger)
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

BlockKernel power_kernel(int op, Dtype::Val dtype) {
  return HWY_DYNAMIC_DISPATCH(find_power_kernel)(op, dtype);
}

}  // namespace mlx::core::cpu
#endif  // HWY_ONCE
