// RMS and layer normalisation: public functions and the rules of their primitives.
#include "mlx/primitives/norm.h"

#include "base/errors.h"
#include "base/pool_allocator.h"
#include "graph/shape_check.h"
#include "mlx/fast.h"
#include "mlx/ops/elementwise.h"
#include "mlx/ops/reduce.h"
#include "mlx/ops/shape.h"
#include "mlx/transforms.h"

namespace mlx::core::fast {

namespace {

void check_parameter(const char* op, const char* name, const std::optional<array>& parameter,
                     const array& x) {
  if (!parameter) return;
  if (parameter->ndim() != 1) {
    throw_invalid(op, "{} must have 1 dimension but has {} dimensions.", name, parameter->ndim());
  }
  if (parameter->size() != static_cast<size_t>(x.shape(-1))) {
    throw_invalid(op, "{} must have the same size as the last dimension of x but has {} elements.",
                  name, parameter->size());
  }
}

void check_input(const char* op, const array& x) {
  if (x.ndim() == 0) {
    throw_invalid(op, "Input must have at least 1 dimension but got input with 0 dimensions.");
  }
}

void check_dtype(const char* op, Dtype dtype) {
  if (!issubdtype(dtype, floating)) {
    throw_invalid(op, "Received unsupported type {}.", dtype_name(dtype));
  }
}

/** The dtype in which the composed forms compute. */
Dtype wide(Dtype dtype) { return dtype == float64 ? float64 : float32; }

array inverse_root(const array& x, float eps, Stream s) {
  return rsqrt(add(x, array(eps, x.dtype()), s), s);
}

Custom::Fallback rms_norm_fallback(float eps, bool has_weight, Stream s) {
  return [=](std::vector<array> inputs) -> std::vector<array> {
    const array& x = inputs[0];
    array v = astype(x, wide(x.dtype()), s);
    array scale = inverse_root(mean(square(v, s), -1, true, s), eps, s);
    array y = multiply(v, scale, s);
    if (has_weight) y = multiply(y, astype(inputs[1], y.dtype(), s), s);
    return {astype(y, x.dtype(), s)};
  };
}

Custom::Fallback layer_norm_fallback(float eps, bool has_weight, bool has_bias, Stream s) {
  return [=](std::vector<array> inputs) -> std::vector<array> {
    const array& x = inputs[0];
    array v = astype(x, wide(x.dtype()), s);
    array centered = subtract(v, mean(v, -1, true, s), s);
    array scale = inverse_root(mean(square(centered, s), -1, true, s), eps, s);
    array y = multiply(centered, scale, s);
    if (has_weight) y = multiply(y, astype(inputs[1], y.dtype(), s), s);
    if (has_bias) y = add(y, astype(inputs[2], y.dtype(), s), s);
    return {astype(y, x.dtype(), s)};
  };
}

/** The fallback of a fused derivative: the derivative of the fallback. The last input is the
 * cotangent. */
Custom::Fallback vjp_fallback(Custom::Fallback fallback) {
  return [fallback = std::move(fallback)](std::vector<array> inputs) {
    std::vector<array> primals(inputs.begin(), inputs.end() - 1);
    return core::vjp(VectorFunction(fallback), primals, {inputs.back()}).second;
  };
}

/** The gradients of all primals by one fused primitive; returns those asked for. */
template <class Vjp>
std::vector<array> fused_vjp(const std::vector<array>& primals, const array& cotangent,
                             const std::vector<int>& argnums, Custom::Fallback fallback, float eps,
                             Stream s) {
  std::vector<Shape> shapes;
  std::vector<Dtype> dtypes;
  for (const auto& primal : primals) {
    shapes.push_back(primal.shape());
    dtypes.push_back(primal.dtype());
  }
  std::vector<array> inputs = primals;
  inputs.push_back(astype(cotangent, primals[0].dtype(), s));
  auto all = array::make_arrays(std::move(shapes), dtypes,
                                make_node<Vjp>(s, vjp_fallback(std::move(fallback)), eps), inputs);
  std::vector<array> result;
  for (int argnum : argnums) result.push_back(all[argnum]);
  return result;
}

/** The batched primitive when only x is batched. */
template <class Op>
std::optional<std::vector<array>> batched_rows(const std::vector<array>& inputs,
                                               const std::vector<int>& axes,
                                               const Custom::Fallback& fallback, float eps,
                                               Stream s) {
  for (size_t i = 1; i < axes.size(); ++i) {
    if (axes[i] >= 0) return std::nullopt;
  }
  std::vector<array> moved = inputs;
  if (axes[0] > 0) moved[0] = moveaxis(inputs[0], axes[0], 0, s);
  Shape shape = moved[0].shape();
  Dtype dtype = moved[0].dtype();
  return std::vector<array>{
      array(std::move(shape), dtype, make_node<Op>(s, fallback, eps), std::move(moved))};
}

}  // namespace

array rms_norm(const array& x, const std::optional<array>& weight, float eps, StreamOrDevice s) {
  Stream stream = to_stream(s);
  check_input("rms_norm", x);
  check_parameter("rms_norm", "(*weight)", weight, x);
  Dtype dtype = weight ? result_type(x, *weight) : x.dtype();
  check_dtype("rms_norm", dtype);
  std::vector<array> inputs{astype(x, dtype, stream),
                            weight ? astype(*weight, dtype, stream) : array(1, dtype)};
  auto fallback = rms_norm_fallback(eps, weight.has_value(), stream);
  if (dtype == float64) return fallback(inputs)[0];
  Shape shape = x.shape();
  return array(std::move(shape), dtype, make_node<RMSNorm>(stream, fallback, eps),
               std::move(inputs));
}

array layer_norm(const array& x, const std::optional<array>& weight,
                 const std::optional<array>& bias, float eps, StreamOrDevice s) {
  Stream stream = to_stream(s);
  check_input("layer_norm", x);
  check_parameter("layer_norm", "weight", weight, x);
  check_parameter("layer_norm", "bias", bias, x);
  Dtype dtype = x.dtype();
  if (weight) dtype = promote_types(dtype, weight->dtype());
  if (weight && bias) dtype = promote_types(dtype, bias->dtype());
  check_dtype("layer_norm", dtype);
  std::vector<array> inputs{astype(x, dtype, stream),
                            weight ? astype(*weight, dtype, stream) : array(1, dtype),
                            bias ? astype(*bias, dtype, stream) : array(0, dtype)};
  auto fallback = layer_norm_fallback(eps, weight.has_value(), bias.has_value(), stream);
  if (dtype == float64) return fallback(inputs)[0];
  Shape shape = x.shape();
  return array(std::move(shape), dtype, make_node<LayerNorm>(stream, fallback, eps),
               std::move(inputs));
}

std::vector<Shape> detail::Norm::output_shapes(const std::vector<array>& inputs) {
  const Shape& shape = inputs[0].shape();
  size_t primals = inputs.size() - (is_derivative() ? 1 : 0);
  std::vector<Shape> shapes{shape};
  for (size_t i = 1; i < primals; ++i) {
    const Shape& parameter = inputs[i].shape();
    require_fit(parameter.empty() || parameter == Shape{shape.back()}, name(), inputs);
    shapes.push_back(parameter);
  }
  if (!is_derivative()) return {shape};
  require_fit(inputs.back().shape() == shape, name(), inputs);
  return shapes;
}

std::vector<array> RMSNorm::vjp(const std::vector<array>& primals,
                                const std::vector<array>& cotangents,
                                const std::vector<int>& argnums, const std::vector<array>&) {
  return fused_vjp<RMSNormVJP>(primals, cotangents[0], argnums, fallback_, eps_, stream());
}

std::vector<array> LayerNorm::vjp(const std::vector<array>& primals,
                                  const std::vector<array>& cotangents,
                                  const std::vector<int>& argnums, const std::vector<array>&) {
  return fused_vjp<LayerNormVJP>(primals, cotangents[0], argnums, fallback_, eps_, stream());
}

std::pair<std::vector<array>, std::vector<int>> RMSNorm::vmap(const std::vector<array>& inputs,
                                                              const std::vector<int>& axes) {
  auto outputs = batched_rows<RMSNorm>(inputs, axes, fallback_, eps_, stream());
  return outputs ? std::make_pair(*outputs, std::vector<int>{0}) : Custom::vmap(inputs, axes);
}

std::pair<std::vector<array>, std::vector<int>> LayerNorm::vmap(const std::vector<array>& inputs,
                                                                const std::vector<int>& axes) {
  auto outputs = batched_rows<LayerNorm>(inputs, axes, fallback_, eps_, stream());
  return outputs ? std::make_pair(*outputs, std::vector<int>{0}) : Custom::vmap(inputs, axes);
}

}  // namespace mlx::core::fast
