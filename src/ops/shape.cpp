// Public functions on shape and layout.
#include "mlx/ops/shape.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "base/errors.h"
#include "base/pool_allocator.h"
#include "graph/broadcast.h"
#include "graph/input_list.h"
#include "graph/shape.h"
#include "mlx/primitives/shape.h"
#include "mlx/transforms_impl.h"
#include "ops/broadcasting.h"

namespace mlx::core {

array as_strided(array a, Shape shape, Strides strides, size_t offset, StreamOrDevice s) {
  if (shape.size() != strides.size()) {
    throw_invalid("as_strided",
                  "shape {} and strides must have the same number of dimensions, got {}.",
                  to_string(shape), strides.size());
  }
  __int128 lowest = offset, highest = offset;  // no sum of products of 64 bits overflows it
  bool empty = false;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] < 0) {
      throw_invalid("as_strided", "lengths must not be negative: got {}.", to_string(shape));
    }
    empty |= shape[i] == 0;
    __int128 reach = static_cast<__int128>(shape[i] - 1) * strides[i];
    (reach < 0 ? lowest : highest) += reach;
  }
  if (!empty && (lowest < 0 || highest >= static_cast<__int128>(a.size()))) {
    throw_invalid("as_strided", "the view reaches elements {} to {} of an array of {} elements.",
                  lowest, highest, a.size());
  }
  Stream stream = to_stream(s);
  array flat = reshape(a, Shape{-1}, stream);
  Dtype dtype = a.dtype();
  auto primitive = make_node<AsStrided>(stream, shape, std::move(strides), offset);
  return array(std::move(shape), dtype, std::move(primitive), {std::move(flat)});
}

array copy(array a, StreamOrDevice s) {
  Shape shape = a.shape();
  Dtype dtype = a.dtype();
  return array(std::move(shape), dtype, make_node<Copy>(to_stream(s)), {std::move(a)});
}

array contiguous(const array& a, bool allow_col_major, StreamOrDevice s) {
  return array(a.shape(), a.dtype(), make_node<Contiguous>(to_stream(s), allow_col_major), {a});
}

array stop_gradient(const array& a, StreamOrDevice s) {
  return array(a.shape(), a.dtype(), make_node<StopGradient>(to_stream(s)), {a});
}

namespace {

/** Replaces a -1 by the length that keeps the element count. */
Shape infer_dimension(const array& a, Shape shape) {
  int unknown = -1;
  size_t known = 1;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] >= 0) {
      known *= shape[i];
    } else if (unknown >= 0) {
      throw_invalid("reshape", "Reshape can only infer one dimension: got {}.", to_string(shape));
    } else {
      unknown = static_cast<int>(i);
    }
  }
  if (unknown >= 0) {
    if (known == 0) {
      throw_invalid("reshape", "Cannot infer the shape of an empty array: got {}.",
                    to_string(shape));
    }
    shape[unknown] = safe_cast(a.size() / known, "reshape");
    known *= shape[unknown];
  }
  if (known != a.size()) {
    throw_invalid("reshape", "Cannot reshape array of size {} into shape {}.", a.size(),
                  to_string(shape));
  }
  return shape;
}

}  // namespace

array reshape(const array& a, Shape shape, StreamOrDevice s) {
  if (a.shape() == shape) return a;
  Shape full = infer_dimension(a, shape);
  if (a.shape() == full) return a;
  auto primitive = make_node<Reshape>(to_stream(s), shape);
  return array(std::move(full), a.dtype(), std::move(primitive), input_list(a));
}

array unflatten(const array& a, int axis, Shape shape, StreamOrDevice s) {
  if (shape.empty()) throw_invalid("unflatten", "the shape to unflatten to cannot be empty.");
  int at = normalize_axis(axis, static_cast<int>(a.ndim()), "unflatten");
  Shape full = Unflatten::output_shape(a, at, shape);
  return array(std::move(full), a.dtype(),
               std::make_shared<Unflatten>(to_stream(s), at, std::move(shape)), {a});
}

