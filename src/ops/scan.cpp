// Running reductions: public functions and the rules of Scan.
#include "mlx/primitives/scan.h"

#include "base/errors.h"
#include "base/pool_allocator.h"
#include "graph/shape.h"
#include "mlx/ops/creation.h"
#include "mlx/ops/elementwise.h"
#include "mlx/ops/indexing.h"
#include "mlx/ops/reduce.h"
#include "mlx/ops/shape.h"
#include "mlx/ops/shape_like.h"
#include "ops/reduce.h"

namespace mlx::core {

namespace {

array make_scan(Scan::ReduceType type, const array& a, int axis, bool reverse, bool inclusive,
                Stream s) {
  Shape shape = a.shape();
  return array(std::move(shape), a.dtype(), make_node<Scan>(s, type, axis, reverse, inclusive),
               {a});
}

array scan(Scan::ReduceType type, const char* op, const array& a, int axis, bool reverse,
           bool inclusive, StreamOrDevice s) {
  int at = normalize_axis(axis, static_cast<int>(a.ndim()), op);
  return make_scan(type, a, at, reverse, inclusive, to_stream(s));
}

array summand(const array& a, std::optional<Dtype> dtype, StreamOrDevice s) {
  return astype(a, dtype.value_or(a.dtype() == bool_ ? int32 : a.dtype()), s);
}

}  // namespace

array cumsum(const array& a, int axis, bool reverse, bool inclusive, std::optional<Dtype> dtype,
             StreamOrDevice s) {
  return scan(Scan::Sum, "cumsum", summand(a, dtype, s), axis, reverse, inclusive, s);
}
array cumsum(const array& a, bool reverse, bool inclusive, std::optional<Dtype> dtype,
             StreamOrDevice s) {
  return cumsum(flatten(a, s), 0, reverse, inclusive, dtype, s);
}

array cumprod(const array& a, int axis, bool reverse, bool inclusive, std::optional<Dtype> dtype,
              StreamOrDevice s) {
  return scan(Scan::Prod, "cumprod", astype(a, dtype.value_or(a.dtype()), s), axis, reverse,
              inclusive, s);
}
array cumprod(const array& a, bool reverse, bool inclusive, std::optional<Dtype> dtype,
              StreamOrDevice s) {
  return cumprod(flatten(a, s), 0, reverse, inclusive, dtype, s);
}

array cummax(const array& a, int axis, bool reverse, bool inclusive, StreamOrDevice s) {
  return scan(Scan::Max, "cummax", a, axis, reverse, inclusive, s);
}
array cummax(const array& a, bool reverse, bool inclusive, StreamOrDevice s) {
  return cummax(flatten(a, s), 0, reverse, inclusive, s);
}

array cummin(const array& a, int axis, bool reverse, bool inclusive, StreamOrDevice s) {
  return scan(Scan::Min, "cummin", a, axis, reverse, inclusive, s);
}
array cummin(const array& a, bool reverse, bool inclusive, StreamOrDevice s) {
  return cummin(flatten(a, s), 0, reverse, inclusive, s);
}

array logcumsumexp(const array& a, int axis, bool reverse, bool inclusive, StreamOrDevice s) {
  array x = as_floating(a, to_stream(s));
  return scan(Scan::LogAddExp, "logcumsumexp", x, axis, reverse, inclusive, s);
}
array logcumsumexp(const array& a, bool reverse, bool inclusive, StreamOrDevice s) {
  return logcumsumexp(flatten(a, s), 0, reverse, inclusive, s);
}

const char* Scan::name() const {
  switch (reduce_type_) {
    case Sum:
      return "CumSum";
    case Prod:
      return "CumProd";
    case Min:
      return "CumMin";
    case Max:
      return "CumMax";
    case LogAddExp:
      return "CumLogAddExp";
  }
  return "Scan";
}

bool Scan::is_equivalent(const Primitive& other) const {
  return state() == static_cast<const Scan&>(other).state();
}

std::pair<std::vector<array>, std::vector<int>> Scan::vmap(const std::vector<array>& inputs,
                                                           const std::vector<int>& axes) {
  int axis = axis_ + (axes[0] >= 0 && axis_ >= axes[0]);
  return {{make_scan(reduce_type_, inputs[0], axis, reverse_, inclusive_, stream())}, axes};
}

namespace {

array zero_like(const array& x) { return array(0, x.dtype()); }

/** The elements moved one step back along the scan, with zeros at its end: an exclusive scan's
 * cotangent as the inclusive one would have received it. */
array step_back(const array& g, int axis, bool reverse, Stream s) {
  Shape start(g.ndim(), 0);
  Shape stop = g.shape();
  Shape edge = g.shape();
  edge[axis] = 1;
  array zeros = broadcast_to(zero_like(g), edge, s);
  if (reverse) {
    stop[axis] -= 1;
    return concatenate({zeros, slice(g, start, stop, s)}, axis, s);
  }
  start[axis] = 1;
  return concatenate({slice(g, start, stop, s), zeros}, axis, s);
}

/** Positions along an axis, shaped to broadcast. */
array positions(const array& x, int axis, Stream s) {
  Shape shape(x.ndim(), 1);
  shape[axis] = x.shape(axis);
  return reshape(arange(0, x.shape(axis), 1, int32, s), shape, s);
}

/** For each place of an inclusive running extremum, where the latest element with that value is. */
array extremum_places(const array& x, Scan::ReduceType type, int axis, bool reverse, Stream s) {
  array running = make_scan(type, x, axis, reverse, true, s);
  array here = positions(x, axis, s);
  array outside = array(reverse ? x.shape(axis) - 1 : 0);
  array marked = where(equal(x, running, s), here, outside, s);
  return make_scan(reverse ? Scan::Min : Scan::Max, marked, axis, reverse, true, s);
}

// The gradient goes to the latest element, in the order of the scan, that equals the running
// extremum.
array extremum_vjp(const array& x, const array& g, Scan::ReduceType type, int axis, bool reverse,
                   Stream s) {
  array source = extremum_places(x, type, axis, reverse, s);
  array zeros = detail::broadcast_like(zero_like(x), x, s);
  return scatter_add_axis(zeros, source, g, axis, s);
}

// d out_i / d x_j = out_i / x_j, except at the first zero, where the product of the others counts,
// and after it, where all is zero.
struct ProductParts {
  array zeros_so_far;  // counted inclusively
  array first_zero;
  array safe;    // x with zeros replaced by ones
  array others;  // the running product without the first zero

