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

template <class T>
void transpose_items(void* dst, int64_t dst_stride, const void* src, int64_t src_stride,
                     size_t rows, size_t columns) {
  constexpr size_t N = 16 / sizeof(T);
  auto* out = static_cast<T*>(dst);
  auto* in = static_cast<const T*>(src);
  size_t full_rows = rows / N * N;
  size_t full_columns = columns / N * N;
  for (size_t j = 0; j < full_columns; j += N) {
    for (size_t i = 0; i < full_rows; i += N) {
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

void stream_copy(void* dst, const void* src, size_t bytes) { stream_bytes(dst, src, bytes); }

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
HWY_EXPORT(stream_copy);

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
void stream_block(void* dst, const void* src, size_t bytes) {
  HWY_DYNAMIC_DISPATCH(stream_copy)(dst, src, bytes);
}
void end_stream() { hwy::FlushStream(); }

}  // namespace mlx::core::cpu
#endif  // HWY_ONCE
