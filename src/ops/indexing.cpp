// Public functions that read and write at computed places.
#include "mlx/ops/indexing.h"

#include <algorithm>
#include <memory>

#include "base/errors.h"
#include "base/pool_allocator.h"
#include "graph/input_list.h"
#include "graph/shape.h"
#include "mlx/ops/elementwise.h"
#include "mlx/ops/shape.h"
#include "mlx/ops/shape_like.h"
#include "mlx/primitives/indexing.h"
#include "mlx/transforms_impl.h"
#include "ops/broadcasting.h"

namespace mlx::core {

namespace {

void check_indices(const array& indices, const char* op) {
  if (!issubdtype(indices.dtype(), integer)) {
    throw_invalid(op, "indices must have an integer dtype: got {}.", dtype_name(indices.dtype()));
  }
}

/** Checks indices and axes of a gather or scatter; returns the axes counted from the front. */
std::vector<int> check_axes(const array& a, const std::vector<array>& indices,
                            const std::vector<int>& axes, const char* op) {
  if (indices.size() != axes.size()) {
    throw_invalid(op, "got {} index arrays for {} axes, expected one for each.", indices.size(),
                  axes.size());
  }
  if (indices.size() > a.ndim()) {
    throw_invalid(op, "got {} index arrays for an array with {} dimensions.", indices.size(),
                  a.ndim());
  }
  for (const array& index : indices) check_indices(index, op);
  std::vector<int> normalized;
  for (int axis : axes) {
    int from_front = axis < 0 ? axis + static_cast<int>(a.ndim()) : axis;
    if (from_front < 0 || from_front >= static_cast<int>(a.ndim())) {
      throw_invalid(op, "axis {} is out of bounds for an array with {} dimensions.", axis,
                    a.ndim());
    }
    normalized.push_back(from_front);
  }
  std::vector<int> sorted = normalized;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) {
    throw_invalid(op, "each axis may have one index array only.");
  }
  return normalized;
}

/** All index arrays as they are, but of one dtype and with their common shape. */
std::vector<array> align_indices(const char* op, const std::vector<array>& indices, Stream s) {
  if (indices.empty()) return {};
  std::vector<array> aligned = broadcast_operands(op, indices, s);
  Dtype dtype = result_type(indices);
  for (array& index : aligned) {
    // uint64 with a signed dtype promotes to a float; signed 64 bits hold every valid index.
    index = astype(index, issubdtype(dtype, integer) ? dtype : int64, s);
  }
  return aligned;
}

array make_scatter(const array& a, const std::vector<array>& indices, const array& updates,
                   const std::vector<int>& axes, Scatter::ReduceType reduce_type, const char* op,
                   StreamOrDevice s) {
  Stream stream = to_stream(s);
  std::vector<int> from_front = check_axes(a, indices, axes, op);
  std::vector<array> inputs = align_indices(op, indices, stream);
  Shape index_shape = inputs.empty() ? Shape{} : inputs[0].shape();
  if (updates.ndim() != a.ndim() + index_shape.size()) {
    throw_invalid(op,
                  "updates need the dimensions of the indices followed by those of the array: got "
                  "{} dimensions, expected {}.",
                  updates.ndim(), a.ndim() + index_shape.size());
  }
  for (size_t i = 0; i < index_shape.size(); ++i) {
    if (updates.shape()[i] != index_shape[i]) {
      throw_invalid(op, "updates of shape {} do not start with the shape {} of the indices.",
                    to_string(updates.shape()), to_string(index_shape));
    }
  }
  for (size_t i = 0; i < a.ndim(); ++i) {
    if (updates.shape()[index_shape.size() + i] > a.shape()[i]) {
      throw_invalid(op, "slices of updates of shape {} do not fit an array of shape {}.",
                    to_string(updates.shape()), to_string(a.shape()));
    }
  }
  inputs.insert(inputs.begin(), a);
  inputs.push_back(astype(updates, a.dtype(), stream));
  return array(a.shape(), a.dtype(), make_node<Scatter>(stream, reduce_type, from_front),
               std::move(inputs));
}

/** Indices and axis of a take or put along an axis; the indices are broadcast along the others. */
std::pair<array, int> align_along_axis(const array& a, const array& indices, int axis,
                                       const char* op, Stream s) {
  axis = normalize_axis(axis, static_cast<int>(a.ndim()), op);
  if (indices.ndim() != a.ndim()) {
    throw_invalid(op, "indices need as many dimensions as the array: got {}, expected {}.",
                  indices.ndim(), a.ndim());
  }
  check_indices(indices, op);
  return {indices, axis};
}

array write_along_axis(const array& a, const array& indices, const array& values, int axis,
                       ScatterAxis::ReduceType reduce_type, const char* op, StreamOrDevice s) {
  Stream stream = to_stream(s);
  auto [index, from_front] = align_along_axis(a, indices, axis, op, stream);
  index = detail::broadcast_except(op, index, a, {from_front - static_cast<int>(a.ndim())}, stream);
  Shape fitting = a.shape();
  fitting[from_front] = index.shape(from_front);
  if (index.shape() != fitting) {
    throw_invalid(op, "the indices must broadcast to the array: got shapes {} and {}.",
                  to_string(indices.shape()), to_string(a.shape()));
  }
  array updates = detail::broadcast_like(astype(values, a.dtype(), stream), index, stream);
  if (index.size() == 0) return a;
  return array(a.shape(), a.dtype(), make_node<ScatterAxis>(stream, reduce_type, from_front),
               {a, index, updates});
}

array make_slice_update(const array& src, const array& update, Shape start, Shape stop,
                        Shape strides, SliceUpdate::ReduceType reduce_type, const char* op,
                        StreamOrDevice s) {
  Stream stream = to_stream(s);
  Shape shape = normalize_slice(op, src.shape(), start, stop, strides);
  array updates = broadcast_to(astype(update, src.dtype(), stream), shape, stream);
  if (reduce_type == SliceUpdate::None && shape == src.shape() &&
      std::all_of(strides.begin(), strides.end(), [](auto step) { return step == 1; })) {
    return updates;
  }
  if (updates.size() == 0) return src;
  return array(src.shape(), src.dtype(),
               make_node<SliceUpdate>(stream, reduce_type, std::move(start), std::move(stop),
                                      std::move(strides)),
               input_list(src, std::move(updates)));
}

/** Checks the starts of a dynamic slice; returns the axes counted from the front. */
std::vector<int> check_starts(const array& a, const array& start, const std::vector<int>& axes,
                              const char* op) {
  if (start.ndim() > 1) {
    throw_invalid(op, "the starts must be a 1-d array: got {} dimensions.", start.ndim());
  }
  if (!issubdtype(start.dtype(), integer)) {
    throw_invalid(op, "the starts must be integers: got {}.", dtype_name(start.dtype()));
  }
  if (start.size() != axes.size()) {
    throw_invalid(op, "got {} starts for {} axes, expected one for each.", start.size(),
                  axes.size());
  }
  std::vector<int> normalized;
  for (int axis : axes) {
    normalized.push_back(normalize_axis(axis, static_cast<int>(a.ndim()), op));
  }
  std::vector<int> sorted = normalized;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) {
    throw_invalid(op, "each axis may be given once only.");
  }
  return normalized;
}

}  // namespace

