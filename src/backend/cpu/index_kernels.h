// Kernels over runs of 32-bit indices that follow one another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "backend/cpu/index_offsets.h"

namespace mlx::core::cpu {

/** Indices into an axis whose length fits int32. */
struct Indices32 {
  const void* data;
  bool is_signed;
  int32_t axis_length;
  int32_t max_start;
};

/** `indices` from `first` on, if they are of that kind and need not be checked. */
std::optional<Indices32> as_indices32(const AxisIndices& indices, const void* first,
                                      int64_t stride);

/** add_index_offsets for such indices. */
void add_offsets32(const Indices32& indices, int64_t axis_stride, OutOfRange rule, int64_t count,
                   int64_t* offsets);

/** out[i] = from[i * step + axis_stride * index i], of elements of `itemsize` bytes; an index
 * outside reads the nearest element. All offsets of a vector's worth of elements fit int32. */
void gather_elements(size_t itemsize, const void* from, int64_t step, const Indices32& indices,
                     int32_t axis_stride, int64_t count, void* out, bool streaming);

}  // namespace mlx::core::cpu
