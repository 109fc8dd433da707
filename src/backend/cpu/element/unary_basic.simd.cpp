// Block kernels of simple ops of one source.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/element/unary_basic.simd.cpp"
#include <hwy/foreach_target.h>

#include "backend/cpu/element/block-inl.h"
#include "backend/cpu/element/families.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {

BlockKernel find_unary_basic_kernel(int op, Dtype::Val dtype) {
  switch (op) {
    MLX_ELEMENT_ROW(unary, Abs, kAll)
    MLX_ELEMENT_ROW(unary, BitwiseInvert, kDiscrete)
    MLX_ELEMENT_ROW(unary, Ceil, kReal | kInteger)
    MLX_ELEMENT_ROW(unary, Conjugate, kComplex)
    MLX_ELEMENT_ROW(unary, Floor, kReal | kInteger)
    MLX_ELEMENT_ROW(unary, Imag, kComplex)
    MLX_ELEMENT_ROW(unary, LogicalNot, kAll)
    MLX_ELEMENT_ROW(unary, Negative, kInexact | kInteger)
    MLX_ELEMENT_ROW(unary, Real, kComplex)
    MLX_ELEMENT_ROW(unary, Round, kInexact | kInteger)
    MLX_ELEMENT_ROW(unary, Rsqrt, kInexact)
    MLX_ELEMENT_ROW(unary, Sign, kAll)
    MLX_ELEMENT_ROW(unary, Sqrt, kInexact)
    MLX_ELEMENT_ROW(unary, Square, kAll)
    default:
      return nullptr;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mlx::core::cpu {

HWY_EXPORT(find_unary_basic_kernel);

BlockKernel unary_basic_kernel(int op, Dtype::Val dtype) {
  return HWY_DYNAMIC_DISPATCH(find_unary_basic_kernel)(op, dtype);
}

}  // namespace mlx::core::cpu
#endif  // HWY_ONCE
