// Cross entropy with class indices: the public function and the rules of its primitives.
#include "mlx/primitives/cross_entropy.h"

#include "base/errors.h"
#include "base/pool_allocator.h"
#include "graph/shape.h"
#include "graph/shape_check.h"
#include "mlx/fast.h"
#include "mlx/ops/creation.h"
#include "mlx/ops/elementwise.h"
#include "mlx/ops/reduce.h"
#include "mlx/ops/shape.h"
#include "mlx/transforms.h"

namespace mlx::core::fast {

array cross_entropy(const array& logits, const array& targets, StreamOrDevice s) {
  Stream stream = to_stream(s);
  if (!issubdtype(logits.dtype(), floating)) {
    throw_invalid("cross_entropy", "Received unsupported logits type {}.",
                  dtype_name(logits.dtype()));
  }
  if (!issubdtype(targets.dtype(), integer)) {
    throw_invalid("cross_entropy", "targets must be integer class indices but got {}.",
                  dtype_name(targets.dtype()));
  }
  if (logits.ndim() == 0) {
    throw_invalid("cross_entropy",
                  "logits must have at least 1 dimension but got input with 0 dimensions.");
  }
  Shape expected(logits.shape().begin(), logits.shape().end() - 1);
  if (targets.shape() != expected) {
    throw_invalid("cross_entropy",
                  "targets shape {} does not match logits shape {} with the last axis removed.",
                  to_string(targets.shape()), to_string(logits.shape()));
  }
  if (logits.shape().back() == 0) throw_invalid("cross_entropy", "There are no classes.");
  auto fallback = [stream](std::vector<array> inputs) -> std::vector<array> {
    array x = astype(inputs[0], float32, stream);
    array classes = arange(0, x.shape(-1), 1, int32, stream);
    array hit = equal(expand_dims(astype(inputs[1], int32, stream), -1, stream), classes, stream);
    array chosen = sum(where(hit, x, array(0.0f), stream), -1, false, stream);
    return {subtract(logsumexp(x, -1, false, stream), chosen, stream)};
  };
  array x = logits.dtype() == float64 ? astype(logits, float32, stream) : logits;
  Shape shape = targets.shape();
  return array(std::move(shape), float32, make_node<CrossEntropy>(stream, fallback), {x, targets});
}

std::vector<Shape> CrossEntropy::output_shapes(const std::vector<array>& inputs) {
  Shape rows(inputs[0].shape().begin(), inputs[0].shape().end() - 1);
  require_fit(inputs[1].shape() == rows && inputs[0].shape(-1) > 0, "cross_entropy", inputs);
  return {std::move(rows)};
}

std::vector<Shape> CrossEntropyVJP::output_shapes(const std::vector<array>& inputs) {
  Shape rows(inputs[0].shape().begin(), inputs[0].shape().end() - 1);
  require_fit(inputs[1].shape() == rows && inputs[2].shape() == rows, "cross_entropy", inputs);
  return {inputs[0].shape()};
}

std::vector<array> CrossEntropy::vjp(const std::vector<array>& primals,
                                     const std::vector<array>& cotangents,
                                     const std::vector<int>& argnums, const std::vector<array>&) {
  if (argnums.size() != 1 || argnums[0] != 0) {
    throw_invalid("cross_entropy",
                  "Cannot calculate VJP with respect to the targets. Use stop_gradient on them.");
  }
  auto fallback = [forward = fallback_](std::vector<array> inputs) {
    array targets = inputs[1];
    auto of_logits = [&](const std::vector<array>& logits) {
      return forward({logits[0], targets});
    };
    return core::vjp(of_logits, {inputs[0]}, {inputs[2]}).second;
  };
  Shape shape = primals[0].shape();
  return {array(std::move(shape), primals[0].dtype(),
                make_node<CrossEntropyVJP>(stream(), fallback),
                {primals[0], primals[1], astype(cotangents[0], float32, stream())})};
}

}  // namespace mlx::core::fast
