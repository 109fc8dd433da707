// The types in which reductions and scans compute.
#pragma once

#include "mlx/types/half_types.h"

namespace mlx::core::cpu {

/** Maps a storage type to its accumulator type. */
template <typename T>
struct AccumulatorOf {
  using type = T;
};
template <>
struct AccumulatorOf<float16_t> {
  using type = float;
};
template <>
struct AccumulatorOf<bfloat16_t> {
  using type = float;
};
template <typename T>
using Accumulator = typename AccumulatorOf<T>::type;

}  // namespace mlx::core::cpu
