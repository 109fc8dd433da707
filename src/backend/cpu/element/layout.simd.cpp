// Block kernels that move data: select, fill, gather, scatter, transpose, streaming copy.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/element/layout.simd.cpp"
#include <hwy/foreach_target.h>

#include "backend/cpu/element/block-inl.h"
#include "backend/cpu/element/families.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {

template <class T>
void select_block(void* dst, const void* const* sources, size_t n, const void*) {
  auto* out = static_cast<T*>(dst);
  auto* mask = static_cast<const uint8_t*>(sources[0]);
  auto* yes = static_cast<const T*>(sources[1]);
  auto* no = static_cast<const T*>(sources[2]);
#pragma GCC ivdep
  for (size_t i = 0; i < n; ++i) {
    T a = yes[i];
    T b = no[i];
    out[i] = mask[i] ? a : b;
  }
}

BlockKernel find_select_kernel(size_t itemsize) {
  switch (itemsize) {
    case 1:
      return &select_block<uint8_t>;
    case 2:
      return &select_block<uint16_t>;
    case 4:
      return &select_block<uint32_t>;
    default:
      return &select_block<uint64_t>;
  }
}

template <class T>
void fill_items(void* dst, const void* value, size_t n) {
  T x;
  std::memcpy(&x, value, sizeof(T));
  auto* out = static_cast<T*>(dst);
  for (size_t i = 0; i < n; ++i) out[i] = x;
}

template <class T>
void gather_items(void* HWY_RESTRICT dst, const void* HWY_RESTRICT src, int64_t stride, size_t n) {
  auto* out = static_cast<T*>(dst);
  auto* in = static_cast<const T*>(src);
  for (size_t i = 0; i < n; ++i) out[i] = in[static_cast<int64_t>(i) * stride];
}

template <class T>
void scatter_items(void* HWY_RESTRICT dst, const void* HWY_RESTRICT src, int64_t stride, size_t n) {
  auto* out = static_cast<T*>(dst);
  auto* in = static_cast<const T*>(src);
  for (size_t i = 0; i < n; ++i) out[static_cast<int64_t>(i) * stride] = in[i];
}

/** A square of items that fills 16-byte vectors, transposed by perfect shuffles. */
template <class T>
HWY_INLINE void transpose_square(T* HWY_RESTRICT dst, int64_t dst_stride, const T* HWY_RESTRICT src,
                                 int64_t src_stride) {
  constexpr int N = 16 / sizeof(T);
#if HWY_HAVE_SCALABLE || HWY_TARGET == HWY_SCALAR
  for (int i = 0; i < N; ++i) {
    for (int j = 0; j < N; ++j) dst[i * dst_stride + j] = src[j * src_stride + i];
  }
#else
  const hn::FixedTag<T, N> d;
  hn::Vec<decltype(d)> a[N], b[N];
  for (int j = 0; j < N; ++j) a[j] = hn::LoadU(d, src + j * src_stride);
  for (int step = 1; step < N; step *= 2) {
    for (int i = 0; i < N / 2; ++i) {
      b[2 * i] = hn::InterleaveLower(d, a[i], a[i + N / 2]);
      b[2 * i + 1] = hn::InterleaveUpper(d, a[i], a[i + N / 2]);
    }
    for (int i = 0; i < N; ++i) a[i] = b[i];
  }
  for (int i = 0; i < N; ++i) hn::StoreU(a[i], d, dst + i * dst_stride);
#endif
}

#if HWY_TARGET <= HWY_AVX3
/** 16 x 16 items of four bytes: whole cache lines on both sides. */
HWY_INLINE void transpose_square16(uint32_t* HWY_RESTRICT dst, int64_t dst_stride,
                                   const uint32_t* HWY_RESTRICT src, int64_t src_stride) {
  for (int c = 0; c < 16; c += 4) {
    __m512i q[4];
    for (int k = 0; k < 4; ++k) {
      auto part = [&](int row) HWY_ATTR {
        return _mm_loadu_si128(reinterpret_cast<const __m128i*>(src + (k + row) * src_stride + c));
      };
      q[k] = _mm512_inserti32x4(_mm512_castsi128_si512(part(0)), part(4), 1);
      q[k] = _mm512_inserti32x4(_mm512_inserti32x4(q[k], part(8), 2), part(12), 3);
    }
    const __m512i a = _mm512_unpacklo_epi32(q[0], q[1]), b = _mm512_unpackhi_epi32(q[0], q[1]);
    const __m512i e = _mm512_unpacklo_epi32(q[2], q[3]), f = _mm512_unpackhi_epi32(q[2], q[3]);
    uint32_t* to = dst + c * dst_stride;
    _mm512_storeu_si512(to, _mm512_unpacklo_epi64(a, e));
    _mm512_storeu_si512(to + dst_stride, _mm512_unpackhi_epi64(a, e));
    _mm512_storeu_si512(to + 2 * dst_stride, _mm512_unpacklo_epi64(b, f));
    _mm512_storeu_si512(to + 3 * dst_stride, _mm512_unpackhi_epi64(b, f));
  }
}
#endif

