// Copies of rows from computed places.
#include "backend/cpu/gather.h"

#include <hwy/cache_control.h>

#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/gather.simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// More rows than a core has buffers for its first-level cache: they are asked into the second one.
constexpr int64_t kPrefetchDistance = 64;

HWY_INLINE void prefetch_row(const char* row, int64_t row_bytes) {
#if defined(__GNUC__)
  __builtin_prefetch(row, 0, 2);
  if (row_bytes > 64) __builtin_prefetch(row + 64, 0, 2);
#endif
}

/** Calls copy(from, to) for each row, asking for rows ahead of time. */
template <typename Copy>
HWY_INLINE void for_each_row(const char* in, const int64_t* offsets, int64_t count,
                             int64_t row_bytes, char* out, const Copy& copy) {
  for (int64_t i = 0; i < kPrefetchDistance && i < count; ++i) {
    prefetch_row(in + offsets[i], row_bytes);
  }
  for (int64_t i = 0; i < count; ++i) {
    if (i + kPrefetchDistance < count) {
      prefetch_row(in + offsets[i + kPrefetchDistance], row_bytes);
    }
    copy(in + offsets[i], out + i * row_bytes);
  }
}

template <typename T>
HWY_INLINE void copy_elements(const char* in, const int64_t* offsets, int64_t count, char* out) {
  for_each_row(in, offsets, count, sizeof(T), out,
               [](const char* from, char* to) HWY_ATTR { std::memcpy(to, from, sizeof(T)); });
}

void CopyIndexedRows(const char* in, const int64_t* offsets, int64_t count, int64_t row_bytes,
                     char* out, bool streaming) {
  const hn::ScalableTag<uint8_t> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const bool aligned =
      row_bytes % lanes == 0 && reinterpret_cast<uintptr_t>(out) % static_cast<size_t>(lanes) == 0;
  if (streaming && aligned) {
    for_each_row(in, offsets, count, row_bytes, out, [&](const char* from, char* to) HWY_ATTR {
      for (int64_t b = 0; b < row_bytes; b += lanes) {
        const auto v = hn::LoadU(d, reinterpret_cast<const uint8_t*>(from + b));
        hn::Stream(v, d, reinterpret_cast<uint8_t*>(to + b));
      }
    });
    hwy::FlushStream();
    return;
  }
  switch (row_bytes) {
    case 1:
      return copy_elements<uint8_t>(in, offsets, count, out);
    case 2:
      return copy_elements<uint16_t>(in, offsets, count, out);
    case 4:
      return copy_elements<uint32_t>(in, offsets, count, out);
    case 8:
      return copy_elements<uint64_t>(in, offsets, count, out);
  }
  if (row_bytes <= 1024 && row_bytes >= lanes) {
    // Whole vectors, the last one moved back so that it ends with the row.
    for_each_row(in, offsets, count, row_bytes, out, [&](const char* from, char* to) HWY_ATTR {
      int64_t b = 0;
      for (; b + lanes <= row_bytes; b += lanes) {
        hn::StoreU(hn::LoadU(d, reinterpret_cast<const uint8_t*>(from + b)), d,
                   reinterpret_cast<uint8_t*>(to + b));
      }
      if (b < row_bytes) {
        b = row_bytes - lanes;
        hn::StoreU(hn::LoadU(d, reinterpret_cast<const uint8_t*>(from + b)), d,
                   reinterpret_cast<uint8_t*>(to + b));
      }
    });
    return;
  }
  for_each_row(in, offsets, count, row_bytes, out,
               [&](const char* from, char* to) { std::memcpy(to, from, row_bytes); });
}

}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mlx::core::cpu {

HWY_EXPORT(CopyIndexedRows);

void copy_indexed_rows(const char* in, const int64_t* offsets, int64_t count, int64_t row_bytes,
                       char* out, bool streaming) {
  HWY_DYNAMIC_DISPATCH(CopyIndexedRows)(in, offsets, count, row_bytes, out, streaming);
}

}  // namespace mlx::core::cpu
#endif