array gather(const array& a, const std::vector<array>& indices, const std::vector<int>& axes,
             const Shape& slice_sizes, StreamOrDevice s) {
  Stream stream = to_stream(s);
  std::vector<int> from_front = check_axes(a, indices, axes, "gather");
  if (slice_sizes.size() != a.ndim()) {
    throw_invalid("gather", "got {} slice sizes for an array with {} dimensions.",
                  slice_sizes.size(), a.ndim());
  }
  for (size_t i = 0; i < a.ndim(); ++i) {
    if (slice_sizes[i] < 0 || slice_sizes[i] > a.shape()[i]) {
      throw_invalid("gather", "slice sizes {} do not fit an array of shape {}.",
                    to_string(slice_sizes), to_string(a.shape()));
    }
  }
  std::vector<array> inputs = align_indices("gather", indices, stream);
  Shape shape = inputs.empty() ? Shape{} : inputs[0].shape();
  shape.insert(shape.end(), slice_sizes.begin(), slice_sizes.end());
  inputs.insert(inputs.begin(), a);
  return array(std::move(shape), a.dtype(),
               make_node<Gather>(stream, std::move(from_front), slice_sizes), std::move(inputs));
}

array take(const array& a, const array& indices, int axis, StreamOrDevice s) {
  int ndim = static_cast<int>(a.ndim());
  if (axis < -ndim || axis >= ndim) {
    throw_out_of_range("take", "axis {} is out of bounds for an array with {} dimensions.", axis,
                       ndim);
  }
  if (axis < 0) axis += ndim;
  if (a.shape(axis) == 0 && indices.size() != 0) {
    throw_invalid("take", "cannot take elements from an empty axis.");
  }
  if (ndim > 1 && axis == ndim - 1 && indices.ndim() == 1 && indices.size() != 0) {
    // Single elements, not rows: the layout of the result is then row-major.
    Shape shape(ndim, 1);
    shape[axis] = indices.shape(0);
    return take_along_axis(a, reshape(indices, std::move(shape), s), axis, s);
  }
  Shape slice_sizes = a.shape();
  slice_sizes[axis] = a.shape(axis) == 0 ? 0 : 1;
  array out = gather(a, indices, axis, slice_sizes, s);
  int index_ndim = static_cast<int>(indices.ndim());
  if (slice_sizes[axis] == 0) {
    Shape shape = out.shape();
    shape.erase(shape.begin() + index_ndim + axis);
    out = reshape(out, shape, s);
  } else {
    out = squeeze(out, index_ndim + axis, s);
  }
  // The dimensions of the indices take the place of the axis.
  std::vector<int> order;
  for (int i = 0; i < axis; ++i) order.push_back(index_ndim + i);
  for (int i = 0; i < index_ndim; ++i) order.push_back(i);
  for (int i = axis; i < ndim - 1; ++i) order.push_back(index_ndim + i);
  return transpose(out, order, s);
}

