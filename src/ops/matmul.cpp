// Matrix and tensor products: public functions and the rules of Matmul and AddMM.
#include "mlx/ops/matmul.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "base/errors.h"
#include "base/pool_allocator.h"
#include "graph/input_list.h"
#include "graph/shape.h"
#include "graph/shape_check.h"
#include "mlx/ops/elementwise.h"
#include "mlx/ops/reduce.h"
#include "mlx/ops/shape.h"
#include "mlx/ops/shape_like.h"
#include "mlx/primitives/matmul.h"
#include "mlx/transforms_impl.h"

namespace mlx::core {

namespace {

Shape batch_shape(const array& a) { return Shape(a.shape().begin(), a.shape().end() - 2); }

Shape with_matrix(Shape batch, ShapeElem rows, ShapeElem columns) {
  batch.push_back(rows);
  batch.push_back(columns);
  return batch;
}

/** The operands of a product as at least 2-d arrays of one batch shape; what to undo afterwards. */
struct Operands {
  array a;
  array b;
  std::vector<int> added_axes;    // of the result
  std::optional<array> unfolded;  // a, if its batch became rows because b has none
  Shape out_shape;
};

/** What becomes of the batch of a if b has none: matrices of their own, one taller matrix, or the
 * primitive's business. */
enum class Fold { no, here, in_kernel };

Operands prepare(const char* op, array a, array b, Fold fold, Stream s) {
  if (a.ndim() == 0 || b.ndim() == 0) {
    throw_invalid(op, "inputs must have at least one dimension: got shapes {} and {}.",
                  to_string(a.shape()), to_string(b.shape()));
  }
  std::vector<int> added;
  if (a.ndim() == 1) {
    a = expand_dims(a, 0, s);
    added.push_back(-2);
  }
  if (b.ndim() == 1) {
    b = expand_dims(b, 1, s);
    added.push_back(-1);
  }
  if (a.shape(-1) != b.shape(-2)) {
    throw_invalid(op,
                  "the last dimension of the first input must match the second to last of the "
                  "second: got shapes {} and {}.",
                  to_string(a.shape()), to_string(b.shape()));
  }
  std::optional<array> unfolded;
  Shape out_shape;
  const bool may_fold = fold != Fold::no && a.ndim() > 2 && b.ndim() == 2;
  if (may_fold && fold == Fold::in_kernel) {
    out_shape = with_matrix(batch_shape(a), a.shape(-2), b.shape(-1));
  } else if (may_fold) {
    out_shape = with_matrix(batch_shape(a), a.shape(-2), b.shape(-1));
    unfolded = a;
    a = flatten(a, 0, -2, s);
  } else if (a.ndim() > 2 || b.ndim() > 2) {
    const Shape batch = broadcast_shapes(batch_shape(a), batch_shape(b), op);
    if (batch_shape(a) != batch_shape(b)) {
      array left = detail::broadcast_except(op, a, b, {-2, -1}, s);
      b = detail::broadcast_except(op, b, a, {-2, -1}, s);
      a = std::move(left);
    }
    out_shape = with_matrix(batch, a.shape(-2), b.shape(-1));
  } else {
    out_shape = {a.shape(0), b.shape(1)};
  }
  return {std::move(a), std::move(b), std::move(added), std::move(unfolded), std::move(out_shape)};
}

/** c in the shape of the product of the operands; raises when it does not broadcast to it. */
array broadcast_addend(array c, const Operands& operands, const Shape& shape, Stream s) {
  Shape visible = shape;  // of the result, without the axes that are taken away again
  std::vector<int> axes;
  for (int axis : operands.added_axes) axes.push_back(axis + static_cast<int>(shape.size()));
  for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) {
    visible.erase(visible.begin() + *axis);
  }
  if (broadcast_shapes(c.shape(), visible, "addmm") != visible) {
    throw_invalid("addmm", "input c must broadcast to the output shape: got {}, expected {}.",
                  to_string(c.shape()), to_string(visible));
  }
  const bool is_fixed = !detail::in_dynamic_tracing();
  if (is_fixed && axes.empty()) return broadcast_to(c, shape, s);
  std::vector<int> lead(visible.size() - c.ndim());
  std::iota(lead.begin(), lead.end(), 0);
  c = expand_dims(expand_dims(c, lead, s), axes, s);
  if (is_fixed) return broadcast_to(c, shape, s);
  c = detail::broadcast_except("addmm", c, operands.a, {-1}, s);
  return detail::broadcast_except("addmm", c, operands.b, {-2}, s);
}

array restore(array out, const Operands& operands, Stream s) {
  if (operands.unfolded) {
    out = detail::in_dynamic_tracing() ? detail::reshape_like(out, *operands.unfolded, s)
                                       : reshape(out, operands.out_shape, s);
  }
  if (!operands.added_axes.empty()) out = squeeze(out, operands.added_axes, s);
  return out;
}

array multiply_matrices(array a, array b, Stream s) {
  Shape shape = with_matrix(batch_shape(a), a.shape(-2), b.shape(-1));
  const Dtype dtype = a.dtype();
  return array(std::move(shape), dtype, make_node<Matmul>(s),
               input_list(std::move(a), std::move(b)));
}

/** The conjugate transpose: what a cotangent is multiplied with. */
array adjoint(const array& a, Stream s) {
  array t = swapaxes(a, -1, -2, s);
  return a.dtype() == complex64 ? conjugate(t, s) : t;
}

array scaled(const array& a, float factor, Stream s) {
  return factor == 1.0f ? a : multiply(array(factor, a.dtype()), a, s);
}

array batch_first(const array& a, int axis, Stream s) {
  return axis > 0 ? moveaxis(a, axis, 0, s) : a;
}

/** Stacks the batched operand in front; an operand that is not batched broadcasts. */
std::vector<array> align_matrices(const std::vector<array>& inputs, const std::vector<int>& axes,
                                  Stream s) {
  std::vector<array> moved;
  for (size_t i = 0; i < inputs.size(); ++i) {
    moved.push_back(batch_first(inputs[i], axes[i], s));
  }
  return moved;
}

bool any_batched(const std::vector<int>& axes) {
  return std::any_of(axes.begin(), axes.end(), [](int axis) { return axis >= 0; });
}

}  // namespace

