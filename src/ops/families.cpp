// Shared rules of the element-wise families: dtypes, derivatives, batching.
#include "ops/families.h"

#include "base/errors.h"
#include "graph/shape_check.h"

namespace mlx::core {

Dtype operand_dtype(const OpInfo& info, Dtype dtype) {
  bool accepted = true;
  switch (info.accepts) {
    case Accepts::any:
      break;
    case Accepts::number:
      accepted = dtype != bool_;
      break;
    case Accepts::real:
      accepted = dtype != complex64;
      break;
    case Accepts::integer:
      accepted = dtype == bool_ || issubdtype(dtype, integer);
      break;
    case Accepts::boolean:
      accepted = dtype == bool_;
      break;
  }
  if (!accepted) {
    throw_invalid(info.function, "arrays of type {} are not supported.", dtype_name(dtype));
  }
  if (info.result == Result::promoted_to_float && !issubdtype(dtype, inexact)) return float32;
  return dtype;
}

namespace {

/** Pulling back through a holomorphic function multiplies by the conjugate of its slope. */
array conjugate_if_complex(array slope, Stream s) {
  return slope.dtype() == complex64 ? conjugate(slope, s) : slope;
}

}  // namespace

namespace detail {

Dtype result_dtype(const OpInfo& info, Dtype dtype) {
  switch (info.result) {
    case Result::boolean:
      return bool_;
    case Result::real_part:
      return dtype == complex64 ? float32 : dtype;
    default:
      return dtype;
  }
}

std::vector<array> unary_jvp(UnaryDerivative derivative, const Primitive& primitive,
                             const std::vector<array>& primals, const std::vector<array>& tangents,
                             const array& output) {
  array slope = derivative(primals[0], output, primitive.stream());
  return {multiply(tangents[0], slope, primitive.stream())};
}

std::vector<array> unary_vjp(UnaryDerivative derivative, const Primitive& primitive,
                             const std::vector<array>& primals,
                             const std::vector<array>& cotangents,
                             const std::vector<array>& outputs) {
  Stream s = primitive.stream();
  array slope = conjugate_if_complex(derivative(primals[0], outputs[0], s), s);
  return {multiply(cotangents[0], slope, s)};
}

std::vector<array> binary_jvp(BinaryDerivative derivative, const Primitive& primitive,
                              const std::vector<array>& primals, const std::vector<array>& tangents,
                              const std::vector<int>& argnums, const array& output) {
  auto term = [&](size_t i) {
    array slope = derivative(argnums[i], primals[0], primals[1], output, primitive.stream());
    return multiply(tangents[i], slope, primitive.stream());
  };
  array sum = term(0);
  if (argnums.size() > 1) sum = add(sum, term(1), primitive.stream());
  return {sum};
}

std::vector<array> binary_vjp(BinaryDerivative derivative, const Primitive& primitive,
                              const std::vector<array>& primals,
                              const std::vector<array>& cotangents, const std::vector<int>& argnums,
                              const std::vector<array>& outputs) {
  Stream s = primitive.stream();
  std::vector<array> result;
  for (int argnum : argnums) {
    array slope = derivative(argnum, primals[0], primals[1], outputs[0], s);
    result.push_back(multiply(cotangents[0], conjugate_if_complex(std::move(slope), s), s));
  }
  return result;
}

void check_equal_shapes(const char* op, const std::vector<array>& inputs) {
  for (size_t i = 1; i < inputs.size(); ++i) {
    require_fit(inputs[i].shape() == inputs[0].shape(), op, inputs);
  }
}

std::pair<std::vector<array>, int> align_batch(const std::vector<array>& inputs,
                                               const std::vector<int>& axes, Stream s) {
  int out_axis = -1;
  size_t ndim = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (axes[i] >= 0 && out_axis < 0) out_axis = axes[i];
    ndim = std::max(ndim, inputs[i].ndim() - (axes[i] >= 0 ? 1 : 0));
  }
  if (out_axis < 0) return {inputs, -1};
  std::vector<array> operands;
  for (size_t i = 0; i < inputs.size(); ++i) {
    array operand = inputs[i];
    if (axes[i] >= 0) {
      if (axes[i] != out_axis) operand = moveaxis(operand, axes[i], out_axis, s);
    } else {
      operand = expand_dims(operand, out_axis, s);
    }
    operands.push_back(std::move(operand));
  }
  return {broadcast_arrays(operands, s), out_axis};
}

}  // namespace detail

}  // namespace mlx::core
