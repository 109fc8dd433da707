// Defaults of Primitive: what a primitive that does not override a rule does.
#include "mlx/primitives/primitive.h"

#include "base/errors.h"

namespace mlx::core {

std::vector<array> Primitive::jvp(const std::vector<array>&, const std::vector<array>&,
                                  const std::vector<int>&) {
  throw_invalid(name(), "Not implemented for forward-mode differentiation (jvp).");
}

std::vector<array> Primitive::vjp(const std::vector<array>&, const std::vector<array>&,
                                  const std::vector<int>&, const std::vector<array>&) {
  throw_invalid(name(), "Not implemented for reverse-mode differentiation (vjp).");
}

std::pair<std::vector<array>, std::vector<int>> Primitive::vmap(const std::vector<array>&,
                                                                const std::vector<int>&) {
  throw_invalid(name(), "Not implemented for vectorization (vmap).");
}

std::vector<Shape> Primitive::output_shapes(const std::vector<array>&) {
  throw_invalid(name(), "Cannot infer output shapes, as shapeless tracing needs.");
}

}  // namespace mlx::core
