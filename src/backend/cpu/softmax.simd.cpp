// Row kernels of softmax, logsumexp and cross entropy, for each SIMD target.
#include <limits>

#include "backend/cpu/softmax_kernels.h"
#include "base/errors.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/softmax.simd.cpp"
#include "hwy/foreach_target.h"
//
#include "backend/cpu/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {
namespace {

/** exp of x <= 0: no overflow to guard against. A NaN stays. */
template <class D>
HWY_INLINE hn::Vec<D> exp_of_nonpositive(D d, hn::Vec<D> x) {
  auto n = x;
  auto r = reduce_by_ln2(hn::Max(hn::Set(d, -106.0f), x), n);
  return scale_by_power_of_two(exp_of_reduced(r), n);
}

template <typename T>
void softmax_row(const void* x_, size_t n, void* out_, float* scratch, bool stream) {
  auto x = static_cast<const T*>(x_);
  auto out = static_cast<T*>(out_);
  const float max = max_of_row(x, n);
  // The arithmetic of this pass hides the wait for the next row.
  float sum = sum_vectors(n, [&](auto d, size_t i) HWY_ATTR {
    prefetch_to_l2(x, n + i);
    auto e = exp_of_nonpositive(d, hn::Sub(load_float(d, x + i), hn::Set(d, max)));
    hn::StoreU(e, d, scratch + i);
    return e;
  });
  const float factor = 1.0f / sum;
  store_row(stream, out, n, [&](auto d, size_t i) HWY_ATTR {
    return hn::Mul(hn::LoadU(d, scratch + i), hn::Set(d, factor));
  });
}

template <typename T>
void max_and_sum(const void* x_, size_t n, float* max_out, float* sum_out) {
  auto x = static_cast<const T*>(x_);
  const float max = max_of_row(x, n);
  *max_out = max;
  *sum_out = sum_vectors(n, [&](auto d, size_t i) HWY_ATTR {
    prefetch_to_l2(x, n + i);
    return exp_of_nonpositive(d, hn::Sub(load_float(d, x + i), hn::Set(d, max)));
  });
}

template <typename T>
void scaled_exp(const void* x_, size_t n, float max, float factor, void* out_, bool stream) {
  auto x = static_cast<const T*>(x_);
  store_row(stream, static_cast<T*>(out_), n, [&](auto d, size_t i) HWY_ATTR {
    prefetch_to_l2(x, n + i);
    return hn::Mul(exp_of_nonpositive(d, hn::Sub(load_float(d, x + i), hn::Set(d, max))),
                   hn::Set(d, factor));
  });
}

template <typename T>
constexpr SoftmaxKernels kKernels{softmax_row<T>, max_and_sum<T>, scaled_exp<T>};

const SoftmaxKernels* simd_softmax_kernels(Dtype dtype) {
  switch (dtype.val()) {
    case Dtype::Val::float32:
      return &kKernels<float>;
    case Dtype::Val::float16:
      return &kKernels<float16_t>;
    case Dtype::Val::bfloat16:
      return &kKernels<bfloat16_t>;
    default:
      return nullptr;
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mlx::core::cpu {

HWY_EXPORT(simd_softmax_kernels);

const SoftmaxKernels& softmax_kernels(Dtype dtype) {
  const SoftmaxKernels* kernels = HWY_DYNAMIC_DISPATCH(simd_softmax_kernels)(dtype);
  internal_check(kernels != nullptr, "no softmax kernels for this dtype");
  return *kernels;
}

}  // namespace mlx::core::cpu
#endif