array matmul(const array& a, const array& b, StreamOrDevice s) {
  Stream stream = to_stream(s);
  if (a.ndim() == 0 || b.ndim() == 0) {
    throw_invalid("matmul", "inputs must have at least one dimension: got shapes {} and {}.",
                  to_string(a.shape()), to_string(b.shape()));
  }
  Dtype dtype = promote_types(a.dtype(), b.dtype());
  if (!issubdtype(dtype, inexact)) {
    throw_invalid("matmul", "only floating point types are supported: got {} and {}.",
                  dtype_name(a.dtype()), dtype_name(b.dtype()));
  }
  Operands operands = prepare("matmul", astype(a, dtype, stream), astype(b, dtype, stream),
                              Fold::in_kernel, stream);
  array out = multiply_matrices(std::move(operands.a), std::move(operands.b), stream);
  return restore(std::move(out), operands, stream);
}

array addmm(array c, array a, array b, const float& alpha, const float& beta, StreamOrDevice s) {
  Stream stream = to_stream(s);
  if (a.ndim() == 0 || b.ndim() == 0) {
    throw_invalid("addmm", "inputs must have at least one dimension: got shapes {} and {}.",
                  to_string(a.shape()), to_string(b.shape()));
  }
  Dtype dtype = result_type(a, b, c);
  if (!issubdtype(dtype, inexact)) {
    throw_invalid("addmm", "only floating point types are supported: got {}, {} and {}.",
                  dtype_name(c.dtype()), dtype_name(a.dtype()), dtype_name(b.dtype()));
  }
  // c joins the product only in two dimensions; folding a's batch needs c's rows to fold along.
  const Fold fold = c.ndim() <= 1 ? Fold::here : Fold::no;
  Operands operands =
      prepare("addmm", astype(a, dtype, stream), astype(b, dtype, stream), fold, stream);
  Shape shape = with_matrix(batch_shape(operands.a), operands.a.shape(-2), operands.b.shape(-1));
  c = broadcast_addend(astype(c, dtype, stream), operands, shape, stream);
  array out(std::move(shape), dtype, make_node<AddMM>(stream, alpha, beta),
            {operands.a, operands.b, c});
  return restore(out, operands, stream);
}

