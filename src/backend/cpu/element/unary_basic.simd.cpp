// Block kernels of simple ops of one source.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/element/unary_basic.simd.cpp"
#include <hwy/foreach_target.h>

#include "backend/cpu/element/block-inl.h"
#include "backend/cpu/element/families.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {

BlockKernel find_unary_basic_kernel(ElementOp op, Dtype::Val dtype) {
  switch (op) {
    case ElementOp::abs:
      return unary_kernel<Abs, kAll>(dtype);
    case ElementOp::bitwise_invert:
      return unary_kernel<BitwiseInvert, kDiscrete>(dtype);
    case ElementOp::ceil:
      return unary_kernel<Ceil, kReal | kInteger>(dtype);
    case ElementOp::conjugate:
      return unary_kernel<Conjugate, kComplex>(dtype);
    case ElementOp::floor:
      return unary_kernel<Floor, kReal | kInteger>(dtype);
    case ElementOp::imag:
      return unary_kernel<Imag, kComplex>(dtype);
    case ElementOp::logical_not:
      return unary_kernel<LogicalNot, kAll>(dtype);
    case ElementOp::negative:
      return unary_kernel<Negative, kInexact | kInteger>(dtype);
    case ElementOp::real:
      return unary_kernel<Real, kComplex>(dtype);
    case ElementOp::round:
      return unary_kernel<Round, kInexact | kInteger>(dtype);
    case ElementOp::rsqrt:
      return unary_kernel<Rsqrt, kInexact>(dtype);
    case ElementOp::sign:
      return unary_kernel<Sign, kAll>(dtype);
    case ElementOp::sqrt:
      return unary_kernel<Sqrt, kInexact>(dtype);
    case ElementOp::square:
      return unary_kernel<Square, kAll>(dtype);
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

BlockKernel unary_basic_kernel(ElementOp op, Dtype::Val dtype) {
  return HWY_DYNAMIC_DISPATCH(find_unary_basic_kernel)(op, dtype);
}

}  // namespace mlx::core::cpu
#endif  // HWY_ONCE
