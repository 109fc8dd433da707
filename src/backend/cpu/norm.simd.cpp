// Row kernels of RMS and layer normalisation, for each SIMD target.
#include <cmath>

#include "backend/cpu/norm_kernels.h"
#include "base/errors.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/norm.simd.cpp"
#include "hwy/foreach_target.h"
//
#include "backend/cpu/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {
namespace {

// The row after this one is asked for over all of the work on this one, so that memory is read
// while results are written: its first half while the sums are taken, the other half with the
// results.
template <typename T>
HWY_INLINE void prefetch_first_half(const T* x, size_t n, size_t i) {
  prefetch_to_l2(x, n + i / 2);
}
template <typename T>
HWY_INLINE void prefetch_second_half(const T* x, size_t n, size_t i) {
  prefetch_to_l2(x, n + (n + i) / 2);
}

template <typename T>
float inverse_rms(const T* x, size_t n, float eps) {
  float sum = sum_vectors(n, [&](auto d, size_t i) HWY_ATTR {
    prefetch_first_half(x, n, i);
    auto v = load_float(d, x + i);
    return hn::Mul(v, v);
  });
  return 1.0f / std::sqrt(sum / static_cast<float>(n) + eps);
}

struct MeanAndScale {
  float mean;
  float scale;  // 1 / sqrt(variance + eps)
};

/** Two passes over the row, which is in cache: no cancellation. */
template <typename T>
MeanAndScale mean_and_scale(const T* x, size_t n, float eps) {
  float mean = sum_vectors(n,
                           [&](auto d, size_t i) HWY_ATTR {
                             prefetch_first_half(x, n, i);
                             return load_float(d, x + i);
                           }) /
               static_cast<float>(n);
  float squares = sum_vectors(n, [&](auto d, size_t i) HWY_ATTR {
    auto v = hn::Sub(load_float(d, x + i), hn::Set(d, mean));
    return hn::Mul(v, v);
  });
  return {mean, 1.0f / std::sqrt(squares / static_cast<float>(n) + eps)};
}

template <typename T>
void rms(const void* x_, const void* weight_, size_t n, float eps, void* out, bool stream) {
  auto x = static_cast<const T*>(x_);
  auto weight = static_cast<const T*>(weight_);
  const float scale = inverse_rms(x, n, eps);
  if (weight == nullptr) {
    store_row(stream, static_cast<T*>(out), n, [&](auto d, size_t i) HWY_ATTR {
      prefetch_second_half(x, n, i);
      return hn::Mul(load_float(d, x + i), hn::Set(d, scale));
    });
  } else {
    store_row(stream, static_cast<T*>(out), n, [&](auto d, size_t i) HWY_ATTR {
      prefetch_second_half(x, n, i);
      return hn::Mul(hn::Mul(load_float(d, x + i), hn::Set(d, scale)), load_float(d, weight + i));
    });
  }
}

template <typename T>
void layer(const void* x_, const void* weight_, const void* bias_, size_t n, float eps, void* out,
           bool stream) {
  auto x = static_cast<const T*>(x_);
  auto weight = static_cast<const T*>(weight_);
  auto bias = static_cast<const T*>(bias_);
  const MeanAndScale row = mean_and_scale(x, n, eps);
  auto normalized = [&](auto d, size_t i) HWY_ATTR {
    prefetch_second_half(x, n, i);
    return hn::Mul(hn::Sub(load_float(d, x + i), hn::Set(d, row.mean)), hn::Set(d, row.scale));
  };
  auto to = static_cast<T*>(out);
  if (weight == nullptr && bias == nullptr) {
    store_row(stream, to, n, normalized);
  } else if (bias == nullptr) {
    store_row(stream, to, n, [&](auto d, size_t i) HWY_ATTR {
      return hn::Mul(normalized(d, i), load_float(d, weight + i));
    });
  } else if (weight == nullptr) {
    store_row(stream, to, n, [&](auto d, size_t i) HWY_ATTR {
      return hn::Add(normalized(d, i), load_float(d, bias + i));
    });
  } else {
    store_row(stream, to, n, [&](auto d, size_t i) HWY_ATTR {
      return hn::MulAdd(normalized(d, i), load_float(d, weight + i), load_float(d, bias + i));
    });
  }
}

template <class D, typename T>
HWY_INLINE hn::Vec<D> weighted(D d, const T* cotangent, const T* weight, size_t i) {
  auto g = load_float(d, cotangent + i);
  return weight == nullptr ? g : hn::Mul(g, load_float(d, weight + i));
}

template <class D>
HWY_INLINE void add_to(D d, float* sums, size_t i, hn::Vec<D> v) {
  hn::StoreU(hn::Add(hn::LoadU(d, sums + i), v), d, sums + i);
}

// dx = r (g w) - x r^3 mean(g w x), with r = 1 / sqrt(mean(x^2) + eps).
template <typename T>
void rms_vjp(const void* x_, const void* weight_, const void* cotangent_, size_t n, float eps,
             void* dx_, float* dweight) {
  auto x = static_cast<const T*>(x_);
  auto weight = static_cast<const T*>(weight_);
  auto cotangent = static_cast<const T*>(cotangent_);
  auto dx = static_cast<T*>(dx_);
  const float r = inverse_rms(x, n, eps);
  const float dot = sum_vectors(n, [&](auto d, size_t i) HWY_ATTR {
    return hn::Mul(weighted(d, cotangent, weight, i), load_float(d, x + i));
  });
  const float factor = dot / static_cast<float>(n) * r * r * r;
  for_vectors(n, [&](auto d, size_t i) HWY_ATTR {
    auto v = load_float(d, x + i);
    auto gw = weighted(d, cotangent, weight, i);
    if (dweight != nullptr) {
      add_to(d, dweight, i, hn::Mul(load_float(d, cotangent + i), hn::Mul(v, hn::Set(d, r))));
    }
    store_float(d, hn::Sub(hn::Mul(gw, hn::Set(d, r)), hn::Mul(v, hn::Set(d, factor))), dx + i);
  });
}

// dx = r (g w - mean(g w) - y mean(g w y)), with y the normalised row.
template <typename T>
void layer_vjp(const void* x_, const void* weight_, const void* cotangent_, size_t n, float eps,
               void* dx_, float* dweight, float* dbias) {
  auto x = static_cast<const T*>(x_);
  auto weight = static_cast<const T*>(weight_);
  auto cotangent = static_cast<const T*>(cotangent_);
  auto dx = static_cast<T*>(dx_);
  const MeanAndScale row = mean_and_scale(x, n, eps);
  auto normalized = [&](auto d, size_t i) HWY_ATTR {
    return hn::Mul(hn::Sub(load_float(d, x + i), hn::Set(d, row.mean)), hn::Set(d, row.scale));
  };
  const float mean_g =
      sum_vectors(n, [&](auto d, size_t i) HWY_ATTR { return weighted(d, cotangent, weight, i); }) /
      static_cast<float>(n);
  const float mean_gy =
      sum_vectors(n,
                  [&](auto d, size_t i) HWY_ATTR {
                    return hn::Mul(weighted(d, cotangent, weight, i), normalized(d, i));
                  }) /
      static_cast<float>(n);
  for_vectors(n, [&](auto d, size_t i) HWY_ATTR {
    auto y = normalized(d, i);
    auto gw = weighted(d, cotangent, weight, i);
    if (dweight != nullptr) add_to(d, dweight, i, hn::Mul(load_float(d, cotangent + i), y));
    if (dbias != nullptr) add_to(d, dbias, i, load_float(d, cotangent + i));
    auto centered = hn::Sub(hn::Sub(gw, hn::Set(d, mean_g)), hn::Mul(y, hn::Set(d, mean_gy)));
    store_float(d, hn::Mul(centered, hn::Set(d, row.scale)), dx + i);
  });
}

template <typename T>
constexpr NormKernels kKernels{rms<T>, layer<T>, rms_vjp<T>, layer_vjp<T>};

const NormKernels* simd_norm_kernels(Dtype dtype) {
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

HWY_EXPORT(simd_norm_kernels);

const NormKernels& norm_kernels(Dtype dtype) {
  const NormKernels* kernels = HWY_DYNAMIC_DISPATCH(simd_norm_kernels)(dtype);
  internal_check(kernels != nullptr, "no norm kernels for this dtype");
  return *kernels;
}

}  // namespace mlx::core::cpu
#endif
