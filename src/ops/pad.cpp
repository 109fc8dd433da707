// Public padding functions: constant, edge, reflect and symmetric.
#include <algorithm>
#include <numeric>

#include "base/errors.h"
#include "base/pool_allocator.h"
#include "graph/shape.h"
#include "mlx/ops/elementwise.h"
#include "mlx/ops/shape.h"
#include "mlx/primitives/shape.h"
#include "ops/slicing.h"

namespace mlx::core {

namespace {

void check_padding(int axis, ShapeElem low, ShapeElem high) {
  for (auto [which, size] : {std::pair("low", low), std::pair("high", high)}) {
    if (size < 0) {
      throw_invalid("pad",
                    "Invalid {} padding size ({}) passed to pad for axis {}. Padding sizes must be "
                    "non-negative.",
                    which, size, axis);
    }
  }
}

array edge_pad(const array& a, const std::vector<int>& axes, const Shape& low, const Shape& high,
               Stream s) {
  array out = a;
  for (size_t i = 0; i < axes.size(); ++i) {
    int axis = axes[i];
    ShapeElem length = out.shape(axis);
    if (length == 0) throw_invalid("pad", "cannot edge-pad axis {} of length 0.", axis);
    std::vector<array> parts;
    auto add_edge = [&](ShapeElem at, ShapeElem count) {
      if (count == 0) return;
      array edge = slice_axis(out, axis, at, at + 1, s);
      Shape shape = edge.shape();
      shape[axis] = count;
      parts.push_back(broadcast_to(edge, shape, s));
    };
    add_edge(0, low[i]);
    parts.push_back(out);
    add_edge(length - 1, high[i]);
    out = concatenate(std::move(parts), axis, s);
  }
  return out;
}

/** Mirrors at the ends; `skip` is 1 when the edge elements are not repeated, 0 when they are. */
array mirror_pad(const array& a, const std::vector<int>& axes, const Shape& low, const Shape& high,
                 ShapeElem skip, Stream s) {
  array out = a;
  for (size_t i = 0; i < axes.size(); ++i) {
    int axis = axes[i];
    ShapeElem before = low[i];
    ShapeElem after = high[i];
    if ((before > 0 || after > 0) && out.shape(axis) == 0) {
      throw_invalid("pad", "cannot mirror axis {} of length 0.", axis);
    }
    if (skip == 1 && out.shape(axis) == 1) {
      out = edge_pad(out, {axis}, Shape{before}, Shape{after}, s);
      continue;
    }
    // A mirror image has at most length - skip elements; wider padding mirrors again.
    while (before > 0 || after > 0) {
      ShapeElem length = out.shape(axis);
      ShapeElem take_before = std::min(before, length - skip);
      ShapeElem take_after = std::min(after, length - skip);
      std::vector<array> parts;
      if (take_before > 0) {
        parts.push_back(flip(slice_axis(out, axis, skip, take_before + skip, s), axis, s));
      }
      parts.push_back(out);
      if (take_after > 0) {
        ShapeElem end = length - skip;
        parts.push_back(flip(slice_axis(out, axis, end - take_after, end, s), axis, s));
      }
      out = concatenate(std::move(parts), axis, s);
      before -= take_before;
      after -= take_after;
    }
  }
  return out;
}

}  // namespace

array pad(const array& a, const std::vector<int>& axes, const Shape& low_pad_size,
          const Shape& high_pad_size, const array& pad_value, const std::string& mode,
          StreamOrDevice s) {
  if (axes.size() != low_pad_size.size() || axes.size() != high_pad_size.size()) {
    throw_invalid("pad", "Invalid number of padding sizes passed to pad with axes of size {}.",
                  axes.size());
  }
  std::vector<int> positions;
  Shape shape = a.shape();
  bool nothing = true;
  for (size_t i = 0; i < axes.size(); ++i) {
    positions.push_back(normalize_axis(axes[i], static_cast<int>(a.ndim()), "pad"));
    check_padding(axes[i], low_pad_size[i], high_pad_size[i]);
    auto& length = shape[positions[i]];
    length = safe_cast(int64_t{length} + low_pad_size[i] + high_pad_size[i], "pad");
    nothing &= low_pad_size[i] == 0 && high_pad_size[i] == 0;
  }
  if (nothing && mode == "constant") return a;
  Stream stream = to_stream(s);
  if (mode == "edge") return edge_pad(a, positions, low_pad_size, high_pad_size, stream);
  if (mode == "reflect" || mode == "symmetric") {
    ShapeElem skip = mode == "reflect" ? 1 : 0;
    return mirror_pad(a, positions, low_pad_size, high_pad_size, skip, stream);
  }
  if (mode != "constant") {
    throw_invalid("pad",
                  "Invalid padding mode ({}) passed to pad: expected constant, edge, reflect or "
                  "symmetric.",
                  mode);
  }
  if (pad_value.size() != 1) {
    throw_invalid("pad", "the pad value must be a scalar, got shape {}.",
                  to_string(pad_value.shape()));
  }
  array value = reshape(astype(pad_value, a.dtype(), stream), Shape{}, stream);
  auto primitive = make_node<Pad>(stream, std::move(positions), low_pad_size, high_pad_size);
  return array(std::move(shape), a.dtype(), std::move(primitive), {a, std::move(value)});
}

array pad(const array& a, const std::vector<std::pair<int, int>>& pad_width, const array& pad_value,
          const std::string& mode, StreamOrDevice s) {
  if (pad_width.size() != a.ndim()) {
    throw_invalid("pad", "Invalid number of padding sizes passed to pad: got {} for {} dimensions.",
                  pad_width.size(), a.ndim());
  }
  std::vector<int> axes(a.ndim());
  std::iota(axes.begin(), axes.end(), 0);
  Shape low;
  Shape high;
  for (auto [before, after] : pad_width) {
    low.push_back(before);
    high.push_back(after);
  }
  return pad(a, axes, low, high, pad_value, mode, s);
}

array pad(const array& a, const std::pair<int, int>& pad_width, const array& pad_value,
          const std::string& mode, StreamOrDevice s) {
  return pad(a, std::vector<std::pair<int, int>>(a.ndim(), pad_width), pad_value, mode, s);
}

array pad(const array& a, int pad_width, const array& pad_value, const std::string& mode,
          StreamOrDevice s) {
  return pad(a, std::pair(pad_width, pad_width), pad_value, mode, s);
}

}  // namespace mlx::core
