// Statistics composed of reductions: mean, variance, median, counts.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/errors.h"
#include "graph/shape.h"
#include "mlx/ops/elementwise.h"
#include "mlx/ops/reduce.h"
#include "mlx/ops/shape.h"
#include "mlx/ops/sort.h"
#include "mlx/transforms_impl.h"
#include "ops/reduce.h"
#include "ops/slicing.h"

namespace mlx::core {

namespace {

bool is_half(Dtype dtype) { return dtype == float16 || dtype == bfloat16; }

/** 1 / (n - ddof) for the n elements that one result is made of. */
array inverse_count(const array& a, const std::vector<int>& axes, int ddof, Dtype dtype, Stream s) {
  if (detail::in_dynamic_tracing()) {
    array count = number_of_elements(a, axes, false, dtype, s);
    array free = maximum(subtract(count, array(ddof, dtype), s), array(0, dtype), s);
    return divide(array(1, dtype), free, s);
  }
  double count = 1;
  for (int axis : axes) count *= a.shape(axis);
  return array(1.0 / std::max(count - ddof, 0.0), dtype);
}

}  // namespace

array count_nonzero(const array& a, bool keepdims, StreamOrDevice s) {
  return sum(not_equal(a, array(0, a.dtype()), s), keepdims, s);
}
array count_nonzero(const array& a, int axis, bool keepdims, StreamOrDevice s) {
  return count_nonzero(a, std::vector<int>{axis}, keepdims, s);
}
array count_nonzero(const array& a, const std::vector<int>& axes, bool keepdims, StreamOrDevice s) {
  array counted = astype(not_equal(a, array(0, a.dtype()), s), int32, s);
  return sum(counted, axes, keepdims, s);
}

array mean(const array& a, const std::vector<int>& axes, bool keepdims, StreamOrDevice s) {
  Stream stream = to_stream(s);
  auto sorted = normalize_axes(axes, static_cast<int>(a.ndim()), "mean");
  array x = as_floating(a, stream);
  Dtype dtype = x.dtype();
  // The sum of 16-bit floats may overflow where their mean does not.
  if (is_half(dtype)) x = astype(x, float32, stream);
  array total = sum(x, sorted, keepdims, stream);
  Dtype wide = x.dtype() == float64 ? float64 : float32;
  return astype(multiply(total, inverse_count(a, sorted, 0, wide, stream), stream), dtype, stream);
}

array mean(const array& a, bool keepdims, StreamOrDevice s) {
  return mean(a, all_axes(a), keepdims, s);
}
array mean(const array& a, int axis, bool keepdims, StreamOrDevice s) {
  return mean(a, std::vector<int>{axis}, keepdims, s);
}

array var(const array& a, const std::vector<int>& axes, bool keepdims, int ddof, StreamOrDevice s) {
  Stream stream = to_stream(s);
  auto sorted = normalize_axes(axes, static_cast<int>(a.ndim()), "var");
  array x = as_floating(a, stream);
  Dtype dtype = x.dtype() == complex64 ? float32 : x.dtype();
  if (is_half(dtype)) x = astype(x, float32, stream);
  array centered = subtract(x, mean(x, sorted, true, stream), stream);
  if (x.dtype() == complex64) centered = abs(centered, stream);
  array total = sum(square(centered, stream), sorted, keepdims, stream);
  array share = inverse_count(a, sorted, ddof, total.dtype(), stream);
  return astype(multiply(total, share, stream), dtype, stream);
}

array var(const array& a, bool keepdims, int ddof, StreamOrDevice s) {
  return var(a, all_axes(a), keepdims, ddof, s);
}
array var(const array& a, int axis, bool keepdims, int ddof, StreamOrDevice s) {
  return var(a, std::vector<int>{axis}, keepdims, ddof, s);
}

array std(const array& a, const std::vector<int>& axes, bool keepdims, int ddof, StreamOrDevice s) {
  return sqrt(var(a, axes, keepdims, ddof, s), s);
}
array std(const array& a, bool keepdims, int ddof, StreamOrDevice s) {
  return std(a, all_axes(a), keepdims, ddof, s);
}
array std(const array& a, int axis, bool keepdims, int ddof, StreamOrDevice s) {
  return std(a, std::vector<int>{axis}, keepdims, ddof, s);
}

array median(const array& a, const std::vector<int>& axes, bool keepdims, StreamOrDevice s) {
  Stream stream = to_stream(s);
  int ndim = static_cast<int>(a.ndim());
  auto sorted_axes = normalize_axes(axes, ndim, "median");
  array x = as_floating(a, stream);
  if (sorted_axes.empty()) return x;
  for (int axis : sorted_axes) {
    if (a.shape(axis) == 0) throw_invalid("median", "Cannot take median along empty axis.");
  }
  array ordered = sort(merge_axes(x, sorted_axes, stream), -1, stream);
  const int count = ordered.shape(-1);
  auto at = [&](int i) {
    return slice_axis(ordered, static_cast<int>(ordered.ndim()) - 1, i, i + 1, stream);
  };
  // NaN is sorted to the end and makes the median NaN.
  array middle = at(count / 2);
  if (count % 2 == 0) {
    array sum_of_two = add(at(count / 2 - 1), middle, stream);
    middle = multiply(sum_of_two, array(0.5f, x.dtype()), stream);
  }
  array last = at(count - 1);
  array out = where(not_equal(last, last, stream), last, middle, stream);
  Shape shape;
  for (int i = 0; i < ndim; ++i) {
    bool reduced = std::find(sorted_axes.begin(), sorted_axes.end(), i) != sorted_axes.end();
    if (!reduced)
      shape.push_back(a.shape(i));
    else if (keepdims)
      shape.push_back(1);
  }
  return reshape(out, std::move(shape), stream);
}

array median(const array& a, bool keepdims, StreamOrDevice s) {
  return a.ndim() == 0 ? as_floating(a, to_stream(s)) : median(a, all_axes(a), keepdims, s);
}
array median(const array& a, int axis, bool keepdims, StreamOrDevice s) {
  return median(a, std::vector<int>{axis}, keepdims, s);
}

array diff(const array& a, int n, int axis, StreamOrDevice s) {
  int ndim = static_cast<int>(a.ndim());
  if (n < 0) throw_invalid("diff", "Order `n` must be non-negative: got {}.", n);
  int at = normalize_axis(axis, ndim, "diff");
  Stream stream = to_stream(s);
  array out = a;
  for (int i = 0; i < n && out.shape(at) > 0; ++i) {
    ShapeElem length = out.shape(at);
    array before = slice_axis(out, at, 0, length - 1, stream);
    array after = slice_axis(out, at, 1, length, stream);
    out = a.dtype() == bool_ ? not_equal(after, before, stream) : subtract(after, before, stream);
  }
  return out;
}

}  // namespace mlx::core
