// Softmax and logsumexp: public functions and the rules of their primitives.
#include "mlx/primitives/softmax.h"

#include "base/errors.h"
#include "base/pool_allocator.h"
#include "graph/shape.h"
#include "mlx/ops/elementwise.h"
#include "mlx/ops/reduce.h"
#include "mlx/ops/shape.h"
#include "mlx/ops/shape_like.h"
#include "ops/reduce.h"

namespace mlx::core {

namespace {

array make_softmax(const array& a, bool precise, Stream s) {
  Shape shape = a.shape();
  return array(std::move(shape), a.dtype(), make_node<Softmax>(s, precise), {a});
}

array make_logsumexp(const array& a, Stream s) {
  auto primitive = make_node<LogSumExp>(s);
  Shape shape = primitive->output_shapes({a})[0];
  return array(std::move(shape), a.dtype(), std::move(primitive), {a});
}

/** The primitives take the last axes of real arrays; other cases are composed. */
bool has_kernel(const array& a, const std::vector<int>& axes) {
  return a.dtype() != complex64 && are_trailing(axes, a.ndim());
}

void check_axes_of_scalar(const array& a, const std::vector<int>& axes, const char* op) {
  if (a.ndim() == 0 && !axes.empty()) {
    throw_invalid(op, "Received non-empty axes for array with 0 dimensions.");
  }
}

}  // namespace

array softmax(const array& a, const std::vector<int>& axes, bool precise, StreamOrDevice s) {
  Stream stream = to_stream(s);
  if (a.size() == 0) return as_floating(a, stream);
  check_axes_of_scalar(a, axes, "softmax");
  array x = as_floating(a, stream);
  if (axes.empty()) return detail::filled_like(x, 1, x.dtype(), stream);
  auto sorted = normalize_axes(axes, static_cast<int>(a.ndim()), "softmax");
  if (has_kernel(x, sorted)) {
    array merged = merge_axes(x, sorted, stream);
    return unmerge_axes(make_softmax(merged, precise, stream), x, sorted, stream);
  }
  Dtype dtype = x.dtype();
  if (dtype == float16 || dtype == bfloat16) x = astype(x, float32, stream);
  array shifted = subtract(x, stop_gradient(max(x, sorted, true, stream), stream), stream);
  array e = exp(shifted, stream);
  return astype(divide(e, sum(e, sorted, true, stream), stream), dtype, stream);
}

array softmax(const array& a, bool precise, StreamOrDevice s) {
  if (a.ndim() == 0) return reshape(softmax(reshape(a, {1}, s), 0, precise, s), {}, s);
  return softmax(a, all_axes(a), precise, s);
}

array logsumexp(const array& a, const std::vector<int>& axes, bool keepdims, StreamOrDevice s) {
  Stream stream = to_stream(s);
  if (a.size() == 0) throw_invalid("logsumexp", "Received empty array.");
  check_axes_of_scalar(a, axes, "logsumexp");
  array x = as_floating(a, stream);
  if (axes.empty()) return x;
  auto sorted = normalize_axes(axes, static_cast<int>(a.ndim()), "logsumexp");
  if (has_kernel(x, sorted)) {
    array out = make_logsumexp(merge_axes(x, sorted, stream), stream);
    if (!keepdims) return squeeze(out, -1, stream);
    std::vector<int> added(sorted.begin(), sorted.end() - 1);
    return added.empty() ? out : expand_dims(out, added, stream);
  }
  // An infinite maximum must not be subtracted: inf - inf.
  array highest = stop_gradient(max(x, sorted, true, stream), stream);
  array offset = where(isfinite(highest, stream), highest, array(0, x.dtype()), stream);
  array total = sum(exp(subtract(x, offset, stream), stream), sorted, true, stream);
  array out = add(log(total, stream), offset, stream);
  return keepdims ? out : squeeze(out, sorted, stream);
}

array logsumexp(const array& a, bool keepdims, StreamOrDevice s) {
  if (a.ndim() == 0) return reshape(logsumexp(reshape(a, {1}, s), 0, false, s), {}, s);
  return logsumexp(a, all_axes(a), keepdims, s);
}
array logsumexp(const array& a, int axis, bool keepdims, StreamOrDevice s) {
  return logsumexp(a, std::vector<int>{axis}, keepdims, s);
}

// Softmax

bool Softmax::is_equivalent(const Primitive& other) const {
  return precise_ == static_cast<const Softmax&>(other).precise_;
}

namespace {

/** y * (t - sum(y * t)): the Jacobian of softmax is symmetric. */
array softmax_jacobian(const array& y, const array& t, Stream s) {
  array weighted = multiply(y, t, s);
  return subtract(weighted, multiply(y, sum(weighted, -1, true, s), s), s);
}

}  // namespace

std::vector<array> Softmax::vjp(const std::vector<array>&, const std::vector<array>& cotangents,
                                const std::vector<int>&, const std::vector<array>& outputs) {
  return {softmax_jacobian(outputs[0], cotangents[0], stream())};
}

std::vector<array> Softmax::jvp(const std::vector<array>& primals,
                                const std::vector<array>& tangents, const std::vector<int>&) {
  array y = make_softmax(primals[0], precise_, stream());
  return {softmax_jacobian(y, tangents[0], stream())};
}

std::pair<std::vector<array>, std::vector<int>> Softmax::vmap(const std::vector<array>& inputs,
                                                              const std::vector<int>& axes) {
  array x = axes[0] < 0 ? inputs[0] : moveaxis(inputs[0], axes[0], 0, stream());
  return {{make_softmax(x, precise_, stream())}, {axes[0] < 0 ? -1 : 0}};
}

// LogSumExp

std::vector<Shape> LogSumExp::output_shapes(const std::vector<array>& inputs) {
  Shape shape = inputs[0].shape();
  shape.back() = 1;
  return {shape};
}

std::vector<array> LogSumExp::vjp(const std::vector<array>& primals,
                                  const std::vector<array>& cotangents, const std::vector<int>&,
                                  const std::vector<array>&) {
  return {multiply(cotangents[0], make_softmax(primals[0], true, stream()), stream())};
}

std::vector<array> LogSumExp::jvp(const std::vector<array>& primals,
                                  const std::vector<array>& tangents, const std::vector<int>&) {
  array y = make_softmax(primals[0], true, stream());
  return {sum(multiply(tangents[0], y, stream()), -1, true, stream())};
}

std::pair<std::vector<array>, std::vector<int>> LogSumExp::vmap(const std::vector<array>& inputs,
                                                                const std::vector<int>& axes) {
  array x = axes[0] < 0 ? inputs[0] : moveaxis(inputs[0], axes[0], 0, stream());
  return {{make_logsumexp(x, stream())}, {axes[0] < 0 ? -1 : 0}};
}

}  // namespace mlx::core