array flatten(const array& a, int start_axis, int end_axis, StreamOrDevice s) {
  int ndim = static_cast<int>(a.ndim());
  if (ndim == 0) return reshape(a, Shape{1}, s);
  int start = std::max(0, start_axis < 0 ? start_axis + ndim : start_axis);
  int end = std::min(ndim - 1, end_axis < 0 ? end_axis + ndim : end_axis);
  if (end < start || start >= ndim || end < 0) {
    throw_invalid(
        "flatten",
        "start_axis must be less than or equal to end_axis and within the array: got {} and {} "
        "for {} dimensions.",
        start_axis, end_axis, ndim);
  }
  if (start == end) return a;
  Shape full = Flatten::output_shape(a, start, end);
  return array(std::move(full), a.dtype(), std::make_shared<Flatten>(to_stream(s), start, end),
               {a});
}

array flatten(const array& a, StreamOrDevice s) { return flatten(a, 0, -1, s); }

array squeeze(const array& a, const std::vector<int>& axes, StreamOrDevice s) {
  auto sorted = normalize_axes(axes, static_cast<int>(a.ndim()), "squeeze");
  for (int axis : sorted) {
    if (a.shape(axis) != 1) {
      throw_invalid("squeeze", "Cannot squeeze axis {} with size {} which is not equal to 1.", axis,
                    a.shape(axis));
    }
  }
  if (sorted.empty()) return a;
  auto primitive = make_node<Squeeze>(to_stream(s), std::move(sorted));
  Shape shape = primitive->output_shapes({a})[0];
  return array(std::move(shape), a.dtype(), std::move(primitive), input_list(a));
}

array squeeze(const array& a, int axis, StreamOrDevice s) {
  return squeeze(a, std::vector<int>{axis}, s);
}

array squeeze(const array& a, StreamOrDevice s) {
  std::vector<int> axes;
  for (size_t i = 0; i < a.ndim(); ++i) {
    if (a.shape()[i] == 1) axes.push_back(static_cast<int>(i));
  }
  return squeeze(a, axes, s);
}

array expand_dims(const array& a, const std::vector<int>& axes, StreamOrDevice s) {
  if (axes.empty()) return a;
  int ndim = static_cast<int>(a.ndim() + axes.size());
  auto primitive = make_node<ExpandDims>(to_stream(s), normalize_axes(axes, ndim, "expand_dims"));
  Shape shape = primitive->output_shapes({a})[0];
  return array(std::move(shape), a.dtype(), std::move(primitive), input_list(a));
}

array expand_dims(const array& a, int axis, StreamOrDevice s) {
  return expand_dims(a, std::vector<int>{axis}, s);
}

/** True for data at hand that no transformation follows: a view of it needs no node, which makes
 * Python scalars as cheap as arrays. */
static bool is_constant(const array& a) {
  return a.status() == array::available && !a.has_primitive() && !a.is_tracer() &&
         !detail::in_tracing() && !detail::retain_graph();
}

static array broadcast_constant(const array& a, const Shape& shape) {
  // A loop adds the same scalar to arrays of one shape over and over.
  struct Recent {
    array constant, view;
  };
  thread_local std::optional<Recent> recent;
  if (recent && recent->constant.id() == a.id() && recent->view.shape() == shape) {
    return recent->view;
  }
  array view = array::placeholder(shape, a.dtype());
  make_broadcast_view(a, view);
  view.set_status(array::available);
  if (a.size() == 1) recent = Recent{a, view};
  return view;
}

array broadcast_to(const array& a, const Shape& shape, StreamOrDevice s) {
  if (a.shape() == shape) return a;
  if (broadcast_shapes(a.shape(), shape, "broadcast_to") != shape) {
    throw_invalid("broadcast_to", "Cannot broadcast array of shape {} into shape {}.",
                  to_string(a.shape()), to_string(shape));
  }
  if (is_constant(a)) return broadcast_constant(a, shape);
  return array(shape, a.dtype(), make_node<Broadcast>(to_stream(s), shape), {a});
}

std::vector<array> broadcast_arrays(const std::vector<array>& inputs, StreamOrDevice s) {
  return broadcast_operands("broadcast_arrays", inputs, s);
}

