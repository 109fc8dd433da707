// custom_function, custom_vjp, checkpoint and depends, with their primitives.
#include <algorithm>

#include "base/errors.h"
#include "mlx/ops/control.h"
#include "mlx/ops/shape.h"
#include "mlx/primitives/control.h"
#include "mlx/transforms.h"
#include "transforms/tape.h"

namespace mlx::core {

std::vector<array> depends(const std::vector<array>& inputs,
                           const std::vector<array>& dependencies) {
  if (inputs.empty()) return {};
  std::vector<array> all = inputs;
  Stream s = default_stream(default_device());
  for (const auto& dependency : dependencies) {
    if (dependency.has_primitive()) s = dependency.primitive().stream();
    all.push_back(dependency);
  }
  std::vector<Shape> shapes;
  std::vector<Dtype> dtypes;
  for (const auto& input : inputs) {
    shapes.push_back(input.shape());
    dtypes.push_back(input.dtype());
  }
  return array::make_arrays(std::move(shapes), dtypes, std::make_shared<Depends>(s), all);
}

std::vector<array> Depends::vjp(const std::vector<array>& primals,
                                const std::vector<array>& cotangents,
                                const std::vector<int>& argnums, const std::vector<array>&) {
  std::vector<array> result;
  for (int argnum : argnums) {
    // A dependency has no influence on the values.
    result.push_back(argnum < static_cast<int>(cotangents.size()) ? cotangents[argnum]
                                                                  : zeros_as(primals[argnum]));
  }
  return result;
}

std::vector<array> Depends::jvp(const std::vector<array>& primals,
                                const std::vector<array>& tangents,
                                const std::vector<int>& argnums) {
  std::vector<array> result;
  for (const auto& primal : primals) result.push_back(zeros_as(primal));
  for (size_t i = 0; i < argnums.size(); ++i) result[argnums[i]] = tangents[i];
  return result;
}

std::pair<std::vector<array>, std::vector<int>> Depends::vmap(const std::vector<array>& inputs,
                                                              const std::vector<int>& axes) {
  // Which inputs are outputs is not recorded here, so all are passed on; callers take the first.
  return {depends(inputs, {}), axes};
}

std::vector<array> CustomTransforms::arguments(const std::vector<array>& inputs) const {
  return {inputs.begin(), inputs.end() - num_outputs_};
}

namespace {

/** The outputs of the node over `inputs`, those included that nobody kept. They are the node's own,
 * not the values among its inputs, so that a derivative of the vjp finds the custom one again. */
std::vector<array> all_outputs(const std::vector<array>& inputs,
                               const std::vector<array>& outputs) {
  auto is_kept = [](const array& output) { return output.has_primitive(); };
  auto kept = std::find_if(outputs.begin(), outputs.end(), is_kept);
  if (kept == outputs.end() || std::all_of(outputs.begin(), outputs.end(), is_kept)) return outputs;
  std::vector<Shape> shapes;
  std::vector<Dtype> dtypes;
  for (const auto& output : outputs) {
    shapes.push_back(output.shape());
    dtypes.push_back(output.dtype());
  }
  return array::make_arrays(std::move(shapes), dtypes, kept->primitive_ptr(), inputs);
}

}  // namespace

std::vector<array> CustomTransforms::vjp(const std::vector<array>& primals,
                                         const std::vector<array>& cotangents,
                                         const std::vector<int>& argnums,
                                         const std::vector<array>& outputs) {
  auto args = arguments(primals);
  auto all = vjp_(args, cotangents, all_outputs(primals, outputs));
  std::vector<array> result;
  for (int argnum : argnums) {
    if (argnum < static_cast<int>(args.size())) {
      if (argnum >= static_cast<int>(all.size())) {
        throw_invalid("custom_function", "vjp returned {} gradients for {} arguments.", all.size(),
                      args.size());
      }
      result.push_back(all[argnum]);
    } else {
      result.push_back(zeros_as(primals[argnum]));
    }
  }
  return result;
}

std::vector<array> CustomTransforms::jvp(const std::vector<array>& primals,
                                         const std::vector<array>& tangents,
                                         const std::vector<int>& argnums) {
  auto args = arguments(primals);
  std::vector<array> arg_tangents;
  std::vector<int> arg_positions;
  for (size_t i = 0; i < argnums.size(); ++i) {
    if (argnums[i] >= static_cast<int>(args.size())) continue;
    arg_tangents.push_back(tangents[i]);
    arg_positions.push_back(argnums[i]);
  }
  return jvp_(args, arg_tangents, arg_positions);
}

std::pair<std::vector<array>, std::vector<int>> CustomTransforms::vmap(
    const std::vector<array>& inputs, const std::vector<int>& axes) {
  auto args = arguments(inputs);
  return vmap_(args, std::vector<int>(axes.begin(), axes.begin() + args.size()));
}

VectorFunction custom_function(VectorFunction fun, std::optional<CustomTransforms::Vjp> fun_vjp,
                               std::optional<CustomTransforms::Jvp> fun_jvp,
                               std::optional<CustomTransforms::Vmap> fun_vmap) {
  if (!fun_vjp && !fun_jvp && !fun_vmap) return fun;
  // What the user does not give is derived from the function itself.
  CustomTransforms::Vjp use_vjp =
      fun_vjp ? *fun_vjp
              : [fun](const std::vector<array>& primals, const std::vector<array>& cotangents,
                      const std::vector<array>&) { return vjp(fun, primals, cotangents).second; };
  CustomTransforms::Jvp use_jvp =
      fun_jvp ? *fun_jvp
              : [fun](const std::vector<array>& primals, const std::vector<array>& tangents,
                      const std::vector<int>& argnums) {
                  std::vector<array> all;
                  for (const auto& primal : primals) all.push_back(zeros_as(primal));
                  for (size_t i = 0; i < argnums.size(); ++i) all[argnums[i]] = tangents[i];
                  return jvp(fun, primals, all).second;
                };
  CustomTransforms::Vmap use_vmap =
      fun_vmap ? *fun_vmap : [fun](const std::vector<array>& inputs, const std::vector<int>& axes) {
        auto outputs = vmap(fun, axes)(inputs);
        return std::pair(outputs, std::vector<int>(outputs.size(), 0));
      };
  return [fun = std::move(fun), use_vjp, use_jvp, use_vmap](const std::vector<array>& args) {
    auto outputs = fun(args);
    Stream s = default_stream(default_device());
    for (const auto& output : outputs) {
      if (output.has_primitive()) s = output.primitive().stream();
    }
    std::vector<array> inputs = args;
    std::vector<Shape> shapes;
    std::vector<Dtype> dtypes;
    for (const auto& output : outputs) {
      // The way to the arguments leads through the custom derivative, not through the function's
      // nodes.
      inputs.push_back(stop_gradient(output, s));
      shapes.push_back(output.shape());
      dtypes.push_back(output.dtype());
    }
    auto primitive = std::make_shared<CustomTransforms>(s, static_cast<int>(outputs.size()),
                                                        use_vjp, use_jvp, use_vmap);
    return array::make_arrays(std::move(shapes), dtypes, primitive, inputs);
  };
}

VectorFunction custom_vjp(VectorFunction fun, CustomTransforms::Vjp fun_vjp) {
  return custom_function(std::move(fun), std::move(fun_vjp), std::nullopt, std::nullopt);
}

VectorFunction checkpoint(VectorFunction fun) {
  auto recompute = [fun](const std::vector<array>& primals, const std::vector<array>& cotangents,
                         const std::vector<array>& outputs) {
    // Depending on the outputs keeps the recomputation out of the forward pass.
    auto [ignored, gradients] = vjp(fun, depends(primals, outputs), cotangents);
    return gradients;
  };
  return custom_vjp(fun, recompute);
}

}  // namespace mlx::core
