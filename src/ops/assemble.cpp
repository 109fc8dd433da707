// Public functions that join, cut, repeat, pad and rearrange arrays.
#include <algorithm>
#include <numeric>

#include "base/errors.h"
#include "base/pool_allocator.h"
#include "graph/shape.h"
#include "mlx/ops/elementwise.h"
#include "mlx/ops/reduce.h"
#include "mlx/ops/shape.h"
#include "mlx/primitives/shape.h"
#include "mlx/transforms_impl.h"
#include "ops/slicing.h"

namespace mlx::core {

namespace {

int ndim_of(const array& a) { return static_cast<int>(a.ndim()); }

}  // namespace

array concatenate(std::vector<array> arrays, int axis, StreamOrDevice s) {
  if (arrays.empty()) throw_invalid("concatenate", "No arrays provided for concatenation.");
  if (arrays.size() == 1) return arrays[0];
  int at = normalize_axis(axis, ndim_of(arrays[0]), "concatenate");
  Dtype dtype = result_type(arrays);
  Shape shape = arrays[0].shape();
  int64_t length = 0;
  for (const auto& a : arrays) {
    if (a.ndim() != shape.size()) {
      throw_invalid(
          "concatenate",
          "All the input arrays must have the same number of dimensions. However, got arrays "
          "with dimensions {} and {}.",
          shape.size(), a.ndim());
    }
    for (int i = 0; i < ndim_of(a); ++i) {
      if (i != at && a.shape(i) != shape[i]) {
        throw_invalid(
            "concatenate",
            "All the input array dimensions must match exactly except for the concatenation "
            "axis: got {} and {} with axis {}.",
            to_string(shape), to_string(a.shape()), axis);
      }
    }
    length += a.shape(at);
  }
  Stream stream = to_stream(s);
  for (auto& a : arrays) a = astype(std::move(a), dtype, stream);
  shape[at] = safe_cast(length, "concatenate");
  return array(std::move(shape), dtype, make_node<Concatenate>(stream, at), std::move(arrays));
}

array concatenate(std::vector<array> arrays, StreamOrDevice s) {
  for (auto& a : arrays) a = flatten(a, s);
  return concatenate(std::move(arrays), 0, s);
}

array stack(const std::vector<array>& arrays, int axis, StreamOrDevice s) {
  if (arrays.empty()) throw_invalid("stack", "No arrays provided for stacking.");
  int at = normalize_axis(axis, ndim_of(arrays[0]) + 1, "stack");
  std::vector<array> expanded;
  for (const auto& a : arrays) {
    if (a.shape() != arrays[0].shape()) {
      throw_invalid("stack", "All arrays must have the same shape: got {} and {}.",
                    to_string(arrays[0].shape()), to_string(a.shape()));
    }
    expanded.push_back(expand_dims(a, at, s));
  }
  return concatenate(std::move(expanded), at, s);
}

array stack(const std::vector<array>& arrays, StreamOrDevice s) { return stack(arrays, 0, s); }

std::vector<array> split(const array& a, const Shape& indices, int axis, StreamOrDevice s) {
  int at = normalize_axis(axis, ndim_of(a), "split");
  if (indices.empty()) return {a};
  // Python's slice rule: negative positions count from the end, others are clamped; a part is never
  // longer than the axis.
  ShapeElem length = a.shape(at);
  Shape cuts;
  for (auto index : indices) {
    cuts.push_back(std::clamp<ShapeElem>(index < 0 ? index + length : index, 0, length));
  }
  bool increasing = std::is_sorted(cuts.begin(), cuts.end());
  Stream stream = to_stream(s);
  if (!increasing) {
    std::vector<array> parts;
    ShapeElem start = 0;
    for (size_t i = 0; i <= cuts.size(); ++i) {
      ShapeElem stop = i < cuts.size() ? cuts[i] : length;
      parts.push_back(slice_axis(a, at, start, std::max(start, stop), stream));
      start = stop;
    }
    return parts;
  }
  std::vector<Shape> shapes;
  ShapeElem start = 0;
  for (size_t i = 0; i <= cuts.size(); ++i) {
    ShapeElem stop = i < cuts.size() ? cuts[i] : a.shape(at);
    shapes.push_back(a.shape());
    shapes.back()[at] = stop - start;
    start = stop;
  }
  auto primitive = make_node<Split>(stream, std::move(cuts), at);
  std::vector<Dtype> dtypes(shapes.size(), a.dtype());
  return array::make_arrays(std::move(shapes), dtypes, primitive, {a});
}

std::vector<array> split(const array& a, const Shape& indices, StreamOrDevice s) {
  return split(a, indices, 0, s);
}

std::vector<array> split(const array& a, int num_splits, int axis, StreamOrDevice s) {
  int at = normalize_axis(axis, ndim_of(a), "split");
  if (num_splits <= 0) {
    throw_invalid("split", "num_splits must be positive and non-zero but got {}.", num_splits);
  }
  if (a.shape(at) % num_splits != 0) {
    throw_invalid(
        "split",
        "Array split does not result in sub arrays with equal size: attempting {} splits along "
        "axis {} for shape {}.",
        num_splits, axis, to_string(a.shape()));
  }
  Shape indices;
  for (int i = 1; i < num_splits; ++i) indices.push_back(a.shape(at) / num_splits * i);
  return split(a, indices, at, s);
}

std::vector<array> split(const array& a, int num_splits, StreamOrDevice s) {
  return split(a, num_splits, 0, s);
}

std::vector<array> unstack(const array& a, int axis, StreamOrDevice s) {
  int at = normalize_axis(axis, ndim_of(a), "unstack");
  if (a.shape(at) == 0) return {};
  auto parts = split(a, a.shape(at), at, s);
  for (auto& part : parts) part = squeeze(part, at, s);
  return parts;
}

std::vector<array> unstack(const array& a, StreamOrDevice s) { return unstack(a, 0, s); }

array repeat(const array& arr, int repeats, int axis, StreamOrDevice s) {
  int at = normalize_axis(axis, ndim_of(arr), "repeat");
  if (repeats < 0) {
    throw_invalid("repeat", "Number of repeats cannot be negative: got {}.", repeats);
  }
  if (repeats == 1) return arr;
  Shape repeated = arr.shape();
  repeated.insert(repeated.begin() + at + 1, repeats);
  array out = broadcast_to(expand_dims(arr, at + 1, s), repeated, s);
  return flatten(out, at, at + 1, s);
}

array repeat(const array& arr, int repeats, StreamOrDevice s) {
  return repeat(flatten(arr, s), repeats, 0, s);
}

array tile(const array& arr, std::vector<int> reps, StreamOrDevice s) {
  Shape shape = arr.shape();
  while (reps.size() < shape.size()) reps.insert(reps.begin(), 1);
  while (shape.size() < reps.size()) shape.insert(shape.begin(), 1);
  // Each axis becomes a pair (repetition, element) that is broadcast and merged.
  Shape paired;
  Shape broadcast;
  Shape merged;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (reps[i] < 0) throw_invalid("tile", "repetitions must not be negative: got {}.", reps[i]);
    if (reps[i] != 1) {
      paired.push_back(1);
      broadcast.push_back(reps[i]);
    }
    paired.push_back(shape[i]);
    broadcast.push_back(shape[i]);
    merged.push_back(safe_cast(int64_t{reps[i]} * shape[i], "tile"));
  }
  return reshape(broadcast_to(reshape(arr, paired, s), broadcast, s), merged, s);
}

