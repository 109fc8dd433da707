// Shape arithmetic shared by ops and backends.
#include "graph/shape.h"

#include <algorithm>

#include "base/errors.h"

namespace mlx::core {

std::string to_string(const Shape& shape) {
  std::string text = "(";
  for (size_t i = 0; i < shape.size(); ++i) {
    text += fmt::format("{}{}", i > 0 ? "," : "", shape[i]);
  }
  return text + (shape.size() == 1 ? ",)" : ")");
}

Strides row_major_strides(const Shape& shape) {
  Strides strides(shape.size(), 1);
  for (int i = static_cast<int>(shape.size()) - 2; i >= 0; --i) {
    strides[i] = strides[i + 1] * shape[i + 1];
  }
  return strides;
}

size_t num_elements(const Shape& shape) {
  size_t count = 1;
  for (auto length : shape) {
    if (length < 0 || __builtin_mul_overflow(count, static_cast<size_t>(length), &count)) {
      throw_invalid("array", "shape {} is not valid.", to_string(shape));
    }
  }
  return count;
}

array::Flags view_flags(const Shape& shape, const Strides& strides, size_t data_size) {
  int64_t row_stride = 1;
  int64_t col_stride = 1;
  size_t stored = 1;
  bool row = true;
  bool col = true;
  int ndim = static_cast<int>(shape.size());
  for (int i = 0; i < ndim; ++i) {
    int last = ndim - 1 - i;
    row &= shape[last] == 1 || strides[last] == row_stride;
    col &= shape[i] == 1 || strides[i] == col_stride;
    row_stride *= shape[last];
    col_stride *= shape[i];
    if (strides[i] != 0) stored *= shape[i];
  }
  bool forward = std::all_of(strides.begin(), strides.end(), [](int64_t s) { return s >= 0; });
  return {forward && stored == data_size, row, col};
}

size_t spanned_elements(const Shape& shape, const Strides& strides) {
  size_t span = 1;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0) return 0;
    span += static_cast<size_t>(shape[i] - 1) * static_cast<size_t>(std::abs(strides[i]));
  }
  return span;
}

std::pair<Shape, std::vector<Strides>> collapse_dims(const Shape& shape,
                                                     const std::vector<Strides>& strides,
                                                     int64_t size_cap) {
  Shape merged_shape;
  std::vector<Strides> merged(strides.size());
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 1) continue;
    bool fits =
        !merged_shape.empty() && static_cast<int64_t>(merged_shape.back()) * shape[i] <= size_cap;
    for (size_t k = 0; fits && k < strides.size(); ++k) {
      fits = merged[k].back() == strides[k][i] * shape[i];
    }
    if (fits) {
      merged_shape.back() *= shape[i];
      for (size_t k = 0; k < strides.size(); ++k) merged[k].back() = strides[k][i];
    } else {
      merged_shape.push_back(shape[i]);
      for (size_t k = 0; k < strides.size(); ++k) merged[k].push_back(strides[k][i]);
    }
  }
  if (merged_shape.empty()) {
    merged_shape.push_back(1);
    for (auto& s : merged) s.push_back(1);
  }
  return {std::move(merged_shape), std::move(merged)};
}

Shape broadcast_shapes(const Shape& a, const Shape& b, const char* op) {
  const Shape& longer = a.size() >= b.size() ? a : b;
  const Shape& shorter = a.size() >= b.size() ? b : a;
  Shape result = longer;
  size_t lead = longer.size() - shorter.size();
  for (size_t i = 0; i < shorter.size(); ++i) {
    auto& length = result[lead + i];
    if (length == shorter[i] || shorter[i] == 1) continue;
    if (length != 1) {
      throw_invalid(op, "Shapes {} and {} cannot be broadcast.", to_string(a), to_string(b));
    }
    length = shorter[i];
  }
  return result;
}

Shape normalize_slice(const char* op, const Shape& shape, Shape& start, Shape& stop,
                      const Shape& strides) {
  size_t ndim = shape.size();
  if (start.size() != ndim || stop.size() != ndim || strides.size() != ndim) {
    throw_invalid(op, "start, stop and strides need {} values each for shape {}.", ndim,
                  to_string(shape));
  }
  Shape slice_shape(ndim);
  for (size_t i = 0; i < ndim; ++i) {
    int64_t length = shape[i];
    int64_t step = strides[i];
    if (step == 0) throw_invalid(op, "the stride of axis {} must not be 0.", i);
    int64_t first = start[i] < 0 ? start[i] + length : start[i];
    int64_t last = stop[i] < 0 ? stop[i] + length : stop[i];
    if (step > 0) {
      first = std::clamp<int64_t>(first, 0, length);
      last = std::clamp<int64_t>(last, first, length);
      slice_shape[i] = static_cast<ShapeElem>((last - first + step - 1) / step);
    } else {
      first = std::clamp<int64_t>(first, -1, length - 1);
      // A stop before the first element is given as a position below -length.
      last = std::clamp<int64_t>(last, -1, first);
      slice_shape[i] = static_cast<ShapeElem>((first - last - step - 1) / -step);
    }
    start[i] = static_cast<ShapeElem>(std::max<int64_t>(first, 0));
    stop[i] = static_cast<ShapeElem>(last);
  }
  return slice_shape;
}

int normalize_axis(int axis, int ndim, const char* op) {
  int normalized = axis < 0 ? axis + ndim : axis;
  if (normalized < 0 || normalized >= ndim) {
    throw_out_of_range(op, "Axis {} is out of bounds for array with {} dimensions.", axis, ndim);
  }
  return normalized;
}

std::vector<int> normalize_axes(const std::vector<int>& axes, int ndim, const char* op) {
  std::vector<int> result;
  result.reserve(axes.size());
  for (int axis : axes) result.push_back(normalize_axis(axis, ndim, op));
  std::sort(result.begin(), result.end());
  if (std::adjacent_find(result.begin(), result.end()) != result.end()) {
    throw_invalid(op, "Received duplicate axes: ({}).", fmt::join(axes, ","));
  }
  return result;
}

}  // namespace mlx::core
