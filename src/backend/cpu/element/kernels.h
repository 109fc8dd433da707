// Block kernels: precompiled loops over one contiguous block, one for each element op and dtype. An
// op is named by its index in the OpList.
#pragma once

#include <cstddef>
#include <cstdint>

#include "mlx/dtype.h"
#include "mlx/primitives/op_list.h"

namespace mlx::core::cpu {

/** dst[i] = op(sources[0][i], ...) for i < n. dst may be one of the sources if the items are of
 * equal size, and overlap none otherwise. */
using BlockKernel = void (*)(void* dst, const void* const* sources, size_t n, const void* params);

/** Wishes, passed as `params`, to kernels of which block_kernel_streams() holds. */
enum KernelWish : uintptr_t {
  /** Write the result past the caches. dst is aligned to 64 bytes; end_stream() must follow before
   * others read. */
  kStreamResult = 1,
  /** The second source is one value, repeated. */
  kConstantSecond = 2,
};
inline const void* wishes(uintptr_t bits) { return reinterpret_cast<const void*>(bits); }
/** Params proper are addresses. */
inline bool has_wish(const void* params, KernelWish wish) {
  auto bits = reinterpret_cast<uintptr_t>(params);
  return bits < 4 && (bits & wish) != 0;
}
bool block_kernel_streams(int op, Dtype source, Dtype result);

/** The kernel of `op` on sources of dtype `source` with a result of dtype `result`, or null if
 * there is none. For select, `source` is the dtype of the two values. */
BlockKernel find_block_kernel(int op, Dtype source, Dtype result);

/** The dtype that `op` gives for sources of dtype `source` (cast excepted). */
Dtype block_kernel_result(int op, Dtype source);

const char* element_op_name(int op);

// Moving data, by item size (1, 2, 4 or 8 bytes).

/** dst[i] = *value */
void fill_block(void* dst, const void* value, size_t n, size_t itemsize);
/** dst[i] = src[i * stride] */
void gather_block(void* dst, const void* src, int64_t stride, size_t n, size_t itemsize);
/** dst[i * stride] = src[i] */
void scatter_block(void* dst, const void* src, int64_t stride, size_t n, size_t itemsize);
/** dst[i * dst_stride + j] = src[j * src_stride + i] for i < rows and j < columns, strides in
 * items. */
void transpose_block(void* dst, int64_t dst_stride, const void* src, int64_t src_stride,
                     size_t rows, size_t columns, size_t itemsize);
/** Copies rows of `bytes`; strides in bytes. With `stream`, what fills whole cache lines goes past
 * the caches, and end_stream() must follow before others read. */
void copy_rows(char* dst, int64_t dst_stride, const char* src, int64_t src_stride, size_t rows,
               size_t bytes, bool stream);
void end_stream();

}  // namespace mlx::core::cpu
