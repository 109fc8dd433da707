// Public sorting and searching functions.
#include "mlx/ops/sort.h"

#include <memory>

#include "base/errors.h"
#include "base/pool_allocator.h"
#include "graph/shape.h"
#include "mlx/ops.h"
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
  return array(a.shape(), a.dtype(), make_node<Sort>(to_stream(s), axis), {a});
}
array sort(const array& a, StreamOrDevice s) { return sort(flatten(a, s), 0, s); }

array argsort(const array& a, int axis, StreamOrDevice s) {
  axis = normalize_axis(axis, static_cast<int>(a.ndim()), "argsort");
  return array(a.shape(), uint32, make_node<ArgSort>(to_stream(s), axis), {a});
}
array argsort(const array& a, StreamOrDevice s) { return argsort(flatten(a, s), 0, s); }

array partition(const array& a, int kth, int axis, StreamOrDevice s) {
  axis = normalize_axis(axis, static_cast<int>(a.ndim()), "partition");
  kth = normalize_kth(a, kth, axis, "partition");
  return array(a.shape(), a.dtype(), make_node<Partition>(to_stream(s), kth, axis), {a});
}
array partition(const array& a, int kth, StreamOrDevice s) {
  return partition(flatten(a, s), kth, 0, s);
}

array argpartition(const array& a, int kth, int axis, StreamOrDevice s) {
  axis = normalize_axis(axis, static_cast<int>(a.ndim()), "argpartition");
  kth = normalize_kth(a, kth, axis, "argpartition");
  return array(a.shape(), uint32, make_node<ArgPartition>(to_stream(s), kth, axis), {a});
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
  return array(values.shape(), uint32, make_node<SearchSorted>(to_stream(s), side == "right"),
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

std::vector<array> unique(const array& a, int size, bool return_index, bool return_inverse,
                          bool return_counts, const std::optional<array>& fill_value,
                          StreamOrDevice s) {
  if (size < 0) throw_invalid("unique", "the size must not be negative: got {}.", size);
  if (fill_value && fill_value->size() != 1) {
    throw_invalid("unique", "the fill value must have one element: got shape {}.",
                  to_string(fill_value->shape()));
  }
  if (a.size() == 0 && size > 0 && !fill_value) {
    throw_invalid("unique", "an empty array of non-zero size needs a fill value.");
  }
  Stream stream = to_stream(s);
  const int n = safe_cast(a.size(), "unique");
  array values =
      full({size}, fill_value ? astype(*fill_value, a.dtype(), stream) : array(0, a.dtype()),
           a.dtype(), stream);
  array index = zeros({size}, uint32, stream);
  array inverse = zeros(a.shape(), uint32, stream);
  array counts = zeros({size}, int32, stream);
  if (n > 0 && size > 0) {
    array flat = flatten(a, stream);
    array order = argsort(flat, 0, stream);
    array sorted = take(flat, order, 0, stream);
    // The rank of an element among the distinct ones is the number of changes before it. Ranks
    // beyond the size are dropped by the scatters.
    array changes = not_equal(slice(sorted, Shape{1}, Shape{n}, stream),
                              slice(sorted, Shape{0}, Shape{n - 1}, stream), stream);
    array rank =
        cumsum(concatenate({zeros({1}, int32, stream), astype(changes, int32, stream)}, 0, stream),
               0, false, true, stream);
    array updates = reshape(order, {n, 1}, stream);
    index = scatter_min(full({size}, array(n, uint32), uint32, stream), rank, updates, 0, stream);
    array is_there = less(index, array(n, uint32), stream);
    index = where(is_there, index, slice(index, Shape{0}, Shape{1}, stream), stream);
    array found = take(flat, index, 0, stream);
    values = fill_value ? where(is_there, found, values, stream) : found;
    array last = minimum(rank, array(size - 1), stream);
    inverse = scatter(zeros({n}, uint32, stream), order,
                      reshape(astype(last, uint32, stream), {n, 1}, stream), 0, stream);
    inverse = reshape(inverse, a.shape(), stream);
    counts = scatter_add(counts, rank, ones({n, 1}, int32, stream), 0, stream);
  }
  std::vector<array> result{values};
  if (return_index) result.push_back(index);
  if (return_inverse) result.push_back(inverse);
  if (return_counts) result.push_back(counts);
  return result;
}

}  // namespace mlx::core
