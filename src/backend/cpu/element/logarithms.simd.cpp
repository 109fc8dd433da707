// Block kernels of logarithms and inverse hyperbolic functions.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/element/logarithms.simd.cpp"
#include <hwy/foreach_target.h>

#include "backend/cpu/element/block-inl.h"
#include "backend/cpu/element/families.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {

BlockKernel find_logarithm_kernel(int op, Dtype::Val dtype) {
  switch (op) {
    MLX_ELEMENT_ROW(unary, Log, kInexact)
    MLX_ELEMENT_ROW(unary, Log10, kInexact)
    MLX_ELEMENT_ROW(unary, Log1p, kInexact)
    MLX_ELEMENT_ROW(unary, Log2, kInexact)
    MLX_ELEMENT_ROW(unary, ArcCosh, kInexact)
    MLX_ELEMENT_ROW(unary, ArcSinh, kInexact)
    MLX_ELEMENT_ROW(unary, ArcTanh, kInexact)
    default:
      return nullptr;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mlx::core::cpu {

HWY_EXPORT(find_logarithm_kernel);

BlockKernel logarithm_kernel(int op, Dtype::Val dtype) {
  return HWY_DYNAMIC_DISPATCH(find_logarithm_kernel)(op, dtype);
}

}  // namespace mlx::core::cpu
#endif  // HWY_ONCE
