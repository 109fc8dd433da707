// Public sorting and searching functions.
#include "mlx/ops/sort.h"

#include <memory>

#include "base/errors.h"
#include "graph/shape.h"
#include "mlx/ops/elementwise.h"
#include "mlx/ops/shape.h"
#include "mlx/primitives/sort.h"

namespace mlx::core {

namespace {

/** A partition's position counted from the front. */
int normalize_kth(const array& a, int kth, int axis, const char* op) {
  int length = a.shape(axis);
  int normalized = kth < 0 ? kth + length : kth;
  if (normalized < 0 || normalized >= length) {
    throw_invalid(op, "kth {} is out of range for axis {} of an array of shape {}.", kth, axis,
                  to_string(a.shape()));
  }
  return normalized;
}

}  // namespace

array sort(const array& a, int axis, StreamOrDevice s) {
  axis = normalize_axis(axis, static_cast<int>(a.ndim()), "sort");
  return array(a.shape(), a.dtype(), std::make_shared<Sort>(to_stream(s), axis), {a});
}
array sort(const array& a, StreamOrDevice s) { return sort(flatten(a, s), 0, s); }

array argsort(const array& a, int axis, StreamOrDevice s) {
  axis = normalize_axis(axis, static_cast<int>(a.ndim()), "argsort");
  return array(a.shape(), uint32, std::make_shared<ArgSort>(to_stream(s), axis), {a});
}
array argsort(const array& a, StreamOrDevice s) { return argsort(flatten(a, s), 0, s); }

array partition(const array& a, int kth, int axis, StreamOrDevice s) {
  axis = normalize_axis(axis, static_cast<int>(a.ndim()), "partition");
  kth = normalize_kth(a, kth, axis, "partition");
  return array(a.shape(), a.dtype(), std::make_shared<Partition>(to_stream(s), kth, axis), {a});
}
array partition(const array& a, int kth, StreamOrDevice s) {
  return partition(flatten(a, s), kth, 0, s);
}

array argpartition(const array& a, int kth, int axis, StreamOrDevice s) {
  axis = normalize_axis(axis, static_cast<int>(a.ndim()), "argpartition");
  kth = normalize_kth(a, kth, axis, "argpartition");
  return array(a.shape(), uint32, std::make_shared<ArgPartition>(to_stream(s), kth, axis), {a});
}
array argpartition(const array& a, int kth, StreamOrDevice s) {
  return argpartition(flatten(a, s), kth, 0, s);
}

array searchsorted(const array& sorted_sequence, const array& values, const std::string& side,
                   StreamOrDevice s) {
  if (sorted_sequence.ndim() != 1) {
    throw_invalid("searchsorted", "the sorted sequence must have 1 dimension: got shape {}.",
                  to_string(sorted_sequence.shape()));
  }
  if (side != "left" && side != "right") {
    throw_invalid("searchsorted", "side must be 'left' or 'right': got '{}'.", side);
  }
  Dtype dtype = result_type(sorted_sequence, values);
  return array(values.shape(), uint32,
               std::make_shared<SearchSorted>(to_stream(s), side == "right"),
               {astype(sorted_sequence, dtype, s), astype(values, dtype, s)});
}

array topk(const array& a, int k, int axis, StreamOrDevice s) {
  axis = normalize_axis(axis, static_cast<int>(a.ndim()), "topk");
  int length = a.shape(axis);
  if (k < 0 || k > length) {
    throw_invalid("topk", "k={} is out of range for axis {} of an array of shape {}.", k, axis,
                  to_string(a.shape()));
  }
  if (k == length) return a;
  Shape start(a.ndim(), 0);
  start[axis] = length - k;
  if (k == 0) return slice(a, std::move(start), a.shape(), s);
  return slice(partition(a, length - k, axis, s), std::move(start), a.shape(), s);
}
array topk(const array& a, int k, StreamOrDevice s) { return topk(flatten(a, s), k, 0, s); }

}  // namespace mlx::core
