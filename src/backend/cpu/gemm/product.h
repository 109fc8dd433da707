// The blocked product of two operands that packers (or, for a, plain strides) describe.
#pragma once

#include "backend/cpu/gemm/blocks.h"
#include "backend/cpu/gemm/gemm.h"

namespace mlx::core::cpu {

/** What a blocked product multiplies and where its sums go. */
template <typename T>
struct ProductParts {
  int64_t m;
  int64_t n;
  int64_t k;
  Packer<T> pack_a;
  Packer<T> pack_b;
  Store<T> store;
  T* direct_out = nullptr;  // sums are made here, direct_ld apart, instead of stored
  int64_t direct_ld = 0;
  Slivers<T> a_in_place = {};  // read instead of packing a if it has data
};

template <typename T>
void multiply_blocked(const ProductParts<T>& parts);
extern template void multiply_blocked(const ProductParts<float>&);
extern template void multiply_blocked(const ProductParts<double>&);

}  // namespace mlx::core::cpu
