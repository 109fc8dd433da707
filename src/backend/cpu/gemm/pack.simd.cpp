// Packers, which copy operands into the slivers micro-kernels read, and the stores of finished
// tiles.
#include <algorithm>
#include <array>
#include <cstring>

#include "backend/cpu/gemm/kernels.h"
#include "base/dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/gemm/pack.simd.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
using HalfBitsTag = hn::Rebind<uint16_t, FloatTag>;

// Loads one vector of elements as T.
template <typename D, typename T>
HWY_INLINE hn::Vec<D> load(D d, const T* src) {
  return hn::LoadU(d, src);
}
template <typename D>
HWY_INLINE hn::Vec<D> load(D d, const float16_t* src) {
  const hn::Rebind<uint16_t, D> d16;
  const hn::Rebind<hwy::float16_t, D> dh;
  return hn::PromoteTo(d, hn::BitCast(dh, hn::LoadU(d16, reinterpret_cast<const uint16_t*>(src))));
}
template <typename D>
HWY_INLINE hn::Vec<D> load(D d, const bfloat16_t* src) {
  const hn::Rebind<uint16_t, D> d16;
  const hn::RebindToUnsigned<D> d32;
  const auto bits = hn::PromoteTo(d32, hn::LoadU(d16, reinterpret_cast<const uint16_t*>(src)));
  return hn::BitCast(d, hn::ShiftLeft<16>(bits));
}

template <typename D>
HWY_INLINE void store(hn::Vec<D> v, D d, float* dst) {
  hn::StoreU(v, d, dst);
}
template <typename D>
HWY_INLINE void store(hn::Vec<D> v, D d, float16_t* dst) {
  const hn::Rebind<uint16_t, D> d16;
  const hn::Rebind<hwy::float16_t, D> dh;
  hn::StoreU(hn::BitCast(d16, hn::DemoteTo(dh, v)), d16, reinterpret_cast<uint16_t*>(dst));
}
// Rounds to nearest even; a NaN keeps its high bits and stays a NaN.
template <typename D>
HWY_INLINE void store(hn::Vec<D> v, D d, bfloat16_t* dst) {
  const hn::RebindToUnsigned<D> d32;
  const hn::RebindToSigned<D> ds32;
  const hn::Rebind<uint16_t, D> d16;
  const auto bits = hn::BitCast(d32, v);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(d32, 1));
  const auto rounded = hn::Add(bits, hn::Add(odd, hn::Set(d32, 0x7fff)));
  const auto quiet = hn::Or(bits, hn::Set(d32, 0x400000));
  const auto is_nan = hn::RebindMask(d32, hn::IsNaN(v));
  const auto high = hn::ShiftRight<16>(hn::IfThenElse(is_nan, quiet, rounded));
  hn::StoreU(hn::DemoteTo(d16, hn::BitCast(ds32, high)), d16, reinterpret_cast<uint16_t*>(dst));
}

// Reads the first `count` elements of a vector without touching what follows them.
template <typename D, typename T>
HWY_INLINE hn::Vec<D> load_first(D d, const T* src, int count) {
  if constexpr (HWY_TARGET <= HWY_AVX2 && std::is_same_v<T, hn::TFromD<D>>) {
    return hn::MaskedLoad(hn::FirstN(d, static_cast<size_t>(count)), d, src);
  }
  HWY_ALIGN T buffer[hn::MaxLanes(FloatTag()) * 2] = {};
  std::memcpy(static_cast<void*>(buffer), src, count * sizeof(T));
  return load(d, buffer);
}

template <typename S>
void convert_in(float* dst, const S* src, int64_t size) {
  const FloatTag d;
  const int64_t lanes = hn::Lanes(d);
  int64_t i = 0;
  for (; i + lanes <= size; i += lanes) hn::StoreU(load(d, src + i), d, dst + i);
  for (; i < size; ++i) dst[i] = static_cast<float>(src[i]);
}

template <typename S>
void convert_out(S* dst, const float* src, int64_t size) {
  const FloatTag d;
  const int64_t lanes = hn::Lanes(d);
  int64_t i = 0;
  for (; i + lanes <= size; i += lanes) store(hn::LoadU(d, src + i), d, dst + i);
  for (; i < size; ++i) dst[i] = S(src[i]);
}

