// Shapes taken from another array.
#include "mlx/ops/shape_like.h"

#include "base/errors.h"
#include "graph/shape.h"
#include "mlx/ops/shape.h"
#include "mlx/primitives/shape.h"
#include "mlx/transforms_impl.h"

namespace mlx::core::detail {

array broadcast_like(const array& a, const array& like, StreamOrDevice s) {
  if (!in_dynamic_tracing()) return broadcast_to(a, like.shape(), s);
  if (broadcast_shapes(a.shape(), like.shape(), "broadcast") != like.shape()) {
    throw_invalid("broadcast", "Cannot broadcast array of shape {} into shape {}.",
                  to_string(a.shape()), to_string(like.shape()));
  }
  Stream stream = to_stream(s);
  return array(like.shape(), a.dtype(), std::make_shared<Broadcast>(stream, like.shape()),
               {a, stop_gradient(like, stream)});
}

array broadcast_except(const char* op, const array& a, const array& like,
                       const std::vector<int>& axes, StreamOrDevice s) {
  Shape shape = BroadcastAxes::output_shape({a, like}, axes, op);
  if (!in_dynamic_tracing()) return broadcast_to(a, shape, s);
  Stream stream = to_stream(s);
  return array(std::move(shape), a.dtype(), std::make_shared<BroadcastAxes>(stream, axes),
               {a, stop_gradient(like, stream)});
}

array reshape_like(const array& a, const array& like, StreamOrDevice s) {
  if (!in_dynamic_tracing()) return reshape(a, like.shape(), s);
  Stream stream = to_stream(s);
  std::vector<array> inputs{a, stop_gradient(like, stream)};
  auto primitive = std::make_shared<Reshape>(stream, like.shape());
  Shape shape = primitive->output_shapes(inputs)[0];
  return array(std::move(shape), a.dtype(), std::move(primitive), std::move(inputs));
}

array filled_like(const array& like, double value, Dtype dtype, StreamOrDevice s) {
  return broadcast_like(array(value, dtype), like, s);
}

}  // namespace mlx::core::detail
