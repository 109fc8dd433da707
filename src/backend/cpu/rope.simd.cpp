// Row kernels of the rotary position encoding, for each SIMD target.
#include "backend/cpu/rope_kernels.h"
#include "base/errors.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/rope.simd.cpp"
#include "hwy/foreach_target.h"
//
#include "backend/cpu/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {
namespace {

template <typename T>
void rotate(const void* x_, size_t n, size_t half, const float* cosines, const float* sines,
            bool traditional, void* out_, bool stream) {
  auto x = static_cast<const T*>(x_);
  auto out = static_cast<T*>(out_);
  if (traditional) {
    for (size_t i = 0; i < half; ++i) {
      float a = static_cast<float>(x[2 * i]);
      float b = static_cast<float>(x[2 * i + 1]);
      out[2 * i] = T(a * cosines[i] - b * sines[i]);
      out[2 * i + 1] = T(a * sines[i] + b * cosines[i]);
    }
  } else {
    auto first = [&](auto d, size_t i) HWY_ATTR {
      return hn::Sub(hn::Mul(load_float(d, x + i), hn::LoadU(d, cosines + i)),
                     hn::Mul(load_float(d, x + half + i), hn::LoadU(d, sines + i)));
    };
    auto second = [&](auto d, size_t i) HWY_ATTR {
      return hn::Add(hn::Mul(load_float(d, x + i), hn::LoadU(d, sines + i)),
                     hn::Mul(load_float(d, x + half + i), hn::LoadU(d, cosines + i)));
    };
    if (stream) {  // never in place, so the halves may be written one after the other
      store_row(true, out, half, first);
      store_row(true, out + half, half, second);
    } else {
      for_vectors(half, [&](auto d, size_t i) HWY_ATTR {
        auto a = first(d, i);
        auto b = second(d, i);
        store_float(d, a, out + i);
        store_float(d, b, out + half + i);
      });
    }
  }
  if (x != out) {
    for (size_t i = 2 * half; i < n; ++i) out[i] = x[i];
  }
}

RopeKernel simd_rope_kernel(Dtype dtype) {
  switch (dtype.val()) {
    case Dtype::Val::float32:
      return rotate<float>;
    case Dtype::Val::float16:
      return rotate<float16_t>;
    case Dtype::Val::bfloat16:
      return rotate<bfloat16_t>;
    default:
      return nullptr;
  }
}

void simd_cos_sin(const float* angles, size_t n, float* cosines, float* sines) {
  for_vectors(n, [&](auto d, size_t i) HWY_ATTR {
    auto angle = hn::LoadU(d, angles + i);
    hn::StoreU(cos(angle), d, cosines + i);
    hn::StoreU(sin(angle), d, sines + i);
  });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mlx::core::cpu {

HWY_EXPORT(simd_rope_kernel);
HWY_EXPORT(simd_cos_sin);

RopeKernel rope_kernel(Dtype dtype) {
  RopeKernel kernel = HWY_DYNAMIC_DISPATCH(simd_rope_kernel)(dtype);
  internal_check(kernel != nullptr, "no rope kernel for this dtype");
  return kernel;
}

void cos_sin(const float* angles, size_t n, float* cosines, float* sines) {
  HWY_DYNAMIC_DISPATCH(simd_cos_sin)(angles, n, cosines, sines);
}

}  // namespace mlx::core::cpu
#endif