array take(const array& a, const array& indices, StreamOrDevice s) {
  if (a.size() == 0 && indices.size() != 0) {
    throw_invalid("take", "cannot take elements from an empty array.");
  }
  return take(flatten(a, s), indices, 0, s);
}

array take(const array& a, int index, int axis, StreamOrDevice s) {
  int ndim = static_cast<int>(a.ndim());
  if (axis < -ndim || axis >= ndim) {
    throw_out_of_range("take", "axis {} is out of bounds for an array with {} dimensions.", axis,
                       ndim);
  }
  if (axis < 0) axis += ndim;
  int length = a.shape(axis);
  if (length == 0) throw_invalid("take", "cannot take an element from an empty axis.");
  if (index < -length || index >= length) {
    throw_out_of_range("take", "index {} is out of bounds for axis {} with size {}.", index, axis,
                       length);
  }
  // A slice has its stops fixed, so a shapeless trace gathers.
  if (detail::in_dynamic_tracing()) return take(a, array(index, int32), axis, s);
  if (index < 0) index += length;
  Shape start(a.ndim(), 0);
  Shape stop = a.shape();
  start[axis] = index;
  stop[axis] = index + 1;
  return squeeze(slice(a, std::move(start), std::move(stop), s), axis, s);
}

array take(const array& a, int index, StreamOrDevice s) {
  if (a.size() == 0) throw_invalid("take", "cannot take an element from an empty array.");
  return take(flatten(a, s), index, 0, s);
}

array take_along_axis(const array& a, const array& indices, int axis, StreamOrDevice s) {
  Stream stream = to_stream(s);
  auto [index, from_front] = align_along_axis(a, indices, axis, "take_along_axis", stream);
  // Both are broadcast against each other along the other axes.
  const std::vector<int> kept{from_front - static_cast<int>(a.ndim())};
  array source = detail::broadcast_except("take_along_axis", a, index, kept, stream);
  index = detail::broadcast_except("take_along_axis", index, a, kept, stream);
  if (index.size() != 0 && a.shape(from_front) == 0) {
    throw_invalid("take_along_axis", "cannot take elements from an empty axis.");
  }
  return array(index.shape(), a.dtype(), make_node<GatherAxis>(stream, from_front),
               {source, index});
}