#if HWY_TARGET == HWY_SCALAR
template <typename T>
void transpose_sliver(T* dst, int width, const T* src, int64_t lane_stride, int lanes,
                      int64_t depth) {
  for (int64_t k = 0; k < depth; ++k) {
    for (int i = 0; i < lanes; ++i) dst[k * width + i] = src[i * lane_stride + k];
  }
}
#else
// A vector whose 128-bit block j holds one block from the row j * kStep + first.
template <typename D, typename T>
HWY_INLINE hn::Vec<D> gather_blocks(D d, const T* const* rows, int64_t k) {
  if constexpr (hn::MaxLanes(D()) * sizeof(T) == 16) {
    return hn::LoadU(d, rows[0] + k);
  } else {
    constexpr int kPerBlock = 16 / sizeof(T);
    const hn::Half<D> half;
    constexpr int kHalfBlocks = static_cast<int>(hn::MaxLanes(D())) / kPerBlock / 2;
    return hn::Combine(d, gather_blocks(half, rows + kHalfBlocks * kPerBlock, k),
                       gather_blocks(half, rows, k));
  }
}

// Transposes 4x4 (float) or 2x2 (double) elements inside each 128-bit block.
HWY_INLINE void transpose_blocks(FloatTag d, hn::Vec<FloatTag>* v) {
  const hn::RepartitionToWide<FloatTag> dw;
  const auto low01 = hn::BitCast(dw, hn::InterleaveLower(d, v[0], v[1]));
  const auto low23 = hn::BitCast(dw, hn::InterleaveLower(d, v[2], v[3]));
  const auto high01 = hn::BitCast(dw, hn::InterleaveUpper(d, v[0], v[1]));
  const auto high23 = hn::BitCast(dw, hn::InterleaveUpper(d, v[2], v[3]));
  v[0] = hn::BitCast(d, hn::InterleaveLower(dw, low01, low23));
  v[1] = hn::BitCast(d, hn::InterleaveUpper(dw, low01, low23));
  v[2] = hn::BitCast(d, hn::InterleaveLower(dw, high01, high23));
  v[3] = hn::BitCast(d, hn::InterleaveUpper(dw, high01, high23));
}
HWY_INLINE void transpose_blocks(hn::ScalableTag<double> d, hn::Vec<hn::ScalableTag<double>>* v) {
  const auto low = hn::InterleaveLower(d, v[0], v[1]);
  v[1] = hn::InterleaveUpper(d, v[0], v[1]);
  v[0] = low;
}

// Packs `lanes` rows that are contiguous along k, by transposing in registers. Rows past the last
// are repeats of it; what they leave past `width` is overwritten by the next k.
template <int kGroups, typename T>
void transpose_rows(T* dst, int width, const T* src, int64_t lane_stride, int lanes,
                    int64_t depth) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  constexpr int kLanes = static_cast<int>(hn::MaxLanes(hn::ScalableTag<T>()));
  constexpr int kBlock = 16 / sizeof(T);
  const T* rows[kGroups * kLanes];
  for (int i = 0; i < kGroups * kLanes; ++i) rows[i] = src + std::min(i, lanes - 1) * lane_stride;
  int64_t k = 0;
  for (; k + kBlock <= depth; k += kBlock) {
    V v[kGroups][kBlock];
#pragma GCC unroll 4
    for (int g = 0; g < kGroups; ++g) {
#pragma GCC unroll 4
      for (int j = 0; j < kBlock; ++j) v[g][j] = gather_blocks(d, rows + g * kLanes + j, k);
      transpose_blocks(d, v[g]);
    }
#pragma GCC unroll 4
    for (int j = 0; j < kBlock; ++j) {
#pragma GCC unroll 4
      for (int g = 0; g < kGroups; ++g) hn::StoreU(v[g][j], d, dst + (k + j) * width + g * kLanes);
    }
  }
  for (; k < depth; ++k) {
    for (int i = 0; i < lanes; ++i) dst[k * width + i] = rows[i][k];
  }
}

template <typename T>
void transpose_sliver(T* dst, int width, const T* src, int64_t lane_stride, int lanes,
                      int64_t depth) {
  constexpr int kLanes = static_cast<int>(hn::MaxLanes(hn::ScalableTag<T>()));
  static_assert(4 * kLanes <= kPackSlack);
  switch ((lanes + kLanes - 1) / kLanes) {
    case 1:
      return transpose_rows<1>(dst, width, src, lane_stride, lanes, depth);
    case 2:
      return transpose_rows<2>(dst, width, src, lane_stride, lanes, depth);
    default:
      return transpose_rows<4>(dst, width, src, lane_stride, lanes, depth);
  }
}
#endif  // HWY_SCALAR

