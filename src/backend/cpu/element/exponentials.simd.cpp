// Block kernels of exp and its relatives.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/element/exponentials.simd.cpp"
#include <hwy/foreach_target.h>

#include "backend/cpu/element/block-inl.h"
#include "backend/cpu/element/families.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {

BlockKernel find_exponential_kernel(int op, Dtype::Val dtype) {
  switch (op) {
    MLX_ELEMENT_ROW(unary, Erf, kReal)
    MLX_ELEMENT_ROW(unary, ErfInv, kReal)
    MLX_ELEMENT_ROW(unary, Exp, kInexact)
    MLX_ELEMENT_ROW(unary, Expm1, kReal)
    MLX_ELEMENT_ROW(unary, Sigmoid, kReal)
    MLX_ELEMENT_ROW(unary, Sinh, kInexact)
    MLX_ELEMENT_ROW(unary, Cosh, kInexact)
    MLX_ELEMENT_ROW(unary, Tanh, kInexact)
    default:
      return nullptr;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mlx::core::cpu {

HWY_EXPORT(find_exponential_kernel);

BlockKernel exponential_kernel(int op, Dtype::Val dtype) {
  return HWY_DYNAMIC_DISPATCH(find_exponential_kernel)(op, dtype);
}

}  // namespace mlx::core::cpu
#endif  // HWY_ONCE