array flip(const array& a, const std::vector<int>& axes, StreamOrDevice s) {
  Shape start(a.ndim(), 0);
  Shape stop = a.shape();
  Shape strides(a.ndim(), 1);
  for (int axis : normalize_axes(axes, ndim_of(a), "flip")) {
    start[axis] = a.shape(axis) - 1;
    stop[axis] = -a.shape(axis) - 1;
    strides[axis] = -1;
  }
  if (a.size() == 0) return a;
  return slice(a, std::move(start), std::move(stop), std::move(strides), s);
}

array flip(const array& a, int axis, StreamOrDevice s) {
  return flip(a, std::vector<int>{axis}, s);
}

array flip(const array& a, StreamOrDevice s) {
  std::vector<int> axes(a.ndim());
  std::iota(axes.begin(), axes.end(), 0);
  return flip(a, axes, s);
}

array roll(const array& a, const Shape& shift, const std::vector<int>& axes, StreamOrDevice s) {
  if (axes.empty()) return a;
  if (shift.size() < axes.size()) {
    throw_invalid("roll", "At least one shift value per axis is required, {} provided for {} axes.",
                  shift.size(), axes.size());
  }
  Stream stream = to_stream(s);
  array out = a;
  for (size_t i = 0; i < axes.size(); ++i) {
    int axis = normalize_axis(axes[i], ndim_of(a), "roll");
    ShapeElem length = a.shape(axis);
    if (length == 0) continue;
    ShapeElem by = ((shift[i] % length) + length) % length;
    if (by == 0) continue;
    out = concatenate({slice_axis(out, axis, length - by, length, stream),
                       slice_axis(out, axis, 0, length - by, stream)},
                      axis, stream);
  }
  return out;
}

