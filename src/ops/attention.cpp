// Fused attention: the public function, its checks, and the composition behind its derivatives.
#include "mlx/ops/attention.h"

#include <limits>

#include "base/errors.h"
#include "base/pool_allocator.h"
#include "graph/shape.h"
#include "graph/shape_check.h"
#include "mlx/ops.h"
#include "mlx/primitives/attention.h"

namespace mlx::core::fast {

namespace {

constexpr const char* kOp = "scaled_dot_product_attention";

/** True where a query may see a key: the last query sees the last key. */
array causal_mask(int queries, int keys, Stream s) {
  array rows = expand_dims(arange(keys - queries, keys, 1, int32, s), 1, s);
  array columns = expand_dims(arange(0, keys, 1, int32, s), 0, s);
  return greater_equal(rows, columns, s);
}

/** The same computed by other ops, with heads grouped by the key head they share. */
std::vector<array> compose(const std::vector<array>& inputs, float scale, bool causal,
                           bool has_sinks, Stream s) {
  const array& q = inputs[0];
  const array& k = inputs[1];
  const array& v = inputs[2];
  const bool has_mask = inputs.size() > (has_sinks ? 4u : 3u);
  const int heads = q.shape(1);
  const int key_heads = k.shape(1);
  const int group = heads / key_heads;
  array queries = multiply(array(scale, q.dtype()), q, s);
  queries = unflatten(queries, 1, {key_heads, group}, s);
  array scores = matmul(queries, swapaxes(expand_dims(k, 2, s), -1, -2, s), s);
  auto hide = [&](const array& visible) {
    const double lowest = finfo(scores.dtype()).min;
    return where(visible, scores, array(lowest, scores.dtype()), s);
  };
  if (causal) scores = hide(causal_mask(q.shape(2), k.shape(2), s));
  if (has_mask) {
    array mask = unflatten(inputs[3], 1, {key_heads, group}, s);
    scores = mask.dtype() == bool_ ? hide(mask) : add(scores, mask, s);
  }
  if (has_sinks) {
    array sinks = reshape(inputs.back(), {1, key_heads, group, 1, 1}, s);
    Shape shape = scores.shape();
    shape.back() = 1;
    scores = concatenate({broadcast_to(sinks, shape, s), scores}, -1, s);
  }
  scores = softmax(scores, std::vector<int>{-1}, true, s);
  if (has_sinks) {
    Shape start(scores.ndim(), 0);
    start.back() = 1;
    scores = slice(scores, start, scores.shape(), s);
  }
  return {flatten(matmul(scores, expand_dims(v, 2, s), s), 1, 2, s)};
}

void check_shapes(const array& q, const array& k, const array& v) {
  for (const array* a : {&q, &k, &v}) {
    if (a->ndim() != 4) {
      throw_invalid(kOp, "inputs must have 4 dimensions: got shape {}.", to_string(a->shape()));
    }
  }
  for (const array* a : {&k, &v}) {
    if (a->shape(0) != q.shape(0)) {
      throw_invalid(kOp, "the batch dimensions differ: got shapes {} and {}.", to_string(q.shape()),
                    to_string(a->shape()));
    }
  }
  if (q.shape(3) != k.shape(3)) {
    throw_invalid(kOp, "queries and keys must have the same last dimension: got shapes {} and {}.",
                  to_string(q.shape()), to_string(k.shape()));
  }
  if (k.shape(1) != v.shape(1)) {
    throw_invalid(kOp, "keys and values must have the same number of heads: got {} and {}.",
                  k.shape(1), v.shape(1));
  }
  if (k.shape(2) != v.shape(2)) {
    throw_invalid(kOp, "keys and values must have the same length: got {} and {}.", k.shape(2),
                  v.shape(2));
  }
  if (k.shape(1) == 0 || q.shape(1) % k.shape(1) != 0) {
    throw_invalid(kOp,
                  "the number of query heads must be a multiple of that of key heads: got {} and "
                  "{}.",
                  q.shape(1), k.shape(1));
  }
}

}  // namespace

array scaled_dot_product_attention(const array& queries, const array& keys, const array& values,
                                   const float scale, const std::string& mask_mode,
                                   std::optional<array> mask_arr, const std::optional<array>& sinks,
                                   bool force_fused, StreamOrDevice s) {
  Stream stream = to_stream(s);
  check_shapes(queries, keys, values);
  if (mask_mode != "" && mask_mode != "causal" && mask_mode != "array") {
    throw_invalid(kOp, "invalid mask option '{}': expected 'causal' or an array.", mask_mode);
  }
  const bool causal = mask_mode == "causal";
  if (causal && mask_arr) throw_invalid(kOp, "a causal mask excludes a mask array.");
  if (mask_mode == "array" && !mask_arr) throw_invalid(kOp, "the mask array is missing.");
  const Dtype dtype = result_type(queries, keys, values);
  if (!issubdtype(dtype, floating)) {
    throw_invalid(kOp, "inputs must be real floating: got {}.", dtype_name(dtype));
  }
  std::vector<array> inputs = {astype(queries, dtype, stream), astype(keys, dtype, stream),
                               astype(values, dtype, stream)};
  if (mask_arr) {
    array mask = *mask_arr;
    if (mask.ndim() > 4) {
      throw_invalid(kOp, "the mask must have at most 4 dimensions: got shape {}.",
                    to_string(mask.shape()));
    }
    if (mask.dtype() != bool_) {
      if (promote_types(mask.dtype(), dtype) != dtype) {
        throw_invalid(kOp, "the mask must promote to the output type {}: got {}.",
                      dtype_name(dtype), dtype_name(mask.dtype()));
      }
      mask = astype(mask, dtype, stream);
    }
    Shape shape = {queries.shape(0), queries.shape(1), queries.shape(2), keys.shape(2)};
    if (broadcast_shapes(mask.shape(), shape, kOp) != shape) {
      throw_invalid(kOp, "the mask must broadcast to the scores' shape {}: got {}.",
                    to_string(shape), to_string(mask.shape()));
    }
    inputs.push_back(broadcast_to(mask, shape, stream));
  }
  if (sinks) {
    if (sinks->ndim() != 1 || sinks->shape(0) != queries.shape(1)) {
      throw_invalid(kOp, "sinks must hold one score for each of the {} heads: got shape {}.",
                    queries.shape(1), to_string(sinks->shape()));
    }
    if (promote_types(sinks->dtype(), dtype) != dtype) {
      throw_invalid(kOp, "sinks must promote to the output type {}: got {}.", dtype_name(dtype),
                    dtype_name(sinks->dtype()));
    }
    inputs.push_back(astype(*sinks, dtype, stream));
  }
  const bool has_sinks = sinks.has_value();
  auto fallback = [scale, causal, has_sinks, stream](std::vector<array> in) {
    return compose(in, scale, causal, has_sinks, stream);
  };
  if (dtype == float64) return fallback(inputs)[0];
  Shape shape = queries.shape();
  shape.back() = values.shape(3);
  return array(std::move(shape), dtype,
               make_node<ScaledDotProductAttention>(stream, fallback, scale, causal, has_sinks,
                                                    false, force_fused),
               std::move(inputs));
}

bool ScaledDotProductAttention::is_equivalent(const Primitive& other) const {
  return state() == static_cast<const ScaledDotProductAttention&>(other).state();
}

std::vector<Shape> ScaledDotProductAttention::output_shapes(const std::vector<array>& inputs) {
  check_shapes(inputs[0], inputs[1], inputs[2]);
  size_t count = inputs.size();
  if (has_sinks_) {
    require_fit(inputs[--count].shape() == Shape{inputs[0].shape(1)}, kOp, inputs);
  }
  if (count > 3) {
    Shape scores = inputs[0].shape();
    scores.back() = inputs[1].shape(2);
    require_fit(inputs[3].shape() == scores, kOp, inputs);
  }
  Shape shape = inputs[0].shape();
  shape.back() = inputs[2].shape(3);
  return {std::move(shape)};
}

}  // namespace mlx::core::fast