array tensordot(const array& a, const array& b, const int axis, StreamOrDevice s) {
  if (axis < 0) {
    throw_invalid("tensordot", "the number of axes must not be negative: got {}.", axis);
  }
  if (axis > static_cast<int>(std::min(a.ndim(), b.ndim()))) {
    throw_invalid("tensordot",
                  "the number of axes must not exceed the dimensions of a and b: got {} for "
                  "shapes {} and {}.",
                  axis, to_string(a.shape()), to_string(b.shape()));
  }
  std::vector<int> axes_a(axis), axes_b(axis);
  std::iota(axes_a.begin(), axes_a.end(), static_cast<int>(a.ndim()) - axis);
  std::iota(axes_b.begin(), axes_b.end(), 0);
  return tensordot(a, b, axes_a, axes_b, s);
}

array tensordot(const array& a, const array& b, const std::vector<int>& axes_a,
                const std::vector<int>& axes_b, StreamOrDevice s) {
  Stream stream = to_stream(s);
  if (axes_a.size() != axes_b.size()) {
    throw_invalid("tensordot", "axes must have the same size: got {} and {}.", axes_a.size(),
                  axes_b.size());
  }
  const int a_ndim = static_cast<int>(a.ndim());
  const int b_ndim = static_cast<int>(b.ndim());
  std::vector<bool> in_a(a_ndim), in_b(b_ndim);
  std::vector<int> a_order, b_order;
  ShapeElem contracted = 1;
  std::vector<int> a_axes, b_axes;
  for (size_t i = 0; i < axes_a.size(); ++i) {
    a_axes.push_back(normalize_axis(axes_a[i], a_ndim, "tensordot"));
    b_axes.push_back(normalize_axis(axes_b[i], b_ndim, "tensordot"));
    if (a.shape(a_axes[i]) != b.shape(b_axes[i])) {
      throw_invalid("tensordot",
                    "a and b must have the same shape on the contracted axes: got {} and {}.",
                    a.shape(a_axes[i]), b.shape(b_axes[i]));
    }
    in_a[a_axes[i]] = true;
    in_b[b_axes[i]] = true;
    contracted *= a.shape(a_axes[i]);
  }
  Shape out_shape;
  ShapeElem rows = 1;
  ShapeElem columns = 1;
  for (int i = 0; i < a_ndim; ++i) {
    if (in_a[i]) continue;
    a_order.push_back(i);
    out_shape.push_back(a.shape(i));
    rows *= a.shape(i);
  }
  a_order.insert(a_order.end(), a_axes.begin(), a_axes.end());
  b_order = b_axes;
  for (int i = 0; i < b_ndim; ++i) {
    if (in_b[i]) continue;
    b_order.push_back(i);
    out_shape.push_back(b.shape(i));
    columns *= b.shape(i);
  }
  array left = reshape(transpose(a, a_order, stream), {rows, contracted}, stream);
  array right = reshape(transpose(b, b_order, stream), {contracted, columns}, stream);
  return reshape(matmul(left, right, stream), out_shape, stream);
}

array outer(const array& a, const array& b, StreamOrDevice s) {
  Stream stream = to_stream(s);
  return multiply(reshape(a, {static_cast<ShapeElem>(a.size()), 1}, stream), flatten(b, stream),
                  stream);
}

