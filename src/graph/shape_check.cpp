// Checks of the shapes of a primitive's inputs.
#include "graph/shape_check.h"

#include "base/errors.h"
#include "graph/shape.h"

namespace mlx::core {

void require_fit(bool fit, const char* op, const std::vector<array>& inputs) {
  if (fit) return;
  std::string shapes;
  for (const auto& input : inputs) {
    if (!shapes.empty()) shapes += ", ";
    shapes += to_string(input.shape());
  }
  throw_invalid(op, "the input shapes {} do not fit together.", shapes);
}

bool equal_shapes(const Shape& a, const Shape& b, int except) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (static_cast<int>(i) != except && a[i] != b[i]) return false;
  }
  return true;
}

}  // namespace mlx::core