// Packs elements that are contiguous along the lanes: rows of one or two vectors are copied.
template <typename T, typename S>
void copy_sliver(T* dst, int width, const S* src, int64_t depth_stride, int lanes, int64_t depth) {
  const hn::ScalableTag<T> d;
  constexpr int kLanes = static_cast<int>(hn::MaxLanes(hn::ScalableTag<T>()));
  if (lanes == 2 * kLanes) {
    for (int64_t k = 0; k < depth; ++k, src += depth_stride, dst += width) {
      const auto first = load(d, src);
      const auto second = load(d, src + kLanes);
      hn::StoreU(first, d, dst);
      hn::StoreU(second, d, dst + kLanes);
    }
    return;
  }
  const int whole = lanes / kLanes * kLanes;
  const int rest = lanes - whole;
  for (int64_t k = 0; k < depth; ++k, src += depth_stride, dst += width) {
    for (int i = 0; i < whole; i += kLanes) hn::StoreU(load(d, src + i), d, dst + i);
    if (rest > 0) hn::StoreU(load_first(d, src + whole, rest), d, dst + whole);
  }
}

template <typename T, typename S>
void pack(T* dst, int width, const S* src, int64_t lane_stride, int64_t depth_stride, int lanes,
          int64_t depth) {
  if (lane_stride == 1) return copy_sliver(dst, width, src, depth_stride, lanes, depth);
  if (depth_stride == 1) {
    if constexpr (std::is_same_v<T, S>) {
      return transpose_sliver(dst, width, src, lane_stride, lanes, depth);
    } else {
      // Convert pieces of the rows first: they stay in the first-level cache.
      constexpr int64_t kPiece = 64;
      constexpr int kMaxLanes = 64;
      alignas(64) T piece[kMaxLanes * kPiece];
      for (int64_t k = 0; k < depth; k += kPiece) {
        const int64_t size = std::min(kPiece, depth - k);
        for (int i = 0; i < lanes; ++i) {
          convert_in(piece + i * kPiece, src + i * lane_stride + k, size);
        }
        transpose_sliver(dst + k * width, width, piece, kPiece, lanes, size);
      }
      return;
    }
  }
  for (int64_t k = 0; k < depth; ++k) {
    for (int i = 0; i < lanes; ++i) {
      dst[k * width + i] = static_cast<T>(src[i * lane_stride + k * depth_stride]);
    }
  }
}

void pack_float(float* dst, int width, const void* src, Dtype dtype, int64_t lane_stride,
                int64_t depth_stride, int lanes, int64_t depth) {
  switch (dtype.val()) {
    case Dtype::Val::float16:
      return pack(dst, width, static_cast<const float16_t*>(src), lane_stride, depth_stride, lanes,
                  depth);
    case Dtype::Val::bfloat16:
      return pack(dst, width, static_cast<const bfloat16_t*>(src), lane_stride, depth_stride, lanes,
                  depth);
    default:
      return pack(dst, width, static_cast<const float*>(src), lane_stride, depth_stride, lanes,
                  depth);
  }
}

void pack_double(double* dst, int width, const void* src, int64_t lane_stride, int64_t depth_stride,
                 int lanes, int64_t depth) {
  pack(dst, width, static_cast<const double*>(src), lane_stride, depth_stride, lanes, depth);
}

template <typename S>
void store_rows(S* out, int64_t out_row_stride, const float* sums, int64_t ld, int64_t rows,
                int64_t columns, const Epilogue& epilogue) {
  const FloatTag d;
  const int64_t lanes = hn::Lanes(d);
  const auto alpha = hn::Set(d, epilogue.alpha);
  const auto beta = hn::Set(d, epilogue.beta);
  const bool vector_addend = epilogue.addend_column_stride == 1;
  for (int64_t i = 0; i < rows; ++i, out += out_row_stride, sums += ld) {
    if (epilogue.alpha == 1.0f && epilogue.beta == 0.0f) {
      convert_out(out, sums, columns);
      continue;
    }
    const S* addend = static_cast<const S*>(epilogue.addend) + i * epilogue.addend_row_stride;
    int64_t j = 0;
    if (vector_addend || epilogue.beta == 0.0f) {
      for (; j + lanes <= columns; j += lanes) {
        auto v = hn::Mul(alpha, hn::LoadU(d, sums + j));
        if (epilogue.beta != 0.0f) v = hn::Add(v, hn::Mul(beta, load(d, addend + j)));
        store(v, d, out + j);
      }
    }
    for (; j < columns; ++j) {
      float v = epilogue.alpha * sums[j];
      if (epilogue.beta != 0.0f) {
        v += epilogue.beta * static_cast<float>(addend[j * epilogue.addend_column_stride]);
      }
      out[j] = S(v);
    }
  }
}