std::vector<array> broadcast_operands(const char* op, const std::vector<array>& inputs,
                                      StreamOrDevice s) {
  if (inputs.size() == 1) return inputs;
  Shape shape;
  for (const auto& input : inputs) shape = broadcast_shapes(shape, input.shape(), op);
  std::vector<array> result;
  if (!detail::in_dynamic_tracing()) {
    for (const auto& input : inputs) result.push_back(broadcast_to(input, shape, s));
    return result;
  }
  // The shape must follow from the inputs when the trace is replayed with others.
  Stream stream = to_stream(s);
  for (size_t i = 0; i < inputs.size(); ++i) {
    std::vector<array> all{inputs[i]};
    for (size_t k = 0; k < inputs.size(); ++k) {
      if (k != i) all.push_back(stop_gradient(inputs[k], stream));
    }
    result.push_back(
        array(shape, inputs[i].dtype(), make_node<Broadcast>(stream, shape), std::move(all)));
  }
  return result;
}

static array transpose_constant(const array& a, const std::vector<int>& axes, Shape shape) {
  Strides strides(axes.size());
  for (size_t i = 0; i < axes.size(); ++i) strides[i] = a.strides()[axes[i]];
  array view = array::placeholder(std::move(shape), a.dtype());
  view.copy_shared_buffer(a, strides, view_flags(view.shape(), strides, a.data_size()),
                          a.data_size());
  view.set_status(array::available);
  return view;
}

array transpose(const array& a, std::vector<int> axes, StreamOrDevice s) {
  int ndim = static_cast<int>(a.ndim());
  if (static_cast<int>(axes.size()) != ndim) {
    throw_invalid("transpose", "Received {} axes for array with {} dimensions.", axes.size(), ndim);
  }
  Shape shape(ndim);
  Shape used(ndim, 0);
  bool identity = true;
  for (int i = 0; i < ndim; ++i) {
    axes[i] = normalize_axis(axes[i], ndim, "transpose");
    if (used[axes[i]]++ > 0)
      throw_invalid("transpose", "Repeat axes not allowed: got axis {} twice.", axes[i]);
    shape[i] = a.shape()[axes[i]];
    identity &= axes[i] == i;
  }
  if (identity) return a;
  if (is_constant(a)) return transpose_constant(a, axes, std::move(shape));
  auto primitive = make_node<Transpose>(to_stream(s), std::move(axes));
  return array(std::move(shape), a.dtype(), std::move(primitive), input_list(a));
}

array transpose(const array& a, StreamOrDevice s) {
  std::vector<int> axes(a.ndim());
  std::iota(axes.rbegin(), axes.rend(), 0);
  return transpose(a, std::move(axes), s);
}

array matrix_transpose(const array& a, StreamOrDevice s) {
  if (a.ndim() < 2) {
    throw_invalid("matrix_transpose", "needs at least 2 dimensions, got shape {}.",
                  to_string(a.shape()));
  }
  return swapaxes(a, -1, -2, s);
}

array swapaxes(const array& a, int axis1, int axis2, StreamOrDevice s) {
  int ndim = static_cast<int>(a.ndim());
  std::vector<int> axes(ndim);
  std::iota(axes.begin(), axes.end(), 0);
  std::swap(axes[normalize_axis(axis1, ndim, "swapaxes")],
            axes[normalize_axis(axis2, ndim, "swapaxes")]);
  return transpose(a, std::move(axes), s);
}

array moveaxis(const array& a, int source, int destination, StreamOrDevice s) {
  int ndim = static_cast<int>(a.ndim());
  int from = normalize_axis(source, ndim, "moveaxis");
  int to = normalize_axis(destination, ndim, "moveaxis");
  std::vector<int> axes(ndim);
  std::iota(axes.begin(), axes.end(), 0);
  axes.erase(axes.begin() + from);
  axes.insert(axes.begin() + to, from);
  return transpose(a, std::move(axes), s);
}

array slice(const array& a, Shape start, Shape stop, Shape strides, StreamOrDevice s) {
  Shape shape = normalize_slice("slice", a.shape(), start, stop, strides);
  bool whole = shape == a.shape() &&
               std::all_of(strides.begin(), strides.end(), [](auto step) { return step == 1; });
  if (whole) return a;
  auto primitive =
      make_node<Slice>(to_stream(s), std::move(start), std::move(stop), std::move(strides));
  return array(std::move(shape), a.dtype(), std::move(primitive), input_list(a));
}
array slice(const array& a, Shape start, Shape stop, StreamOrDevice s) {
  Shape strides(a.ndim(), 1);
  return slice(a, std::move(start), std::move(stop), std::move(strides), s);
}

}  // namespace mlx::core
