// Wrapping and limiting of 32-bit indices in vectors, and reads of the elements they name.
#include <algorithm>
#include <cstring>

#include "backend/cpu/index_kernels.h"
#include "base/dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/index_offsets.simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/** Indices counted from the start of the axis: those from its end are wrapped, unsigned ones that
 * int32 cannot hold become its largest value, which is outside. */
template <class D>
HWY_INLINE hn::Vec<D> load_starts(D d, const Indices32& indices, int64_t i) {
  if (indices.is_signed) {
    const auto v = hn::LoadU(d, static_cast<const int32_t*>(indices.data) + i);
    const auto wrapped = hn::Add(v, hn::Set(d, indices.axis_length));
    return hn::IfThenElse(hn::Lt(v, hn::Zero(d)), wrapped, v);
  }
  const hn::RebindToUnsigned<D> du;
  const auto v = hn::LoadU(du, static_cast<const uint32_t*>(indices.data) + i);
  return hn::BitCast(d, hn::Min(v, hn::Set(du, 0x7fffffffu)));
}

template <class D>
HWY_INLINE hn::Vec<D> nearest(D d, const Indices32& indices, hn::Vec<D> starts) {
  return hn::Min(hn::Max(starts, hn::Zero(d)), hn::Set(d, std::max(indices.max_start, 0)));
}

/** Calls body(d, i) for whole vectors of int32 and then for single ones. */
template <class F>
HWY_INLINE void for_indices(int64_t count, F&& body) {
  const hn::ScalableTag<int32_t> d;
  const int64_t width = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + width <= count; i += width) body(d, i);
  for (; i < count; ++i) body(hn::CappedTag<int32_t, 1>(), i);
}

void AddOffsets32(const Indices32& indices, int64_t axis_stride, OutOfRange rule, int64_t count,
                  int64_t* offsets) {
  for_indices(count, [&](auto d, int64_t i) HWY_ATTR {
    HWY_ALIGN int32_t starts[HWY_MAX_BYTES / 4];
    const auto v = load_starts(d, indices, i);
    hn::Store(nearest(d, indices, v), d, starts);
    const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
    if (rule == OutOfRange::nearest) {
      for (int64_t j = 0; j < lanes; ++j) offsets[i + j] += starts[j] * axis_stride;
      return;
    }
    HWY_ALIGN int32_t out[HWY_MAX_BYTES / 4];
    const auto outside = hn::Or(hn::Lt(v, hn::Zero(d)), hn::Gt(v, hn::Set(d, indices.max_start)));
    hn::Store(hn::VecFromMask(d, outside), d, out);
    for (int64_t j = 0; j < lanes; ++j) {
      const int64_t offset = offsets[i + j];
      offsets[i + j] =
          out[j] != 0 || offset == kDropped ? kDropped : offset + starts[j] * axis_stride;
    }
  });
}

template <typename T>
void gather_elements(const T* from, int64_t step, const Indices32& indices, int32_t axis_stride,
                     int64_t count, T* out, bool streaming) {
  constexpr int64_t kBlock = 256;
  HWY_ALIGN int32_t offsets[kBlock];
  const hn::ScalableTag<int32_t> d;
  const int64_t width = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  if constexpr (sizeof(T) == 4) {
    const bool aligned = reinterpret_cast<uintptr_t>(out) % (4 * static_cast<size_t>(width)) == 0;
    const auto stride = hn::Set(d, axis_stride);
    const auto across = hn::Mul(hn::Iota(d, 0), hn::Set(d, static_cast<int32_t>(step)));
    const auto* source = reinterpret_cast<const int32_t*>(from);
    auto* target = reinterpret_cast<int32_t*>(out);
    for (; i + width <= count; i += width) {
      const auto starts = nearest(d, indices, load_starts(d, indices, i));
      const auto at = hn::Add(across, hn::Mul(starts, stride));
      const auto v = hn::GatherIndex(d, source + i * step, at);
      if (streaming && aligned)
        hn::Stream(v, d, target + i);
      else
        hn::StoreU(v, d, target + i);
    }
  }
  for (; i < count; i += kBlock) {
    const int64_t block = std::min(kBlock, count - i);
    for_indices(block, [&](auto dv, int64_t j) HWY_ATTR {
      const auto starts = nearest(dv, indices, load_starts(dv, indices, i + j));
      hn::Store(hn::Mul(starts, hn::Set(dv, axis_stride)), dv, offsets + j);
    });
    const T* row = from + i * step;
    for (int64_t j = 0; j < block; ++j) out[i + j] = row[j * step + offsets[j]];
  }
}

void GatherElements(size_t itemsize, const void* from, int64_t step, const Indices32& indices,
                    int32_t axis_stride, int64_t count, void* out, bool streaming) {
  dispatch_itemsize(itemsize, [&](auto tag) {
    using T = typename decltype(tag)::type;
    gather_elements(static_cast<const T*>(from), step, indices, axis_stride, count,
                    static_cast<T*>(out), streaming);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mlx::core::cpu {

HWY_EXPORT(AddOffsets32);
HWY_EXPORT(GatherElements);

void add_offsets32(const Indices32& indices, int64_t axis_stride, OutOfRange rule, int64_t count,
                   int64_t* offsets) {
  HWY_DYNAMIC_DISPATCH(AddOffsets32)(indices, axis_stride, rule, count, offsets);
}

void gather_elements(size_t itemsize, const void* from, int64_t step, const Indices32& indices,
                     int32_t axis_stride, int64_t count, void* out, bool streaming) {
  HWY_DYNAMIC_DISPATCH(GatherElements)
  (itemsize, from, step, indices, axis_stride, count, out, streaming);
}

}  // namespace mlx::core::cpu
#endif
