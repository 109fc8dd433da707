// Tests of floats for NaN and infinity, and closeness.
#include <limits>

#include "base/errors.h"
#include "base/pool_allocator.h"
#include "mlx/ops/creation.h"
#include "mlx/ops/elementwise.h"
#include "mlx/ops/reduce.h"
#include "mlx/ops/shape.h"
#include "mlx/primitives/binary.h"

namespace mlx::core {

namespace {

bool is_exact(const array& a) { return !issubdtype(a.dtype(), inexact); }

array all_false(const array& a, StreamOrDevice s) { return zeros(a.shape(), bool_, s); }

/** Elements equal to `value`, which must fit the dtype; complex numbers by either part. */
array equals(const array& a, double value, StreamOrDevice s) {
  if (is_exact(a)) return all_false(a, s);
  return equal(a, array(value, a.dtype()), s);
}

constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace

array isnan(const array& a, StreamOrDevice s) {
  return is_exact(a) ? all_false(a, s) : not_equal(a, a, s);
}

array isposinf(const array& a, StreamOrDevice s) { return equals(a, kInfinity, s); }
array isneginf(const array& a, StreamOrDevice s) { return equals(a, -kInfinity, s); }

array isinf(const array& a, StreamOrDevice s) {
  if (is_exact(a)) return all_false(a, s);
  if (a.dtype() == complex64) return logical_or(isinf(real(a, s), s), isinf(imag(a, s), s), s);
  return equals(abs(a, s), kInfinity, s);
}

array isfinite(const array& a, StreamOrDevice s) {
  if (is_exact(a)) return logical_not(all_false(a, s), s);
  if (a.dtype() == complex64) {
    return logical_and(isfinite(real(a, s), s), isfinite(imag(a, s), s), s);
  }
  return less(abs(a, s), array(kInfinity, a.dtype()), s);
}

array nan_to_num(const array& a, float nan, const std::optional<float> posinf,
                 const std::optional<float> neginf, StreamOrDevice s) {
  if (is_exact(a)) return a;
  if (a.dtype() == complex64) {
    throw_invalid("nan_to_num", "complex64 is not supported: take its parts.");
  }
  finfo limits(a.dtype());
  auto value = [&](double v) { return array(v, a.dtype()); };
  array result = where(isnan(a, s), value(nan), a, s);
  result = where(isposinf(a, s), value(posinf ? *posinf : limits.max), result, s);
  return where(isneginf(a, s), value(neginf ? *neginf : limits.min), result, s);
}

array isclose(const array& a, const array& b, double rtol, double atol, bool equal_nan,
              StreamOrDevice s) {
  Dtype dtype = promote_types(a.dtype(), b.dtype());
  if (!issubdtype(dtype, inexact)) dtype = float32;
  array x = astype(a, dtype, s);
  array y = astype(b, dtype, s);
  Dtype real_dtype = dtype == complex64 ? float32 : dtype;
  array bound = add(array(atol, real_dtype), multiply(array(rtol, real_dtype), abs(y, s), s), s);
  // An infinity is near nothing but itself, whatever the bound.
  array near = logical_and(less_equal(abs(subtract(x, y, s), s), bound, s),
                           logical_and(isfinite(x, s), isfinite(y, s), s), s);
  array result = logical_or(near, equal(x, y, s), s);
  if (equal_nan) result = logical_or(result, logical_and(isnan(x, s), isnan(y, s), s), s);
  return result;
}

array allclose(const array& a, const array& b, double rtol, double atol, bool equal_nan,
               StreamOrDevice s) {
  return all(isclose(a, b, rtol, atol, equal_nan, s), false, s);
}

array array_equal(const array& a, const array& b, bool equal_nan, StreamOrDevice s) {
  if (a.shape() != b.shape()) return array(false);
  Dtype dtype = promote_types(a.dtype(), b.dtype());
  equal_nan &= issubdtype(dtype, inexact);
  Stream stream = to_stream(s);
  Shape shape = a.shape();
  array same(std::move(shape), bool_, make_node<Equal>(stream, equal_nan),
             {astype(a, dtype, stream), astype(b, dtype, stream)});
  return all(same, false, stream);
}

}  // namespace mlx::core
