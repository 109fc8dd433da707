// Derivatives, batching and shapes of Concatenate, Split, Pad and NumberOfElements.
#include <algorithm>

#include "base/errors.h"
#include "graph/shape.h"
#include "graph/shape_check.h"
#include "mlx/ops/elementwise.h"
#include "mlx/ops/reduce.h"
#include "mlx/ops/shape.h"
#include "mlx/ops/shape_like.h"
#include "mlx/primitives/shape.h"

namespace mlx::core {

bool Concatenate::is_equivalent(const Primitive& other) const {
  return state() == static_cast<const Concatenate&>(other).state();
}
bool Split::is_equivalent(const Primitive& other) const {
  return state() == static_cast<const Split&>(other).state();
}
bool Pad::is_equivalent(const Primitive& other) const {
  return state() == static_cast<const Pad&>(other).state();
}
bool NumberOfElements::is_equivalent(const Primitive& other) const {
  return state() == static_cast<const NumberOfElements&>(other).state();
}

// Concatenate

std::vector<Shape> Concatenate::output_shapes(const std::vector<array>& inputs) {
  Shape shape = inputs[0].shape();
  for (size_t i = 1; i < inputs.size(); ++i) {
    require_fit(equal_shapes(inputs[i].shape(), shape, axis_), "concatenate", inputs);
    shape[axis_] += inputs[i].shape(axis_);
  }
  return {shape};
}

std::vector<array> Concatenate::vjp(const std::vector<array>& primals,
                                    const std::vector<array>& cotangents,
                                    const std::vector<int>& argnums, const std::vector<array>&) {
  Shape cuts;
  ShapeElem position = 0;
  for (size_t i = 0; i + 1 < primals.size(); ++i)
    cuts.push_back(position += primals[i].shape(axis_));
  auto parts = split(cotangents[0], cuts, axis_, stream());
  std::vector<array> result;
  for (int argnum : argnums) result.push_back(parts[argnum]);
  return result;
}

std::vector<array> Concatenate::jvp(const std::vector<array>& primals,
                                    const std::vector<array>& tangents,
                                    const std::vector<int>& argnums) {
  std::vector<array> parts;
  for (const auto& primal : primals) {
    parts.push_back(detail::filled_like(primal, 0, primal.dtype(), stream()));
  }
  for (size_t i = 0; i < argnums.size(); ++i) parts[argnums[i]] = tangents[i];
  return {concatenate(std::move(parts), axis_, stream())};
}

std::pair<std::vector<array>, std::vector<int>> Concatenate::vmap(const std::vector<array>& inputs,
                                                                  const std::vector<int>& axes) {
  ShapeElem batch = 1;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (axes[i] >= 0) batch = inputs[i].shape(axes[i]);
  }
  std::vector<array> moved;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (axes[i] >= 0) {
      moved.push_back(moveaxis(inputs[i], axes[i], 0, stream()));
    } else {
      Shape shape = inputs[i].shape();
      shape.insert(shape.begin(), batch);
      moved.push_back(broadcast_to(inputs[i], shape, stream()));
    }
  }
  return {{concatenate(std::move(moved), axis_ + 1, stream())}, {0}};
}

// Split

std::vector<array> Split::vjp(const std::vector<array>&, const std::vector<array>& cotangents,
                              const std::vector<int>&, const std::vector<array>&) {
  return {concatenate(cotangents, axis_, stream())};
}

std::vector<array> Split::jvp(const std::vector<array>&, const std::vector<array>& tangents,
                              const std::vector<int>&) {
  return split(tangents[0], indices_, axis_, stream());
}

std::pair<std::vector<array>, std::vector<int>> Split::vmap(const std::vector<array>& inputs,
                                                            const std::vector<int>& axes) {
  int axis = axis_ + (axes[0] >= 0 && axes[0] <= axis_ ? 1 : 0);
  auto parts = split(inputs[0], indices_, axis, stream());
  std::vector<int> out_axes(parts.size(), axes[0]);
  return {std::move(parts), std::move(out_axes)};
}

// Pad

std::vector<Shape> Pad::output_shapes(const std::vector<array>& inputs) {
  Shape shape = inputs[0].shape();
  for (size_t i = 0; i < axes_.size(); ++i) shape[axes_[i]] += low_[i] + high_[i];
  return {shape};
}

std::vector<array> Pad::vjp(const std::vector<array>& primals, const std::vector<array>& cotangents,
                            const std::vector<int>& argnums, const std::vector<array>&) {
  Shape start(primals[0].ndim(), 0);
  Shape stop = primals[0].shape();
  for (size_t i = 0; i < axes_.size(); ++i) {
    start[axes_[i]] = low_[i];
    stop[axes_[i]] += low_[i];
  }
  array inside = slice(cotangents[0], start, stop, stream());
  std::vector<array> result;
  for (int argnum : argnums) {
    if (argnum == 0) {
      result.push_back(inside);
      continue;
    }
    std::vector<int> all;
    for (size_t i = 0; i < primals[0].ndim(); ++i) all.push_back(static_cast<int>(i));
    result.push_back(subtract(sum(cotangents[0], all, false, stream()),
                              sum(inside, all, false, stream()), stream()));
  }
  return result;
}

std::vector<array> Pad::jvp(const std::vector<array>& primals, const std::vector<array>& tangents,
                            const std::vector<int>& argnums) {
  array inside = detail::filled_like(primals[0], 0, primals[0].dtype(), stream());
  array value = array(0, primals[1].dtype());
  for (size_t i = 0; i < argnums.size(); ++i) (argnums[i] == 0 ? inside : value) = tangents[i];
  return {pad(inside, axes_, low_, high_, value, "constant", stream())};
}

std::pair<std::vector<array>, std::vector<int>> Pad::vmap(const std::vector<array>& inputs,
                                                          const std::vector<int>& axes) {
  if (axes[1] >= 0) throw_invalid("pad", "vmap over the pad value is not supported.");
  std::vector<int> shifted = axes_;
  for (auto& axis : shifted) axis += axes[0] >= 0 && axis >= axes[0];
  return {{pad(inputs[0], shifted, low_, high_, inputs[1], "constant", stream())}, {axes[0]}};
}

// NumberOfElements

std::pair<std::vector<array>, std::vector<int>> NumberOfElements::vmap(
    const std::vector<array>& inputs, const std::vector<int>& axes) {
  std::vector<int> shifted = axes_;
  for (auto& axis : shifted) axis += axes[0] >= 0 && axis >= axes[0];
  return {{number_of_elements(inputs[0], shifted, inverted_, dtype_, stream())}, {-1}};
}

}  // namespace mlx::core