array put_along_axis(const array& a, const array& indices, const array& values, int axis,
                     StreamOrDevice s) {
  return write_along_axis(a, indices, values, axis, ScatterAxis::None, "put_along_axis", s);
}
array scatter_add_axis(const array& a, const array& indices, const array& values, int axis,
                       StreamOrDevice s) {
  return write_along_axis(a, indices, values, axis, ScatterAxis::Sum, "scatter_add_axis", s);
}

array scatter(const array& a, const std::vector<array>& indices, const array& updates,
              const std::vector<int>& axes, StreamOrDevice s) {
  return make_scatter(a, indices, updates, axes, Scatter::None, "scatter", s);
}
array scatter_add(const array& a, const std::vector<array>& indices, const array& updates,
                  const std::vector<int>& axes, StreamOrDevice s) {
  return make_scatter(a, indices, updates, axes, Scatter::Sum, "scatter_add", s);
}
array scatter_prod(const array& a, const std::vector<array>& indices, const array& updates,
                   const std::vector<int>& axes, StreamOrDevice s) {
  return make_scatter(a, indices, updates, axes, Scatter::Prod, "scatter_prod", s);
}
array scatter_max(const array& a, const std::vector<array>& indices, const array& updates,
                  const std::vector<int>& axes, StreamOrDevice s) {
  return make_scatter(a, indices, updates, axes, Scatter::Max, "scatter_max", s);
}
array scatter_min(const array& a, const std::vector<array>& indices, const array& updates,
                  const std::vector<int>& axes, StreamOrDevice s) {
  return make_scatter(a, indices, updates, axes, Scatter::Min, "scatter_min", s);
}

array masked_scatter(const array& a, const array& mask, const array& src, StreamOrDevice s) {
  Stream stream = to_stream(s);
  if (mask.dtype() != bool_) {
    throw_invalid("masked_scatter", "the mask must have dtype bool: got {}.",
                  dtype_name(mask.dtype()));
  }
  const size_t lead = mask.ndim();
  if (lead > a.ndim() || !std::equal(mask.shape().begin(), mask.shape().end(), a.shape().begin())) {
    throw_invalid("masked_scatter",
                  "the mask of shape {} must have the leading dimensions of the array of shape {}.",
                  to_string(mask.shape()), to_string(a.shape()));
  }
  if (a.size() == 0) return a;
  // The source is one element for each place of the mask, or a list of them.
  const Shape element(a.shape().begin() + lead, a.shape().end());
  if (src.ndim() > element.size() + 1) {
    throw_invalid("masked_scatter",
                  "the source must broadcast to elements of shape {} or a list of them: got {}.",
                  to_string(element), to_string(src.shape()));
  }
  Shape mask_shape = mask.shape();
  mask_shape.resize(a.ndim(), 1);
  array full_mask = reshape(mask, mask_shape, stream);
  if (src.ndim() <= element.size()) {
    return where(full_mask, astype(src, a.dtype(), stream), a, stream);
  }
  Shape source_shape = element;
  source_shape.insert(source_shape.begin(), src.shape(0));
  array source = broadcast_to(astype(src, a.dtype(), stream), source_shape, stream);
  full_mask = broadcast_to(full_mask, a.shape(), stream);
  auto as_row = [&](const array& x) {
    return reshape(x, {1, safe_cast(x.size(), "masked_scatter")}, stream);
  };
  array target = as_row(a);
  return reshape(array(target.shape(), a.dtype(), make_node<MaskedScatter>(stream),
                       {target, as_row(full_mask), as_row(source)}),
                 a.shape(), stream);
}

array slice(const array& a, const array& start, std::vector<int> axes, Shape slice_size,
            StreamOrDevice s) {
  std::vector<int> from_front = check_starts(a, start, axes, "slice");
  if (slice_size.size() != a.ndim()) {
    throw_invalid("slice", "got {} slice sizes for an array with {} dimensions.", slice_size.size(),
                  a.ndim());
  }
  for (size_t i = 0; i < a.ndim(); ++i) {
    if (slice_size[i] < 0 || slice_size[i] > a.shape()[i]) {
      throw_invalid("slice", "slice size {} does not fit an array of shape {}.",
                    to_string(slice_size), to_string(a.shape()));
    }
  }
  auto primitive = make_node<DynamicSlice>(to_stream(s), std::move(from_front), slice_size);
  return array(std::move(slice_size), a.dtype(), std::move(primitive), {a, start});
}

