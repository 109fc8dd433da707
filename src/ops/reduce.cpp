// Reductions: public functions and the rules of the Reduce primitive.
#include "mlx/ops/reduce.h"

#include <numeric>

#include "graph/shape.h"
#include "mlx/ops/elementwise.h"
#include "mlx/ops/shape.h"
#include "mlx/primitives/reduce.h"

namespace mlx::core {

array sum(const array& a, const std::vector<int>& axes, bool keepdims, StreamOrDevice s) {
  if (axes.empty()) return a;
  Stream stream = to_stream(s);
  auto sorted = normalize_axes(axes, static_cast<int>(a.ndim()), "sum");
  Dtype dtype = a.dtype() == bool_ || (issubdtype(a.dtype(), integer) && a.itemsize() < 4)
                    ? (issubdtype(a.dtype(), unsignedinteger) ? uint32 : int32)
                    : a.dtype();
  auto primitive = std::make_shared<Reduce>(stream, Reduce::Sum, sorted);
  Shape shape = primitive->output_shapes({a})[0];
  array out(std::move(shape), dtype, std::move(primitive), {a});
  return keepdims ? out : squeeze(out, sorted, stream);
}

bool Reduce::is_equivalent(const Primitive& other) const {
  return state() == static_cast<const Reduce&>(other).state();
}

std::vector<Shape> Reduce::output_shapes(const std::vector<array>& inputs) {
  Shape shape = inputs[0].shape();
  for (int axis : axes_) shape[axis] = 1;
  return {shape};
}

std::vector<array> Reduce::vjp(const std::vector<array>& primals,
                               const std::vector<array>& cotangents,
                               const std::vector<int>& argnums, const std::vector<array>& outputs) {
  if (reduce_type_ != Sum) return Primitive::vjp(primals, cotangents, argnums, outputs);
  return {broadcast_to(cotangents[0], primals[0].shape(), stream())};
}

std::vector<array> Reduce::jvp(const std::vector<array>& primals,
                               const std::vector<array>& tangents,
                               const std::vector<int>& argnums) {
  if (reduce_type_ != Sum) return Primitive::jvp(primals, tangents, argnums);
  return {sum(tangents[0], axes_, true, stream())};
}

std::pair<std::vector<array>, std::vector<int>> Reduce::vmap(const std::vector<array>& inputs,
                                                             const std::vector<int>& axes) {
  std::vector<int> shifted = axes_;
  if (axes[0] >= 0) {
    for (auto& axis : shifted) axis += axis >= axes[0];
  }
  auto primitive = std::make_shared<Reduce>(stream(), reduce_type_, shifted);
  Shape shape = primitive->output_shapes(inputs)[0];
  return {{array(std::move(shape), inputs[0].dtype(), std::move(primitive), {inputs[0]})}, axes};
}

}  // namespace mlx::core
