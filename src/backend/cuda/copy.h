// Copies between layouts on the GPU.
#pragma once

#include "backend/cuda/encoder.h"
#include "runtime/kernel_table.h"

namespace mlx::core::cuda {

/** Fills `out`, which is allocated here, with the elements of `in` in row-major order. */
void copy_contiguous(Encoder& encoder, const array& in, array& out);

/** A row-contiguous array with the elements of `in`: itself when it is one already. */
array as_row_contiguous(Encoder& encoder, const array& in);

/** Writes the elements of `in` into part of `out`'s existing memory: `strides` and `offset` in
 * elements. */
void copy_into(Encoder& encoder, const array& in, const array& out, const Strides& strides,
               int64_t offset);

/** The unsigned device type of an item size, to move bits by. */
const char* bits_type(size_t itemsize);

/** The source of a kernel that calls one device function from one header. */
std::string simple_source(const std::string& name, const std::string& header,
                          const std::string& body, const std::string& args, int threads,
                          int min_blocks = 1);

void register_views(KernelTable& table);

}  // namespace mlx::core::cuda