array inner(const array& a, const array& b, StreamOrDevice s) {
  if (a.ndim() == 0 || b.ndim() == 0) return multiply(a, b, s);
  if (a.shape(-1) != b.shape(-1)) {
    throw_invalid("inner", "a and b must have the same last dimension: got shapes {} and {}.",
                  to_string(a.shape()), to_string(b.shape()));
  }
  return tensordot(a, b, {-1}, {-1}, s);
}

array vecdot(const array& a, const array& b, int axis, StreamOrDevice s) {
  Stream stream = to_stream(s);
  if (a.ndim() == 0 || b.ndim() == 0) {
    throw_invalid("vecdot", "inputs must have at least one dimension: got shapes {} and {}.",
                  to_string(a.shape()), to_string(b.shape()));
  }
  auto check_axis = [&](const array& x) {
    const int ndim = static_cast<int>(x.ndim());
    if (axis >= ndim || axis < -ndim) {
      throw_out_of_range("vecdot", "axis {} is out of bounds for an array with {} dimensions.",
                         axis, ndim);
    }
  };
  check_axis(a);
  check_axis(b);
  if (a.shape(axis) != b.shape(axis)) {
    throw_invalid("vecdot", "a and b must have the same size along the axis: got {} and {}.",
                  a.shape(axis), b.shape(axis));
  }
  array left = moveaxis(a, axis, -1, stream);
  array right = moveaxis(b, axis, -1, stream);
  if (left.dtype() == complex64) left = conjugate(left, stream);
  return sum(multiply(left, right, stream), std::vector<int>{-1}, false, stream);
}

array kron(const array& a, const array& b, StreamOrDevice s) {
  Stream stream = to_stream(s);
  const int ndim = static_cast<int>(std::max(a.ndim(), b.ndim()));
  Shape left, right, out;
  auto dimension = [&](const array& x, int i) {
    const int lead = ndim - static_cast<int>(x.ndim());
    return i < lead ? 1 : x.shape(i - lead);
  };
  for (int i = 0; i < ndim; ++i) {
    left.push_back(dimension(a, i));
    left.push_back(1);
    right.push_back(1);
    right.push_back(dimension(b, i));
    out.push_back(dimension(a, i) * dimension(b, i));
  }
  return reshape(multiply(reshape(a, left, stream), reshape(b, right, stream), stream), out,
                 stream);
}

std::vector<Shape> Matmul::output_shapes(const std::vector<array>& inputs) {
  require_fit(inputs[0].shape(-1) == inputs[1].shape(-2) &&
                  (inputs[1].ndim() == 2 || batch_shape(inputs[0]) == batch_shape(inputs[1])),
              "matmul", inputs);
  return {with_matrix(batch_shape(inputs[0]), inputs[0].shape(-2), inputs[1].shape(-1))};
}

std::vector<array> Matmul::vjp(const std::vector<array>& primals,
                               const std::vector<array>& cotangents,
                               const std::vector<int>& argnums, const std::vector<array>&) {
  std::vector<array> vjps;
  for (int arg : argnums) {
    if (arg == 0) {
      vjps.push_back(matmul(cotangents[0], adjoint(primals[1], stream()), stream()));
      continue;
    }
    array a = primals[0];
    array cotangent = cotangents[0];
    if (primals[1].ndim() == 2 && a.ndim() > 2) {  // the rows of all matrices count
      a = flatten(a, 0, -2, stream());
      cotangent = flatten(cotangent, 0, -2, stream());
    }
    vjps.push_back(matmul(adjoint(a, stream()), cotangent, stream()));
  }
  return vjps;
}

