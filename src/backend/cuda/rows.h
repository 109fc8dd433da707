// What kernels over rows (the last axis) share: the view as rows and the shape of their blocks.
#pragma once

#include "backend/cuda/copy.h"
#include "backend/cuda/element.h"
#include "backend/cuda/encoder.h"
#include "base/errors.h"

namespace mlx::core::cuda {

struct Rows {
  array x;  // row-contiguous
  int64_t count;
  int64_t length;
};

inline Rows as_rows(Encoder& encoder, const array& in) {
  array x = as_row_contiguous(encoder, in);
  int64_t length = x.ndim() == 0 ? 1 : x.shape().back();
  return {x, length == 0 ? 0 : static_cast<int64_t>(x.size()) / length, length};
}

/** How a block holds a row: `vecs` vectors of `width` elements in each of `threads` threads. */
struct RowBlock {
  int threads;
  int vecs;
  int width;
  bool fits;  // false: the row is too long for registers
};

/** 16-byte vectors where length and addresses allow. */
inline RowBlock row_block(int64_t length, size_t itemsize,
                          std::initializer_list<CuDevicePtr> addresses) {
  RowBlock block{32, 1, static_cast<int>(16 / itemsize), true};
  auto aligned = [&](int width) {
    if (length % width != 0) return false;
    for (CuDevicePtr address : addresses) {
      if (address % (width * itemsize) != 0) return false;
    }
    return true;
  };
  while (block.width > 1 && !aligned(block.width)) block.width /= 2;
  const int most = 32 / block.width > 8 ? 8 : 32 / block.width;  // vectors a thread may hold
  block.vecs = most < 4 ? most : 4;
  auto capacity = [&] { return static_cast<int64_t>(block.threads) * block.vecs * block.width; };
  while (block.threads < 1024 && capacity() < length) block.threads *= 2;
  if (capacity() < length) block.vecs = most;
  block.fits = capacity() >= length;
  while (block.vecs > 1 && capacity() / 2 >= length) block.vecs /= 2;
  return block;
}

/** Reuses the input's memory for an output of the same size where nobody else needs it. */
inline void donate_or_allocate(Encoder& encoder, const array& in, array& out) {
  bool reusable = in.is_donatable() && in.flags().row_contiguous && in.nbytes() == out.nbytes() &&
                  in.data_size() == in.size() && block_of(in.buffer()).device_valid.load();
  if (reusable) {
    out.copy_shared_buffer(in);
  } else {
    encoder.allocate(out);
  }
}

inline const void* pointer(CuDevicePtr address) { return reinterpret_cast<const void*>(address); }
inline void* mutable_pointer(CuDevicePtr address) { return reinterpret_cast<void*>(address); }

}  // namespace mlx::core::cuda
