// Row kernels of blocked attention: masks and the running softmax over tiles of scores.
#include "backend/cpu/attention_kernels.h"

#include <algorithm>
#include <cmath>

#include "backend/cpu/gemm/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/attention_kernels.simd.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "backend/cpu/simd/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {
namespace {

using FloatTag = hn::ScalableTag<float>;
constexpr int64_t kWidth = static_cast<int64_t>(hn::MaxLanes(FloatTag()));

// `scores` has room for whole vectors: the elements past `count` are set to minus infinity.
float running_softmax(float* scores, int64_t count, float* max, float* sum) {
  const FloatTag d;
  const int64_t padded = (count + kWidth - 1) / kWidth * kWidth;
  std::fill(scores + count, scores + padded, -INFINITY);
  auto largest = hn::LoadU(d, scores);
  for (int64_t i = kWidth; i < padded; i += kWidth) {
    largest = hn::Max(largest, hn::LoadU(d, scores + i));
  }
  const float old_max = *max;
  const float new_max = std::max(old_max, hn::GetLane(hn::MaxOfLanes(d, largest)));
  if (new_max == -INFINITY) {  // added masks of minus infinity so far: nothing to sum yet
    std::fill(scores, scores + padded, 0.0f);
    return 1.0f;
  }
  const auto offset = hn::Set(d, new_max);
  auto total = hn::Zero(d);
  for (int64_t i = 0; i < padded; i += kWidth) {
    const auto e = exp(hn::Sub(hn::LoadU(d, scores + i), offset));
    total = hn::Add(total, e);
    hn::StoreU(e, d, scores + i);
  }
  const float factor = old_max == new_max ? 1.0f : std::exp(old_max - new_max);
  *sum = *sum * factor + hn::GetLane(hn::SumOfLanes(d, total));
  *max = new_max;
  return factor;
}

void scale(float* values, int64_t count, float factor) {
  const FloatTag d;
  const auto f = hn::Set(d, factor);
  int64_t i = 0;
  for (; i + kWidth <= count; i += kWidth) {
    hn::StoreU(hn::Mul(hn::LoadU(d, values + i), f), d, values + i);
  }
  for (; i < count; ++i) values[i] *= factor;
}

void add_mask(float* scores, const float* mask, int64_t count) {
  const FloatTag d;
  int64_t i = 0;
  for (; i + kWidth <= count; i += kWidth) {
    hn::StoreU(hn::Add(hn::LoadU(d, scores + i), hn::LoadU(d, mask + i)), d, scores + i);
  }
  for (; i < count; ++i) scores[i] += mask[i];
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mlx::core::cpu {

HWY_EXPORT(running_softmax);
HWY_EXPORT(scale);
HWY_EXPORT(add_mask);

void mask_scores(float* scores, const void* mask, Dtype mask_dtype, int64_t stride, int64_t count) {
  if (mask_dtype == bool_) {
    const auto* visible = static_cast<const bool*>(mask);
    for (int64_t i = 0; i < count; ++i) {
      scores[i] = visible[i * stride] ? scores[i] : kMaskedScore;
    }
    return;
  }
  constexpr int64_t kPiece = 256;
  alignas(64) float values[kPiece];
  const int64_t size = size_of(mask_dtype);
  for (int64_t k = 0; k < count; k += kPiece) {
    const int64_t part = std::min(kPiece, count - k);
    const char* source = static_cast<const char*>(mask) + k * stride * size;
    if (stride == 1) {
      convert_to_float(values, source, mask_dtype, part);
    } else {
      for (int64_t i = 0; i < part; ++i) {
        convert_to_float(values + i, source + i * stride * size, mask_dtype, 1);
      }
    }
    HWY_DYNAMIC_DISPATCH(add_mask)(scores + k, values, part);
  }
}

float softmax_step(float* scores, int64_t count, float* max, float* sum) {
  return HWY_DYNAMIC_DISPATCH(running_softmax)(scores, count, max, sum);
}

void scale_values(float* values, int64_t count, float factor) {
  HWY_DYNAMIC_DISPATCH(scale)(values, count, factor);
}

}  // namespace mlx::core::cpu
#endif