array slice_update(const array& src, const array& update, Shape start, Shape stop, Shape strides,
                   StreamOrDevice s) {
  return make_slice_update(src, update, std::move(start), std::move(stop), std::move(strides),
                           SliceUpdate::None, "slice_update", s);
}

array slice_update(const array& src, const array& update, const array& start, std::vector<int> axes,
                   StreamOrDevice s) {
  Stream stream = to_stream(s);
  std::vector<int> from_front = check_starts(src, start, axes, "slice_update");
  // Along given axes the slice is as long as the update, along the others it spans the array.
  if (update.ndim() > src.ndim()) {
    throw_invalid("slice_update", "the update has {} dimensions, but the array only {}.",
                  update.ndim(), src.ndim());
  }
  Shape shape(src.ndim(), 1);
  std::copy(update.shape().begin(), update.shape().end(),
            shape.begin() + (src.ndim() - update.ndim()));
  for (size_t i = 0; i < src.ndim(); ++i) {
    if (shape[i] > src.shape()[i]) {
      throw_invalid("slice_update", "an update of shape {} does not fit an array of shape {}.",
                    to_string(update.shape()), to_string(src.shape()));
    }
    bool is_given = std::find(from_front.begin(), from_front.end(), i) != from_front.end();
    if (!is_given && shape[i] == 1) shape[i] = src.shape()[i];
  }
  array updates = broadcast_to(astype(update, src.dtype(), stream), shape, stream);
  return array(src.shape(), src.dtype(),
               make_node<DynamicSliceUpdate>(stream, std::move(from_front)), {src, updates, start});
}

array slice_update_add(const array& src, const array& update, Shape start, Shape stop,
                       Shape strides, StreamOrDevice s) {
  return make_slice_update(src, update, std::move(start), std::move(stop), std::move(strides),
                           SliceUpdate::Sum, "slice_update_add", s);
}
array slice_update_prod(const array& src, const array& update, Shape start, Shape stop,
                        Shape strides, StreamOrDevice s) {
  return make_slice_update(src, update, std::move(start), std::move(stop), std::move(strides),
                           SliceUpdate::Prod, "slice_update_prod", s);
}
array slice_update_max(const array& src, const array& update, Shape start, Shape stop,
                       Shape strides, StreamOrDevice s) {
  return make_slice_update(src, update, std::move(start), std::move(stop), std::move(strides),
                           SliceUpdate::Max, "slice_update_max", s);
}
array slice_update_min(const array& src, const array& update, Shape start, Shape stop,
                       Shape strides, StreamOrDevice s) {
  return make_slice_update(src, update, std::move(start), std::move(stop), std::move(strides),
                           SliceUpdate::Min, "slice_update_min", s);
}

array slice_update(const array& src, const array& update, Shape start, Shape stop,
                   StreamOrDevice s) {
  return slice_update(src, update, std::move(start), std::move(stop), Shape(src.ndim(), 1), s);
}
array slice_update_add(const array& src, const array& update, Shape start, Shape stop,
                       StreamOrDevice s) {
  return slice_update_add(src, update, std::move(start), std::move(stop), Shape(src.ndim(), 1), s);
}
array slice_update_prod(const array& src, const array& update, Shape start, Shape stop,
                        StreamOrDevice s) {
  return slice_update_prod(src, update, std::move(start), std::move(stop), Shape(src.ndim(), 1), s);
}
array slice_update_max(const array& src, const array& update, Shape start, Shape stop,
                       StreamOrDevice s) {
  return slice_update_max(src, update, std::move(start), std::move(stop), Shape(src.ndim(), 1), s);
}
array slice_update_min(const array& src, const array& update, Shape start, Shape stop,
                       StreamOrDevice s) {
  return slice_update_min(src, update, std::move(start), std::move(stop), Shape(src.ndim(), 1), s);
}

}  // namespace mlx::core