template <class T>
void transpose_items(void* dst, int64_t dst_stride, const void* src, int64_t src_stride,
                     size_t rows, size_t columns) {
  constexpr size_t N = 16 / sizeof(T);
  auto* out = static_cast<T*>(dst);
  auto* in = static_cast<const T*>(src);
  size_t full_rows = rows / N * N;
  size_t full_columns = columns / N * N;
  size_t first_row = 0;
#if HWY_TARGET <= HWY_AVX3
  if constexpr (sizeof(T) == 4) {
    if (columns % 16 == 0) {
      first_row = rows / 16 * 16;
      for (size_t j = 0; j < columns; j += 16) {
        for (size_t i = 0; i < first_row; i += 16) {
          transpose_square16(out + i * dst_stride + j, dst_stride, in + j * src_stride + i,
                             src_stride);
        }
      }
    }
  }
#endif
  for (size_t j = 0; j < full_columns; j += N) {
    for (size_t i = first_row; i < full_rows; i += N) {
      transpose_square(out + i * dst_stride + j, dst_stride, in + j * src_stride + i, src_stride);
    }
  }
  for (size_t i = 0; i < rows; ++i) {
    for (size_t j = i < full_rows ? full_columns : 0; j < columns; ++j) {
      out[static_cast<int64_t>(i) * dst_stride + static_cast<int64_t>(j)] =
          in[static_cast<int64_t>(j) * src_stride + static_cast<int64_t>(i)];
    }
  }
}

void copy_all_rows(char* dst, int64_t dst_stride, const char* src, int64_t src_stride, size_t rows,
                   size_t bytes, bool stream) {
  const hn::ScalableTag<uint8_t> d;
  const size_t lanes = hn::Lanes(d);
  for (size_t r = 0; r < rows; ++r, dst += dst_stride, src += src_stride) {
    auto* to = reinterpret_cast<uint8_t*>(dst);
    auto* from = reinterpret_cast<const uint8_t*>(src);
    size_t i = 0;
    if (stream && reinterpret_cast<uintptr_t>(to) % 64 == 0) {
      for (; i + lanes <= bytes; i += lanes) hn::Stream(hn::LoadU(d, from + i), d, to + i);
    } else if (bytes >= 1024) {
      std::memcpy(to, from, bytes);
      continue;
    } else {
      for (; i + lanes <= bytes; i += lanes) hn::StoreU(hn::LoadU(d, from + i), d, to + i);
    }
    if (i < bytes) std::memcpy(to + i, from + i, bytes - i);
  }
}

#define MLX_BY_SIZE(call) \
  switch (itemsize) {     \
    case 1: {             \
      using T = uint8_t;  \
      call;               \
    } break;              \
    case 2: {             \
      using T = uint16_t; \
      call;               \
    } break;              \
    case 4: {             \
      using T = uint32_t; \
      call;               \
    } break;              \
    default: {            \
      using T = uint64_t; \
      call;               \
    } break;              \
  }

void fill_any(void* dst, const void* value, size_t n, size_t itemsize) {
  MLX_BY_SIZE(fill_items<T>(dst, value, n))
}
void gather_any(void* dst, const void* src, int64_t stride, size_t n, size_t itemsize) {
  MLX_BY_SIZE(gather_items<T>(dst, src, stride, n))
}
void scatter_any(void* dst, const void* src, int64_t stride, size_t n, size_t itemsize) {
  MLX_BY_SIZE(scatter_items<T>(dst, src, stride, n))
}
void transpose_any(void* dst, int64_t dst_stride, const void* src, int64_t src_stride, size_t rows,
                   size_t columns, size_t itemsize) {
  MLX_BY_SIZE(transpose_items<T>(dst, dst_stride, src, src_stride, rows, columns))
}
#undef MLX_BY_SIZE

}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mlx::core::cpu {

HWY_EXPORT(find_select_kernel);
HWY_EXPORT(fill_any);
HWY_EXPORT(gather_any);
HWY_EXPORT(scatter_any);
HWY_EXPORT(transpose_any);
HWY_EXPORT(copy_all_rows);

BlockKernel select_kernel(size_t itemsize) {
  return HWY_DYNAMIC_DISPATCH(find_select_kernel)(itemsize);
}
void fill_block(void* dst, const void* value, size_t n, size_t itemsize) {
  HWY_DYNAMIC_DISPATCH(fill_any)(dst, value, n, itemsize);
}
void gather_block(void* dst, const void* src, int64_t stride, size_t n, size_t itemsize) {
  HWY_DYNAMIC_DISPATCH(gather_any)(dst, src, stride, n, itemsize);
}
void scatter_block(void* dst, const void* src, int64_t stride, size_t n, size_t itemsize) {
  HWY_DYNAMIC_DISPATCH(scatter_any)(dst, src, stride, n, itemsize);
}
void transpose_block(void* dst, int64_t dst_stride, const void* src, int64_t src_stride,
                     size_t rows, size_t columns, size_t itemsize) {
  HWY_DYNAMIC_DISPATCH(transpose_any)(dst, dst_stride, src, src_stride, rows, columns, itemsize);
}
void copy_rows(char* dst, int64_t dst_stride, const char* src, int64_t src_stride, size_t rows,
               size_t bytes, bool stream) {
  HWY_DYNAMIC_DISPATCH(copy_all_rows)(dst, dst_stride, src, src_stride, rows, bytes, stream);
}
void end_stream() { hwy::FlushStream(); }

}  // namespace mlx::core::cpu
#endif  // HWY_ONCE
