// Arrays made from numbers.
#include "mlx/ops/creation.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/errors.h"
#include "base/pool_allocator.h"
#include "mlx/ops/elementwise.h"
#include "mlx/ops/shape.h"
#include "mlx/ops/shape_like.h"
#include "mlx/primitives/creation.h"
#include "mlx/primitives/unary.h"

namespace mlx::core {

namespace {

int64_t arange_length(double start, double stop, double step) {
  if (std::isnan(start) || std::isnan(stop) || std::isnan(step) || std::isinf(start) ||
      std::isinf(stop)) {
    throw_invalid("arange", "cannot compute the length of a range from {} to {} by {}.", start,
                  stop, step);
  }
  if (step == 0) throw_invalid("arange", "the step must not be zero.");
  if (std::isinf(step)) return (step > 0) == (start < stop) && start != stop ? 1 : 0;
  double length = std::ceil((stop - start) / step);
  if (length > std::numeric_limits<ShapeElem>::max()) {
    throw_invalid("arange", "a range of {} elements is longer than an axis may be.", length);
  }
  return std::max<int64_t>(static_cast<int64_t>(length), 0);
}

/** Row and column numbers as a column and a row: what diagonals are told by. */
std::pair<array, array> grid(int n, int m, StreamOrDevice s) {
  return {expand_dims(arange(n, int32, s), 1, s), expand_dims(arange(m, int32, s), 0, s)};
}

void check_matrix(const char* op, const array& x) {
  if (x.ndim() < 2) throw_invalid(op, "needs at least two dimensions: got {}.", x.ndim());
}

}  // namespace

array arange(double start, double stop, double step, Dtype dtype, StreamOrDevice s) {
  if (dtype == bool_) throw_invalid("arange", "bool is not supported.");
  Shape shape{static_cast<ShapeElem>(arange_length(start, stop, step))};
  Stream stream = to_stream(s);
  return array(std::move(shape), dtype, make_node<Arange>(stream, start, stop, step), {});
}
array arange(double start, double stop, double step, StreamOrDevice s) {
  return arange(start, stop, step, float32, s);
}
array arange(double start, double stop, Dtype dtype, StreamOrDevice s) {
  return arange(start, stop, 1.0, dtype, s);
}
array arange(double start, double stop, StreamOrDevice s) {
  return arange(start, stop, 1.0, float32, s);
}
array arange(double stop, Dtype dtype, StreamOrDevice s) {
  return arange(0.0, stop, 1.0, dtype, s);
}
array arange(double stop, StreamOrDevice s) { return arange(0.0, stop, 1.0, float32, s); }
array arange(int start, int stop, int step, StreamOrDevice s) {
  return arange(double(start), double(stop), double(step), int32, s);
}
array arange(int start, int stop, StreamOrDevice s) {
  return arange(double(start), double(stop), 1.0, int32, s);
}
array arange(int stop, StreamOrDevice s) { return arange(0.0, double(stop), 1.0, int32, s); }

array linspace(double start, double stop, int num, bool endpoint, Dtype dtype, StreamOrDevice s) {
  if (num < 0)
    throw_invalid("linspace", "the number of samples must not be negative: got {}.", num);
  if (num == 1) return full({1}, array(start, float64), dtype, s);
  // (1 - t) start + t stop meets both ends exactly.
  int intervals = endpoint ? num - 1 : num;
  Dtype work = dtype == float64 ? float64 : float32;
  array t = divide(arange(0.0, double(num), 1.0, work, s), array(double(intervals), work), s);
  array rising = multiply(t, array(stop, work), s);
  array falling = multiply(subtract(array(1.0, work), t, s), array(start, work), s);
  return astype(add(falling, rising, s), dtype, s);
}

array full(Shape shape, array vals, Dtype dtype, StreamOrDevice s) {
  for (ShapeElem n : shape) {
    if (n < 0) throw_invalid("full", "dimensions must not be negative: got {}.", n);
  }
  Stream stream = to_stream(s);
  array input = broadcast_to(astype(std::move(vals), dtype, stream), shape, stream);
  return array(std::move(shape), dtype, make_node<Full>(stream), {std::move(input)});
}
array full(Shape shape, array vals, StreamOrDevice s) {
  Dtype dtype = vals.dtype();
  return full(std::move(shape), std::move(vals), dtype, s);
}
array full_like(const array& a, array vals, Dtype dtype, StreamOrDevice s) {
  Stream stream = to_stream(s);
  array input = detail::broadcast_like(astype(std::move(vals), dtype, stream), a, stream);
  return array(a.shape(), dtype, std::make_shared<Full>(stream), {std::move(input)});
}
array full_like(const array& a, array vals, StreamOrDevice s) {
  return full_like(a, std::move(vals), a.dtype(), s);
}

array zeros(const Shape& shape, Dtype dtype, StreamOrDevice s) {
  return full(shape, array(0, dtype), dtype, s);
}
array zeros_like(const array& a, StreamOrDevice s) { return zeros_like(a, a.dtype(), s); }
array zeros_like(const array& a, Dtype dtype, StreamOrDevice s) {
  return full_like(a, array(0, dtype), dtype, s);
}
array ones(const Shape& shape, Dtype dtype, StreamOrDevice s) {
  return full(shape, array(1, dtype), dtype, s);
}
array ones_like(const array& a, StreamOrDevice s) { return ones_like(a, a.dtype(), s); }
array ones_like(const array& a, Dtype dtype, StreamOrDevice s) {
  return full_like(a, array(1, dtype), dtype, s);
}

array eye(int n, int m, int k, Dtype dtype, StreamOrDevice s) {
  if (n < 0 || m < 0) throw_invalid("eye", "sizes must not be negative: got {} and {}.", n, m);
  auto [row, column] = grid(n, m, s);
  return astype(equal(add(row, array(k, int32), s), column, s), dtype, s);
}
array identity(int n, Dtype dtype, StreamOrDevice s) { return eye(n, n, 0, dtype, s); }

array tri(int n, int m, int k, Dtype type, StreamOrDevice s) {
  n = std::max(n, 0);
  m = std::max(m, 0);
  auto [row, column] = grid(n, m, s);
  return astype(greater_equal(add(row, array(k, int32), s), column, s), type, s);
}

array tril(array x, int k, StreamOrDevice s) {
  check_matrix("tril", x);
  array mask = tri(x.shape(-2), x.shape(-1), k, bool_, s);
  return where(mask, x, array(0, x.dtype()), s);
}

array triu(array x, int k, StreamOrDevice s) {
  check_matrix("triu", x);
  array mask = tri(x.shape(-2), x.shape(-1), k - 1, bool_, s);
  return where(mask, array(0, x.dtype()), x, s);
}

// ---- primitives

std::vector<Shape> Arange::output_shapes(const std::vector<array>&) {
  return {{static_cast<ShapeElem>(arange_length(start_, stop_, step_))}};
}

std::vector<array> Full::vjp(const std::vector<array>&, const std::vector<array>& cotangents,
                             const std::vector<int>&, const std::vector<array>&) {
  return {cotangents[0]};
}

std::vector<array> Full::jvp(const std::vector<array>&, const std::vector<array>& tangents,
                             const std::vector<int>&) {
  return {tangents[0]};
}

std::vector<Shape> View::output_shapes(const std::vector<array>& inputs) {
  const array& a = inputs[0];
  Shape shape = a.shape();
  size_t from = a.itemsize(), to = size_of(dtype_);
  if (from == to) return {shape};
  if (shape.empty()) {
    throw_invalid("view", "a scalar of type {} has no view as {}: their sizes differ.",
                  dtype_name(a.dtype()), dtype_name(dtype_));
  }
  size_t bytes = static_cast<size_t>(shape.back()) * from;
  if (bytes % to != 0) {
    throw_invalid("view", "the {} bytes of the last axis are no multiple of the {} bytes of {}.",
                  bytes, to, dtype_name(dtype_));
  }
  shape.back() = static_cast<ShapeElem>(bytes / to);
  return {shape};
}

std::pair<std::vector<array>, std::vector<int>> View::vmap(const std::vector<array>& inputs,
                                                           const std::vector<int>& axes) {
  const array& a = inputs[0];
  bool is_last = axes[0] == static_cast<int>(a.ndim()) - 1;
  if (is_last && a.ndim() > 1 && a.itemsize() != size_of(dtype_)) {
    return {{view(moveaxis(a, axes[0], 0, stream()), dtype_, stream())}, {0}};
  }
  return {{view(a, dtype_, stream())}, axes};
}

}  // namespace mlx::core
