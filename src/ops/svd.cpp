// The singular value decomposition: the function and the rules of its primitive.
#include "ops/svd.h"

#include <algorithm>

#include "base/errors.h"
#include "mlx/ops/shape.h"
#include "mlx/primitives/linalg.h"

namespace mlx::core {

std::vector<array> singular_values(const array& a, bool compute_uv, StreamOrDevice s) {
  if (a.ndim() < 2) throw_invalid("svd", "needs at least 2 dimensions: got {}.", a.ndim());
  if (a.dtype() != float32 && a.dtype() != float64) {
    throw_invalid("svd", "takes float32 or float64: got {}.", dtype_name(a.dtype()));
  }
  auto primitive = std::make_shared<SVD>(to_stream(s), compute_uv);
  auto shapes = primitive->output_shapes({a});
  std::vector<Dtype> dtypes(shapes.size(), a.dtype());
  return array::make_arrays(std::move(shapes), dtypes, primitive, {a});
}

bool SVD::is_equivalent(const Primitive& other) const {
  return state() == static_cast<const SVD&>(other).state();
}

std::vector<Shape> SVD::output_shapes(const std::vector<array>& inputs) {
  const Shape& in = inputs[0].shape();
  Shape batch(in.begin(), in.end() - 2);
  auto with = [&](std::initializer_list<ShapeElem> lengths) {
    Shape shape = batch;
    shape.insert(shape.end(), lengths.begin(), lengths.end());
    return shape;
  };
  ShapeElem rows = in[in.size() - 2], columns = in[in.size() - 1];
  Shape values = with({std::min(rows, columns)});
  if (!compute_uv_) return {values};
  return {with({rows, rows}), values, with({columns, columns})};
}

std::pair<std::vector<array>, std::vector<int>> SVD::vmap(const std::vector<array>& inputs,
                                                          const std::vector<int>& axes) {
  array a = axes[0] > 0 ? moveaxis(inputs[0], axes[0], 0, stream()) : inputs[0];
  auto outputs = singular_values(a, compute_uv_, stream());
  std::vector<int> out_axes(outputs.size(), axes[0] >= 0 ? 0 : -1);
  return {std::move(outputs), std::move(out_axes)};
}

}  // namespace mlx::core
