// Reductions over any axes of strided arrays: sum, prod, min, max, all, any.
#pragma once

#include <vector>

#include "backend/cpu/reduce_kernels.h"
#include "backend/cpu/strided.h"

namespace mlx::core::cpu {

/** A strided input of a row kernel; strides in elements. */
struct StridedView {
  const void* data;
  Dtype dtype;
  const Shape& shape;
  const Strides& strides;
};

/** Elements that are computed when they are needed, in row-major order of the view's shape. */
class ElementSource {
 public:
  virtual ~ElementSource() = default;
  /** Elements [first, first + count), at most kSourceBlock of them, in memory of the source that
   * stays valid until the thread's next call. Safe from any thread. */
  virtual const void* fetch(int64_t first, int64_t count) const = 0;
};
inline constexpr int64_t kSourceBlock = 1024;

/** True when `reduce` can take elements from a source: they are then needed in runs. */
bool reduces_in_runs(const Shape& shape, const std::vector<bool>& reduced);

/** Reduces `x` over the axes where `reduced` is true into `out` (row-contiguous over the kept
 * axes). With `truth`, the elements count as `x != 0` (min is then all, max any) and out_dtype is
 * bool. The order of the operations depends on the shape and axes only. With a `source`, the
 * elements of a row-contiguous `x` come from there and its data is not read. */
void reduce(ReduceOp op, bool truth, const StridedView& x, const std::vector<bool>& reduced,
            void* out, Dtype out_dtype, const ElementSource* source = nullptr);

}  // namespace mlx::core::cpu