std::vector<array> Matmul::jvp(const std::vector<array>& primals,
                               const std::vector<array>& tangents,
                               const std::vector<int>& argnums) {
  std::vector<array> parts;
  for (size_t i = 0; i < argnums.size(); ++i) {
    parts.push_back(argnums[i] == 0 ? matmul(tangents[i], primals[1], stream())
                                    : matmul(primals[0], tangents[i], stream()));
  }
  return {parts.size() == 1 ? parts[0] : add(parts[0], parts[1], stream())};
}

std::pair<std::vector<array>, std::vector<int>> Matmul::vmap(const std::vector<array>& inputs,
                                                             const std::vector<int>& axes) {
  auto moved = align_matrices(inputs, axes, stream());
  if (axes[1] >= 0 && inputs[1].ndim() == 3) {
    // One matrix for each of the batch: it broadcasts over the other dimensions of a.
    const size_t ndim = inputs[0].ndim() + (axes[0] < 0 ? 1 : 0);
    std::vector<int> between;
    for (size_t i = moved[1].ndim(); i < ndim; ++i) between.push_back(static_cast<int>(i) - 2);
    moved[1] = expand_dims(moved[1], between, stream());
  }
  return {{matmul(moved[0], moved[1], stream())}, {any_batched(axes) ? 0 : -1}};
}

bool AddMM::is_equivalent(const Primitive& other) const {
  return state() == static_cast<const AddMM&>(other).state();
}

std::vector<Shape> AddMM::output_shapes(const std::vector<array>& inputs) {
  Shape shape = with_matrix(batch_shape(inputs[0]), inputs[0].shape(-2), inputs[1].shape(-1));
  require_fit(inputs[0].shape(-1) == inputs[1].shape(-2) &&
                  batch_shape(inputs[0]) == batch_shape(inputs[1]) && inputs[2].shape() == shape,
              "addmm", inputs);
  return {std::move(shape)};
}

std::vector<array> AddMM::vjp(const std::vector<array>& primals,
                              const std::vector<array>& cotangents, const std::vector<int>& argnums,
                              const std::vector<array>&) {
  std::vector<array> vjps;
  for (int arg : argnums) {
    if (arg == 2) {
      vjps.push_back(scaled(cotangents[0], beta_, stream()));
    } else {
      array grad = arg == 0 ? matmul(cotangents[0], adjoint(primals[1], stream()), stream())
                            : matmul(adjoint(primals[0], stream()), cotangents[0], stream());
      vjps.push_back(scaled(grad, alpha_, stream()));
    }
  }
  return vjps;
}

std::vector<array> AddMM::jvp(const std::vector<array>& primals, const std::vector<array>& tangents,
                              const std::vector<int>& argnums) {
  std::vector<array> parts;
  for (size_t i = 0; i < argnums.size(); ++i) {
    switch (argnums[i]) {
      case 0:
        parts.push_back(scaled(matmul(tangents[i], primals[1], stream()), alpha_, stream()));
        break;
      case 1:
        parts.push_back(scaled(matmul(primals[0], tangents[i], stream()), alpha_, stream()));
        break;
      default:
        parts.push_back(scaled(tangents[i], beta_, stream()));
    }
  }
  array total = parts[0];
  for (size_t i = 1; i < parts.size(); ++i) total = add(total, parts[i], stream());
  return {total};
}

std::pair<std::vector<array>, std::vector<int>> AddMM::vmap(const std::vector<array>& inputs,
                                                            const std::vector<int>& axes) {
  auto moved = align_matrices(inputs, axes, stream());
  // With c alone batched there is one product, to which each c is added.
  if (axes[0] < 0 && axes[1] < 0 && axes[2] >= 0) {
    array product = scaled(matmul(moved[0], moved[1], stream()), alpha_, stream());
    return {{add(product, scaled(moved[2], beta_, stream()), stream())}, {0}};
  }
  array out = addmm(moved[2], moved[0], moved[1], alpha_, beta_, stream());
  return {{out}, {any_batched(axes) ? 0 : -1}};
}

}  // namespace mlx::core
