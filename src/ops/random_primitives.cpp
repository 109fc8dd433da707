// Batching of random bits.
#include "base/pool_allocator.h"
#include "mlx/ops/shape.h"
#include "mlx/primitives/random.h"

namespace mlx::core {

bool RandomBits::is_equivalent(const Primitive& other) const {
  return state() == static_cast<const RandomBits&>(other).state();
}

std::pair<std::vector<array>, std::vector<int>> RandomBits::vmap(const std::vector<array>& inputs,
                                                                 const std::vector<int>& axes) {
  array keys = moveaxis(inputs[0], axes[0], 0, stream());
  Shape shape = shape_;
  shape.insert(shape.begin(), keys.shape(0));
  Dtype dtype = width_ == 4 ? uint32 : width_ == 2 ? uint16 : uint8;
  return {{array(shape, dtype, make_node<RandomBits>(stream(), shape, width_), {keys})}, {0}};
}

}  // namespace mlx::core
