// Iteration over the first axis of an array.
#include "mlx/ops/shape.h"

namespace mlx::core {

array::ArrayIterator::reference array::ArrayIterator::operator*() const {
  Shape start(source.ndim(), 0);
  Shape stop = source.shape();
  start[0] = index;
  stop[0] = index + 1;
  return squeeze(slice(source, start, stop), 0);
}

}  // namespace mlx::core
