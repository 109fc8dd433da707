// Block kernels of arithmetic on two sources.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/element/arithmetic.simd.cpp"
#include <hwy/foreach_target.h>

#include "backend/cpu/element/block-inl.h"
#include "backend/cpu/element/families.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {

BlockKernel find_arithmetic_kernel(int op, Dtype::Val dtype) {
  switch (op) {
    MLX_ELEMENT_ROW(binary, Add, kAll)
    MLX_ELEMENT_ROW(binary, Divide, kInexact)
    MLX_ELEMENT_ROW(binary, FloorDivide, kAll)
    MLX_ELEMENT_ROW(binary, Maximum, kAll)
    MLX_ELEMENT_ROW(binary, Minimum, kAll)
    MLX_ELEMENT_ROW(binary, Multiply, kAll)
    MLX_ELEMENT_ROW(binary, Remainder, kNumbers)
    MLX_ELEMENT_ROW(binary, Subtract, kAll)
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

BlockKernel arithmetic_kernel(int op, Dtype::Val dtype) {
  return HWY_DYNAMIC_DISPATCH(find_arithmetic_kernel)(op, dtype);
}

}  // namespace mlx::core::cpu
#endif  // HWY_ONCE
