// Block kernels of exp and its relatives.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/element/exponentials.simd.cpp"
#include <hwy/foreach_target.h>

#include "backend/cpu/element/block-inl.h"
#include "backend/cpu/element/families.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {

BlockKernel find_exponential_kernel(ElementOp op, Dtype::Val dtype) {
  switch (op) {
    case ElementOp::erf:
      return unary_kernel<Erf, kReal>(dtype);
    case ElementOp::erfinv:
      return unary_kernel<ErfInv, kReal>(dtype);
    case ElementOp::exp:
      return unary_kernel<Exp, kInexact>(dtype);
    case ElementOp::expm1:
      return unary_kernel<Expm1, kReal>(dtype);
    case ElementOp::sigmoid:
      return unary_kernel<Sigmoid, kReal>(dtype);
    case ElementOp::sinh:
      return unary_kernel<Sinh, kInexact>(dtype);
    case ElementOp::cosh:
      return unary_kernel<Cosh, kInexact>(dtype);
    case ElementOp::tanh:
      return unary_kernel<Tanh, kInexact>(dtype);
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

BlockKernel exponential_kernel(ElementOp op, Dtype::Val dtype) {
  return HWY_DYNAMIC_DISPATCH(find_exponential_kernel)(op, dtype);
}

}  // namespace mlx::core::cpu
#endif  // HWY_ONCE