void store_float(void* out, Dtype dtype, int64_t out_row_stride, const float* sums, int64_t ld,
                 int64_t rows, int64_t columns, const Epilogue& epilogue) {
  switch (dtype.val()) {
    case Dtype::Val::float16:
      return store_rows(static_cast<float16_t*>(out), out_row_stride, sums, ld, rows, columns,
                        epilogue);
    case Dtype::Val::bfloat16:
      return store_rows(static_cast<bfloat16_t*>(out), out_row_stride, sums, ld, rows, columns,
                        epilogue);
    default:
      return store_rows(static_cast<float*>(out), out_row_stride, sums, ld, rows, columns,
                        epilogue);
  }
}

void to_float(float* dst, const void* src, Dtype dtype, int64_t size) {
  switch (dtype.val()) {
    case Dtype::Val::float16:
      return convert_in(dst, static_cast<const float16_t*>(src), size);
    case Dtype::Val::bfloat16:
      return convert_in(dst, static_cast<const bfloat16_t*>(src), size);
    default:
      return convert_in(dst, static_cast<const float*>(src), size);
  }
}

void from_float(void* dst, Dtype dtype, const float* src, int64_t size) {
  switch (dtype.val()) {
    case Dtype::Val::float16:
      return convert_out(static_cast<float16_t*>(dst), src, size);
    case Dtype::Val::bfloat16:
      return convert_out(static_cast<bfloat16_t*>(dst), src, size);
    default:
      return convert_out(static_cast<float*>(dst), src, size);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mlx::core::cpu {

HWY_EXPORT(pack_float);
HWY_EXPORT(pack_double);
HWY_EXPORT(store_float);
HWY_EXPORT(to_float);
HWY_EXPORT(from_float);

void pack_sliver(float* dst, int width, const void* src, Dtype dtype, int64_t lane_stride,
                 int64_t depth_stride, int lanes, int64_t depth) {
  HWY_DYNAMIC_DISPATCH(pack_float)
  (dst, width, src, dtype, lane_stride, depth_stride, lanes, depth);
}

void pack_sliver(double* dst, int width, const void* src, Dtype dtype, int64_t lane_stride,
                 int64_t depth_stride, int lanes, int64_t depth) {
  HWY_DYNAMIC_DISPATCH(pack_double)(dst, width, src, lane_stride, depth_stride, lanes, depth);
}

void store_tile(void* out, Dtype dtype, int64_t out_row_stride, const float* sums, int64_t ld,
                int64_t rows, int64_t columns, const Epilogue& epilogue) {
  HWY_DYNAMIC_DISPATCH(store_float)
  (out, dtype, out_row_stride, sums, ld, rows, columns, epilogue);
}

void store_tile(double* out, int64_t out_row_stride, const double* sums, int64_t ld, int64_t rows,
                int64_t columns, const Epilogue& epilogue) {
  for (int64_t i = 0; i < rows; ++i) {
    const double* addend =
        static_cast<const double*>(epilogue.addend) + i * epilogue.addend_row_stride;
    for (int64_t j = 0; j < columns; ++j) {
      double v = epilogue.alpha * sums[i * ld + j];
      if (epilogue.beta != 0.0f) v += epilogue.beta * addend[j * epilogue.addend_column_stride];
      out[i * out_row_stride + j] = v;
    }
  }
}

void convert_to_float(float* dst, const void* src, Dtype dtype, int64_t size) {
  HWY_DYNAMIC_DISPATCH(to_float)(dst, src, dtype, size);
}

void convert_from_float(void* dst, Dtype dtype, const float* src, int64_t size) {
  HWY_DYNAMIC_DISPATCH(from_float)(dst, dtype, src, size);
}

}  // namespace mlx::core::cpu
#endif
