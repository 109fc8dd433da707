// Walking over strided dimensions in logical order, run by run.
#pragma once

#include <cstdint>
#include <vector>

#include "mlx/array.h"

namespace mlx::core::cpu {

/** One dimension; the stride is in elements. */
struct Dim {
  int64_t size;
  int64_t stride;
};
using Dims = std::vector<Dim>;

/** Appends a dimension inside the last one, merging the two where one stride describes both. */
inline void append_dim(Dims& dims, int64_t size, int64_t stride) {
  if (size == 1) return;
  if (!dims.empty() && dims.back().stride == size * stride) {
    dims.back() = {dims.back().size * size, stride};
  } else {
    dims.push_back({size, stride});
  }
}

inline int64_t num_elements(const Dims& dims) {
  int64_t count = 1;
  for (const Dim& dim : dims) count *= dim.size;
  return count;
}

/** True when the elements follow one another in memory. */
inline bool is_dense(const Dims& dims) {
  return dims.empty() || (dims.size() == 1 && dims[0].stride == 1);
}

/** The offset of the element with logical number `index`. */
inline int64_t offset_at(const Dims& dims, int64_t index) {
  int64_t offset = 0;
  for (size_t d = dims.size(); d-- > 0;) {
    if (d == 0) return offset + index * dims[0].stride;
    offset += index % dims[d].size * dims[d].stride;
    index /= dims[d].size;
  }
  return offset;
}

/** Calls `run(offset, count, stride)` for the elements numbered [begin, begin + count), in order.
 */
template <typename F>
void for_each_run(const Dims& dims, int64_t begin, int64_t count, F&& run) {
  if (dims.empty()) {
    if (count > 0) run(int64_t{0}, count, int64_t{1});
    return;
  }
  const Dim inner = dims.back();
  while (count > 0) {
    int64_t within = dims.size() == 1 ? 0 : begin % inner.size;
    int64_t left = dims.size() == 1 ? count : inner.size - within;
    int64_t step = left < count ? left : count;
    run(offset_at(dims, begin), step, inner.stride);
    begin += step;
    count -= step;
  }
}

}  // namespace mlx::core::cpu
