// Evaluation and function transformations: eval, vjp, jvp, grad, vmap, custom derivatives,
// checkpoint.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "mlx/api.h"
#include "mlx/array.h"

namespace mlx::core {

/** Starts the computation of the arrays and returns. */
MLX_API void async_eval(std::vector<array> outputs);
/** Computes the arrays and returns once all are available. */
MLX_API void eval(std::vector<array> outputs);

template <typename... Arrays, typename = enable_for_arrays_t<Arrays...>>
void eval(Arrays&&... outputs) {
  eval(std::vector<array>{std::forward<Arrays>(outputs)...});
}
template <typename... Arrays, typename = enable_for_arrays_t<Arrays...>>
void async_eval(Arrays&&... outputs) {
  async_eval(std::vector<array>{std::forward<Arrays>(outputs)...});
}

using VectorFunction = std::function<std::vector<array>(const std::vector<array>&)>;
using ScalarFunction = std::function<array(const array&)>;

/** The outputs of `fun` at `primals` and the vector-Jacobian products with `cotangents`. */
MLX_API std::pair<std::vector<array>, std::vector<array>> vjp(const VectorFunction& fun,
                                                              const std::vector<array>& primals,
                                                              const std::vector<array>& cotangents);
MLX_API std::pair<array, array> vjp(const ScalarFunction& fun, const array& primal,
                                    const array& cotangent);

/** The outputs of `fun` at `primals` and the Jacobian-vector products with `tangents`. */
MLX_API std::pair<std::vector<array>, std::vector<array>> jvp(const VectorFunction& fun,
                                                              const std::vector<array>& primals,
                                                              const std::vector<array>& tangents);
MLX_API std::pair<array, array> jvp(const ScalarFunction& fun, const array& primal,
                                    const array& tangent);

using ValueAndGradFn =
    std::function<std::pair<std::vector<array>, std::vector<array>>(const std::vector<array>&)>;
using SimpleValueAndGradFn =
    std::function<std::pair<array, std::vector<array>>(const std::vector<array>&)>;

/** A function that returns the outputs of `fun` and the gradient of its first output, a scalar,
 * with respect to the arguments `argnums`. */
MLX_API ValueAndGradFn value_and_grad(const VectorFunction& fun, const std::vector<int>& argnums);
inline ValueAndGradFn value_and_grad(const VectorFunction& fun, int argnum = 0) {
  return value_and_grad(fun, std::vector<int>{argnum});
}
MLX_API SimpleValueAndGradFn value_and_grad(
    const std::function<array(const std::vector<array>&)>& fun, const std::vector<int>& argnums);
inline SimpleValueAndGradFn value_and_grad(
    const std::function<array(const std::vector<array>&)>& fun, int argnum = 0) {
  return value_and_grad(fun, std::vector<int>{argnum});
}
MLX_API std::function<std::pair<array, array>(const array&)> value_and_grad(
    const ScalarFunction& fun);

MLX_API std::function<std::vector<array>(const std::vector<array>&)> grad(
    const std::function<array(const std::vector<array>&)>& fun, const std::vector<int>& argnums);
inline std::function<std::vector<array>(const std::vector<array>&)> grad(
    const std::function<array(const std::vector<array>&)>& fun, int argnum = 0) {
  return grad(fun, std::vector<int>{argnum});
}
MLX_API std::function<array(const array&)> grad(const ScalarFunction& fun);

/** Vectorizes `fun` over an axis of each input (-1: not batched) into an axis of each output. */
MLX_API std::function<array(const array&)> vmap(const ScalarFunction& fun, int in_axis = 0,
                                                int out_axis = 0);
MLX_API std::function<array(const array&, const array&)> vmap(
    const std::function<array(const array&, const array&)>& fun, int in_axis_a = 0,
    int in_axis_b = 0, int out_axis = 0);
MLX_API VectorFunction vmap(const VectorFunction& fun, const std::vector<int>& in_axes = {},
                            const std::vector<int>& out_axes = {});

/** `fun` with its own derivatives and vectorization where given. */
MLX_API VectorFunction custom_function(
    VectorFunction fun,
    std::optional<std::function<std::vector<array>(
        const std::vector<array>&, const std::vector<array>&, const std::vector<array>&)>>
        fun_vjp = std::nullopt,
    std::optional<std::function<std::vector<array>(
        const std::vector<array>&, const std::vector<array>&, const std::vector<int>&)>>
        fun_jvp = std::nullopt,
    std::optional<std::function<std::pair<std::vector<array>, std::vector<int>>(
        const std::vector<array>&, const std::vector<int>&)>>
        fun_vmap = std::nullopt);

/** `fun` with a gradient given by `fun_vjp(primals, cotangents, outputs)`. */
MLX_API VectorFunction
custom_vjp(VectorFunction fun,
           std::function<std::vector<array>(const std::vector<array>&, const std::vector<array>&,
                                            const std::vector<array>&)>
               fun_vjp);

/** `fun`, recomputed in the backward pass instead of keeping its intermediate results. */
MLX_API VectorFunction checkpoint(VectorFunction fun);

}  // namespace mlx::core
