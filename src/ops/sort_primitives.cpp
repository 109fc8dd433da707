// Derivatives and batching of the sorting primitives. A sort permutes its input, so do its
// derivatives.
#include "base/errors.h"
#include "graph/shape_check.h"
#include "mlx/ops/indexing.h"
#include "mlx/ops/shape.h"
#include "mlx/ops/shape_like.h"
#include "mlx/ops/sort.h"
#include "mlx/primitives/sort.h"

namespace mlx::core {

namespace {

using Arrays = std::vector<array>;
using Batched = std::pair<std::vector<array>, std::vector<int>>;

/** The axis that follows `axis` into the batched array with the batch at `batch`. */
int past_batch(int axis, int batch) { return axis + (batch >= 0 && axis >= batch ? 1 : 0); }

/** The cotangent put back to where the elements came from. */
array unsort(const array& x, const array& order, const array& cotangent, int axis, Stream s) {
  return put_along_axis(detail::filled_like(x, 0, cotangent.dtype(), s), order, cotangent, axis, s);
}

}  // namespace

bool Sort::is_equivalent(const Primitive& other) const {
  return axis_ == static_cast<const Sort&>(other).axis_;
}
Arrays Sort::vjp(const Arrays& primals, const Arrays& cotangents, const std::vector<int>&,
                 const Arrays&) {
  const array& x = primals[0];
  return {unsort(x, argsort(x, axis_, stream()), cotangents[0], axis_, stream())};
}
Arrays Sort::jvp(const Arrays& primals, const Arrays& tangents, const std::vector<int>&) {
  return {take_along_axis(tangents[0], argsort(primals[0], axis_, stream()), axis_, stream())};
}
Batched Sort::vmap(const Arrays& inputs, const std::vector<int>& axes) {
  return {{sort(inputs[0], past_batch(axis_, axes[0]), stream())}, axes};
}

bool ArgSort::is_equivalent(const Primitive& other) const {
  return axis_ == static_cast<const ArgSort&>(other).axis_;
}
Arrays ArgSort::vjp(const Arrays& primals, const Arrays&, const std::vector<int>&, const Arrays&) {
  return {detail::filled_like(primals[0], 0, primals[0].dtype(), stream())};
}
Arrays ArgSort::jvp(const Arrays& primals, const Arrays&, const std::vector<int>&) {
  return {detail::filled_like(primals[0], 0, uint32, stream())};
}
Batched ArgSort::vmap(const Arrays& inputs, const std::vector<int>& axes) {
  return {{argsort(inputs[0], past_batch(axis_, axes[0]), stream())}, axes};
}

std::vector<Shape> Partition::output_shapes(const Arrays& inputs) {
  require_fit(kth_ < inputs[0].shape(axis_), "partition", inputs);
  return {inputs[0].shape()};
}
bool Partition::is_equivalent(const Primitive& other) const {
  return state() == static_cast<const Partition&>(other).state();
}
// Which of several equal elements went where is not known; that they did in some order is: the i-th
// of the sorted input became the i-th of the sorted output.
Arrays Partition::vjp(const Arrays& primals, const Arrays& cotangents, const std::vector<int>&,
                      const Arrays& outputs) {
  const array& x = primals[0];
  array in_order =
      take_along_axis(cotangents[0], argsort(outputs[0], axis_, stream()), axis_, stream());
  return {unsort(x, argsort(x, axis_, stream()), in_order, axis_, stream())};
}
Arrays Partition::jvp(const Arrays& primals, const Arrays& tangents, const std::vector<int>&) {
  const array& x = primals[0];
  array in_order = take_along_axis(tangents[0], argsort(x, axis_, stream()), axis_, stream());
  array order = argsort(partition(x, kth_, axis_, stream()), axis_, stream());
  return {unsort(x, order, in_order, axis_, stream())};
}
Batched Partition::vmap(const Arrays& inputs, const std::vector<int>& axes) {
  return {{partition(inputs[0], kth_, past_batch(axis_, axes[0]), stream())}, axes};
}

std::vector<Shape> ArgPartition::output_shapes(const Arrays& inputs) {
  require_fit(kth_ < inputs[0].shape(axis_), "argpartition", inputs);
  return {inputs[0].shape()};
}
bool ArgPartition::is_equivalent(const Primitive& other) const {
  return state() == static_cast<const ArgPartition&>(other).state();
}
Arrays ArgPartition::vjp(const Arrays& primals, const Arrays&, const std::vector<int>&,
                         const Arrays&) {
  return {detail::filled_like(primals[0], 0, primals[0].dtype(), stream())};
}
Arrays ArgPartition::jvp(const Arrays& primals, const Arrays&, const std::vector<int>&) {
  return {detail::filled_like(primals[0], 0, uint32, stream())};
}
Batched ArgPartition::vmap(const Arrays& inputs, const std::vector<int>& axes) {
  return {{argpartition(inputs[0], kth_, past_batch(axis_, axes[0]), stream())}, axes};
}

bool SearchSorted::is_equivalent(const Primitive& other) const {
  return right_ == static_cast<const SearchSorted&>(other).right_;
}
Arrays SearchSorted::vjp(const Arrays& primals, const Arrays&, const std::vector<int>& argnums,
                         const Arrays&) {
  Arrays grads;
  for (int i : argnums) {
    grads.push_back(detail::filled_like(primals[i], 0, primals[i].dtype(), stream()));
  }
  return grads;
}
Arrays SearchSorted::jvp(const Arrays& primals, const Arrays&, const std::vector<int>&) {
  return {detail::filled_like(primals[1], 0, uint32, stream())};
}
Batched SearchSorted::vmap(const Arrays& inputs, const std::vector<int>& axes) {
  const char* side = right_ ? "right" : "left";
  if (axes[0] < 0) return {{searchsorted(inputs[0], inputs[1], side, stream())}, {axes[1]}};
  Arrays rows;
  for (int i = 0; i < inputs[0].shape(axes[0]); ++i) {
    array values = axes[1] < 0 ? inputs[1] : take(inputs[1], i, axes[1], stream());
    rows.push_back(searchsorted(take(inputs[0], i, axes[0], stream()), values, side, stream()));
  }
  return {{stack(rows, stream())}, {0}};
}

}  // namespace mlx::core
