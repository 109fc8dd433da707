// Block kernels of logarithms and inverse hyperbolic functions.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/element/logarithms.simd.cpp"
#include <hwy/foreach_target.h>

#include "backend/cpu/element/block-inl.h"
#include "backend/cpu/element/families.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {

BlockKernel find_logarithm_kernel(ElementOp op, Dtype::Val dtype) {
  switch (op) {
    case ElementOp::log:
      return unary_kernel<Log, kInexact>(dtype);
    case ElementOp::log10:
      return unary_kernel<Log10, kInexact>(dtype);
    case ElementOp::log1p:
      return unary_kernel<Log1p, kInexact>(dtype);
    case ElementOp::log2:
      return unary_kernel<Log2, kInexact>(dtype);
    case ElementOp::arccosh:
      return unary_kernel<ArcCosh, kInexact>(dtype);
    case ElementOp::arcsinh:
      return unary_kernel<ArcSinh, kInexact>(dtype);
    case ElementOp::arctanh:
      return unary_kernel<ArcTanh, kInexact>(dtype);
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

BlockKernel logarithm_kernel(ElementOp op, Dtype::Val dtype) {
  return HWY_DYNAMIC_DISPATCH(find_logarithm_kernel)(op, dtype);
}

}  // namespace mlx::core::cpu
#endif  // HWY_ONCE