  ProductParts(const array& x, int axis, bool reverse, bool inclusive, Stream s)
      : zeros_so_far(cumsum(astype(equal(x, zero_like(x), s), int32, s), axis, reverse, true,
                            std::nullopt, s)),
        first_zero(logical_and(equal(x, zero_like(x), s), equal(zeros_so_far, array(1), s), s)),
        safe(where(equal(x, zero_like(x), s), array(1, x.dtype()), x, s)),
        others(make_scan(Scan::Prod, where(first_zero, array(1, x.dtype()), x, s), axis, reverse,
                         inclusive, s)) {}
};

array product_vjp(const array& x, const array& g, const array& out, int axis, bool reverse,
                  bool inclusive, Stream s) {
  ProductParts parts(x, axis, reverse, inclusive, s);
  auto backwards = [&](const array& products) {
    return make_scan(Scan::Sum, multiply(g, products, s), axis, !reverse, inclusive, s);
  };
  array before = divide(backwards(out), parts.safe, s);
  array after = where(parts.first_zero, backwards(parts.others), zero_like(x), s);
  return where(equal(parts.zeros_so_far, array(0), s), before, after, s);
}

array product_jvp(const array& x, const array& t, int axis, bool reverse, bool inclusive,
                  Stream s) {
  ProductParts parts(x, axis, reverse, inclusive, s);
  auto running = [&](const array& a) {
    return make_scan(Scan::Sum, a, axis, reverse, inclusive, s);
  };
  array out = make_scan(Scan::Prod, x, axis, reverse, inclusive, s);
  array before = multiply(out, running(divide(t, parts.safe, s)), s);
  array at_zero = running(where(parts.first_zero, t, zero_like(t), s));
  array zeros = running(astype(parts.first_zero, x.dtype(), s));
  return where(equal(zeros, zero_like(x), s), before, multiply(parts.others, at_zero, s), s);
}

/** Calls f with the positive and the negative part's logarithms and subtracts the results. */
template <class F>
array by_sign(const array& t, F&& f, Stream s) {
  array zero = zero_like(t);
  return subtract(f(log(maximum(t, zero, s), s)), f(log(maximum(negative(t, s), zero, s), s)), s);
}

}  // namespace

std::vector<array> Scan::vjp(const std::vector<array>& primals,
                             const std::vector<array>& cotangents, const std::vector<int>&,
                             const std::vector<array>& outputs) {
  const array& x = primals[0];
  const array& g = cotangents[0];
  const Stream s = stream();
  switch (reduce_type_) {
    case Sum:
      return {make_scan(Sum, g, axis_, !reverse_, inclusive_, s)};
    case Prod:
      return {product_vjp(x, g, outputs[0], axis_, reverse_, inclusive_, s)};
    case Min:
    case Max: {
      array inclusive = inclusive_ ? g : step_back(g, axis_, reverse_, s);
      return {extremum_vjp(x, inclusive, reduce_type_, axis_, reverse_, s)};
    }
    case LogAddExp: {
      // sum_i g_i exp(x_j - out_i), with the sum in the logarithm.
      array infinite = equal(outputs[0], array(-INFINITY, x.dtype()), s);
      array out = where(infinite, array(INFINITY, x.dtype()), outputs[0], s);
      return {by_sign(
          g,
          [&](const array& log_g) {
            array total =
                make_scan(LogAddExp, subtract(log_g, out, s), axis_, !reverse_, inclusive_, s);
            return exp(add(x, total, s), s);
          },
          s)};
    }
  }
  return Primitive::vjp(primals, cotangents, {0}, outputs);
}

std::vector<array> Scan::jvp(const std::vector<array>& primals, const std::vector<array>& tangents,
                             const std::vector<int>&) {
  const array& x = primals[0];
  const Stream s = stream();
  if (reduce_type_ == Sum) return {make_scan(Sum, tangents[0], axis_, reverse_, inclusive_, s)};
  if (reduce_type_ == LogAddExp) {
    array out = make_scan(LogAddExp, x, axis_, reverse_, inclusive_, s);
    array finite = where(equal(out, array(-INFINITY, x.dtype()), s), zero_like(x), out, s);
    return {by_sign(
        tangents[0],
        [&](const array& log_t) {
          array total = make_scan(LogAddExp, add(x, log_t, s), axis_, reverse_, inclusive_, s);
          return exp(subtract(total, finite, s), s);
        },
        s)};
  }
  if (reduce_type_ == Prod) {
    return {product_jvp(x, tangents[0], axis_, reverse_, inclusive_, s)};
  }
  array source = extremum_places(x, reduce_type_, axis_, reverse_, s);
  array tangent = take_along_axis(tangents[0], source, axis_, s);
  return {inclusive_ ? tangent : step_back(tangent, axis_, !reverse_, s)};
}

}  // namespace mlx::core