array roll(const array& a, int shift, StreamOrDevice s) {
  return reshape(roll(flatten(a, s), Shape{shift}, std::vector<int>{0}, s), a.shape(), s);
}

array roll(const array& a, const Shape& shift, StreamOrDevice s) {
  int64_t total = std::accumulate(shift.begin(), shift.end(), int64_t{0});
  int64_t size = std::max<int64_t>(1, static_cast<int64_t>(a.size()));
  return roll(a, static_cast<int>(total % size), s);
}

array roll(const array& a, int shift, int axis, StreamOrDevice s) {
  return roll(a, Shape{shift}, std::vector<int>{axis}, s);
}

array roll(const array& a, int shift, const std::vector<int>& axes, StreamOrDevice s) {
  return roll(a, Shape(axes.size(), shift), axes, s);
}

array roll(const array& a, const Shape& shift, int axis, StreamOrDevice s) {
  int64_t total = std::accumulate(shift.begin(), shift.end(), int64_t{0});
  return roll(a, Shape{safe_cast(total, "roll")}, std::vector<int>{axis}, s);
}

array atleast_1d(const array& a, StreamOrDevice s) {
  return a.ndim() >= 1 ? a : reshape(a, Shape{1}, s);
}

array atleast_2d(const array& a, StreamOrDevice s) {
  if (a.ndim() >= 2) return a;
  return a.ndim() == 1 ? expand_dims(a, 0, s) : reshape(a, Shape{1, 1}, s);
}

array atleast_3d(const array& a, StreamOrDevice s) {
  switch (a.ndim()) {
    case 0:
      return reshape(a, Shape{1, 1, 1}, s);
    case 1:
      return expand_dims(a, std::vector<int>{0, 2}, s);
    case 2:
      return expand_dims(a, 2, s);
    default:
      return a;
  }
}

namespace {

template <class F>
std::vector<array> each(const std::vector<array>& arrays, F f) {
  std::vector<array> result;
  for (const auto& a : arrays) result.push_back(f(a));
  return result;
}

}  // namespace

std::vector<array> atleast_1d(const std::vector<array>& a, StreamOrDevice s) {
  return each(a, [&](const array& x) { return atleast_1d(x, s); });
}
std::vector<array> atleast_2d(const std::vector<array>& a, StreamOrDevice s) {
  return each(a, [&](const array& x) { return atleast_2d(x, s); });
}
std::vector<array> atleast_3d(const std::vector<array>& a, StreamOrDevice s) {
  return each(a, [&](const array& x) { return atleast_3d(x, s); });
}

array number_of_elements(const array& a, std::vector<int> axes, bool inverted, Dtype dtype,
                         StreamOrDevice s) {
  for (auto& axis : axes) axis = normalize_axis(axis, ndim_of(a), "number_of_elements");
  if (!detail::in_dynamic_tracing()) {
    double count = 1;
    for (int axis : axes) count *= a.shape(axis);
    return array(inverted ? 1.0 / count : count, dtype);
  }
  auto primitive = make_node<NumberOfElements>(to_stream(s), std::move(axes), inverted, dtype);
  return stop_gradient(array(Shape{}, dtype, std::move(primitive), {a}), s);
}

}  // namespace mlx::core
