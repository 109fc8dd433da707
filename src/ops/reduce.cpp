// Reductions: public functions and the rules of Reduce and ArgReduce.
#include "ops/reduce.h"

#include <algorithm>
#include <numeric>

#include "base/errors.h"
#include "base/pool_allocator.h"
#include "graph/shape.h"
#include "graph/shape_check.h"
#include "mlx/ops/elementwise.h"
#include "mlx/ops/reduce.h"
#include "mlx/ops/shape.h"
#include "mlx/ops/shape_like.h"
#include "mlx/primitives/reduce.h"

namespace mlx::core {

std::vector<int> all_axes(const array& a) {
  std::vector<int> axes(a.ndim());
  std::iota(axes.begin(), axes.end(), 0);
  return axes;
}

bool are_trailing(const std::vector<int>& axes, size_t ndim) {
  return !axes.empty() && axes.front() + axes.size() == ndim;
}

namespace {

/** Kept axes first, then `axes`. */
std::vector<int> trailing_permutation(size_t ndim, const std::vector<int>& axes) {
  std::vector<int> order;
  for (int i = 0; i < static_cast<int>(ndim); ++i) {
    if (std::find(axes.begin(), axes.end(), i) == axes.end()) order.push_back(i);
  }
  order.insert(order.end(), axes.begin(), axes.end());
  return order;
}

}  // namespace

array merge_axes(const array& a, const std::vector<int>& axes, Stream s) {
  array moved =
      are_trailing(axes, a.ndim()) ? a : transpose(a, trailing_permutation(a.ndim(), axes), s);
  if (axes.size() == 1) return moved;
  return flatten(moved, -static_cast<int>(axes.size()), -1, s);
}

array unmerge_axes(const array& merged, const array& like, const std::vector<int>& axes, Stream s) {
  auto order = trailing_permutation(like.ndim(), axes);
  std::vector<int> inverse(order.size());
  for (size_t i = 0; i < order.size(); ++i) inverse[order[i]] = static_cast<int>(i);
  array split =
      axes.size() == 1 ? merged : detail::reshape_like(merged, transpose(like, order, s), s);
  return are_trailing(axes, like.ndim()) ? split : transpose(split, inverse, s);
}

array as_floating(const array& a, Stream s) {
  return issubdtype(a.dtype(), inexact) ? a : astype(a, float32, s);
}

namespace {

Dtype accumulated_dtype(Dtype dtype) {
  if (dtype == bool_) return int32;
  if (!issubdtype(dtype, integer) || size_of(dtype) >= 4) return dtype;
  return issubdtype(dtype, unsignedinteger) ? uint32 : int32;
}

Dtype reduced_dtype(Reduce::ReduceType type, Dtype dtype) {
  switch (type) {
    case Reduce::And:
    case Reduce::Or:
      return bool_;
    case Reduce::Sum:
    case Reduce::Prod:
      return accumulated_dtype(dtype);
    default:
      return dtype;
  }
}

array make_reduce(Reduce::ReduceType type, const array& a, std::vector<int> axes, Dtype dtype,
                  Stream s) {
  auto primitive = make_node<Reduce>(s, type, std::move(axes));
  Shape shape = primitive->output_shapes({a})[0];
  return array(std::move(shape), dtype, std::move(primitive), {a});
}

array reduce(Reduce::ReduceType type, const char* op, const array& a, const std::vector<int>& axes,
             bool keepdims, StreamOrDevice s) {
  Stream stream = to_stream(s);
  Dtype dtype = reduced_dtype(type, a.dtype());
  if (axes.empty()) return dtype == bool_ ? astype(a, bool_, stream) : a;
  auto sorted = normalize_axes(axes, static_cast<int>(a.ndim()), op);
  if (type == Reduce::Min || type == Reduce::Max) {
    for (int axis : sorted) {
      if (a.shape(axis) == 0) {
        throw_invalid(op, "Cannot {} reduce over axis {} with size 0.", op, axis);
      }
    }
  }
  array out = make_reduce(type, a, sorted, dtype, stream);
  return keepdims ? out : squeeze(out, sorted, stream);
}

array arg_reduce(ArgReduce::ReduceType type, const char* op, const array& a, int axis,
                 bool keepdims, StreamOrDevice s) {
  Stream stream = to_stream(s);
  if (a.size() == 0) throw_invalid(op, "Cannot {} reduce zero size array.", op);
  int at = normalize_axis(axis, static_cast<int>(a.ndim()), op);
  auto primitive = make_node<ArgReduce>(stream, type, at);
  Shape shape = primitive->output_shapes({a})[0];
  array out(std::move(shape), uint32, std::move(primitive), {a});
  return keepdims ? out : squeeze(out, at, stream);
}

array arg_reduce_all(ArgReduce::ReduceType type, const char* op, const array& a, bool keepdims,
                     StreamOrDevice s) {
  array out = arg_reduce(type, op, flatten(a, s), 0, true, s);
  return reshape(out, keepdims ? Shape(a.ndim(), 1) : Shape{}, s);
}

}  // namespace

#define MLX_REDUCTION(name, type)                                                             \
  array name(const array& a, bool keepdims, StreamOrDevice s) {                               \
    return a.ndim() == 0 ? name(reshape(a, {1}, s), std::vector<int>{0}, false, s)            \
                         : name(a, all_axes(a), keepdims, s);                                 \
  }                                                                                           \
  array name(const array& a, int axis, bool keepdims, StreamOrDevice s) {                     \
    return name(a, std::vector<int>{axis}, keepdims, s);                                      \
  }                                                                                           \
  array name(const array& a, const std::vector<int>& axes, bool keepdims, StreamOrDevice s) { \
    return reduce(type, #name, a, axes, keepdims, s);                                         \
  }

MLX_REDUCTION(all, Reduce::And)
MLX_REDUCTION(any, Reduce::Or)
MLX_REDUCTION(sum, Reduce::Sum)
MLX_REDUCTION(prod, Reduce::Prod)
MLX_REDUCTION(min, Reduce::Min)
MLX_REDUCTION(max, Reduce::Max)

#undef MLX_REDUCTION

std::tuple<array, array> minmax(const array& a, bool keepdims, StreamOrDevice s) {
  return {min(a, keepdims, s), max(a, keepdims, s)};
}
std::tuple<array, array> minmax(const array& a, const std::vector<int>& axes, bool keepdims,
                                StreamOrDevice s) {
  return {min(a, axes, keepdims, s), max(a, axes, keepdims, s)};
}
std::tuple<array, array> minmax(const array& a, int axis, bool keepdims, StreamOrDevice s) {
  return minmax(a, std::vector<int>{axis}, keepdims, s);
}

array argmin(const array& a, bool keepdims, StreamOrDevice s) {
  return arg_reduce_all(ArgReduce::ArgMin, "argmin", a, keepdims, s);
}
array argmin(const array& a, int axis, bool keepdims, StreamOrDevice s) {
  return arg_reduce(ArgReduce::ArgMin, "argmin", a, axis, keepdims, s);
}
array argmax(const array& a, bool keepdims, StreamOrDevice s) {
  return arg_reduce_all(ArgReduce::ArgMax, "argmax", a, keepdims, s);
}
array argmax(const array& a, int axis, bool keepdims, StreamOrDevice s) {
  return arg_reduce(ArgReduce::ArgMax, "argmax", a, axis, keepdims, s);
}

// Reduce

const char* Reduce::name() const {
  switch (reduce_type_) {
    case And:
      return "And";
    case Or:
      return "Or";
    case Sum:
      return "Sum";
    case Prod:
      return "Prod";
    case Min:
      return "Min";
    case Max:
      return "Max";
  }
  return "Reduce";
}

bool Reduce::is_equivalent(const Primitive& other) const {
  return state() == static_cast<const Reduce&>(other).state();
}

std::vector<Shape> Reduce::output_shapes(const std::vector<array>& inputs) {
  Shape shape = inputs[0].shape();
  for (int axis : axes_) {
    bool needs_element = reduce_type_ == Min || reduce_type_ == Max;
    require_fit(!needs_element || shape[axis] > 0, name(), inputs);
    shape[axis] = 1;
  }
  return {shape};
}

namespace {

/** The product of the other elements along `axes`: right also where there are zeros. */
array product_of_others(const array& x, const std::vector<int>& axes, Stream s) {
  array merged = merge_axes(x, axes, s);
  array before = cumprod(merged, -1, false, false, std::nullopt, s);
  array after = cumprod(merged, -1, true, false, std::nullopt, s);
  return unmerge_axes(multiply(before, after, s), x, axes, s);
}

}  // namespace

std::vector<array> Reduce::vjp(const std::vector<array>& primals,
                               const std::vector<array>& cotangents, const std::vector<int>&,
                               const std::vector<array>& outputs) {
  const array& x = primals[0];
  const Stream s = stream();
  array g =
      cotangents[0].dtype() == x.dtype() ? cotangents[0] : astype(cotangents[0], x.dtype(), s);
  switch (reduce_type_) {
    case Sum:
      return {detail::broadcast_like(g, x, s)};
    case Prod:
      return {multiply(g, product_of_others(x, axes_, s), s)};
    case Min:
    case Max: {
      // Equal extrema share the gradient.
      array mask = equal(x, outputs[0], s);
      array count = sum(mask, axes_, true, s);
      array share = divide(g, astype(count, x.dtype(), s), s);
      return {multiply(share, astype(mask, x.dtype(), s), s)};
    }
    default:
      return {detail::filled_like(x, 0, x.dtype(), s)};
  }
}

std::vector<array> Reduce::jvp(const std::vector<array>& primals,
                               const std::vector<array>& tangents, const std::vector<int>&) {
  const array& x = primals[0];
  const Stream s = stream();
  switch (reduce_type_) {
    case Sum:
      return {sum(tangents[0], axes_, true, s)};
    case Prod:
      return {sum(multiply(tangents[0], product_of_others(x, axes_, s), s), axes_, true, s)};
    case Min:
    case Max: {
      // The tangent of the first extremum.
      array best = make_reduce(reduce_type_, x, axes_, x.dtype(), s);
      array mask = merge_axes(astype(equal(x, best, s), int32, s), axes_, s);
      array rank = multiply(mask, cumsum(mask, -1, false, true, std::nullopt, s), s);
      array first = unmerge_axes(equal(rank, array(1), s), x, axes_, s);
      array zero = array(0, tangents[0].dtype());
      return {sum(where(first, tangents[0], zero, s), axes_, true, s)};
    }
    default:
      return {detail::filled_like(make_reduce(reduce_type_, x, axes_, bool_, s), 0, bool_, s)};
  }
}

std::pair<std::vector<array>, std::vector<int>> Reduce::vmap(const std::vector<array>& inputs,
                                                             const std::vector<int>& axes) {
  std::vector<int> shifted = axes_;
  if (axes[0] >= 0) {
    for (auto& axis : shifted) axis += axis >= axes[0];
  }
  Dtype dtype = reduced_dtype(reduce_type_, inputs[0].dtype());
  return {{make_reduce(reduce_type_, inputs[0], std::move(shifted), dtype, stream())}, axes};
}

// ArgReduce

bool ArgReduce::is_equivalent(const Primitive& other) const {
  return state() == static_cast<const ArgReduce&>(other).state();
}

std::vector<Shape> ArgReduce::output_shapes(const std::vector<array>& inputs) {
  Shape shape = inputs[0].shape();
  require_fit(shape[axis_] > 0, name(), inputs);
  shape[axis_] = 1;
  return {shape};
}

std::vector<array> ArgReduce::vjp(const std::vector<array>& primals, const std::vector<array>&,
                                  const std::vector<int>&, const std::vector<array>&) {
  return {detail::filled_like(primals[0], 0, primals[0].dtype(), stream())};
}

std::vector<array> ArgReduce::jvp(const std::vector<array>& primals, const std::vector<array>&,
                                  const std::vector<int>&) {
  array out = arg_reduce(reduce_type_, name(), primals[0], axis_, true, stream());
  return {detail::filled_like(out, 0, uint32, stream())};
}

std::pair<std::vector<array>, std::vector<int>> ArgReduce::vmap(const std::vector<array>& inputs,
                                                                const std::vector<int>& axes) {
  int axis = axis_ + (axes[0] >= 0 && axis_ >= axes[0]);
  return {{arg_reduce(reduce_type_, "argreduce", inputs[0], axis, true, stream())}, axes};
}

}  // namespace mlx::core
