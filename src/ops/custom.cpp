// The transformations of fused primitives, by way of their fallbacks.
#include "mlx/primitives/custom.h"

#include "mlx/transforms.h"

namespace mlx::core::fast {

namespace {

/** The fallback as a function of the inputs `argnums` only. */
VectorFunction partial(const Custom::Fallback& fallback, const std::vector<array>& primals,
                       const std::vector<int>& argnums) {
  return [&fallback, primals, argnums](const std::vector<array>& chosen) {
    std::vector<array> all = primals;
    for (size_t i = 0; i < argnums.size(); ++i) all[argnums[i]] = chosen[i];
    return fallback(all);
  };
}

std::vector<array> choose(const std::vector<array>& primals, const std::vector<int>& argnums) {
  std::vector<array> chosen;
  for (int argnum : argnums) chosen.push_back(primals[argnum]);
  return chosen;
}

}  // namespace

std::pair<std::vector<array>, std::vector<int>> Custom::vmap(const std::vector<array>& inputs,
                                                             const std::vector<int>& axes) {
  auto outputs = core::vmap(VectorFunction(fallback_), axes)(inputs);
  std::vector<int> out_axes(outputs.size(), 0);
  return {std::move(outputs), std::move(out_axes)};
}

std::vector<array> Custom::jvp(const std::vector<array>& primals,
                               const std::vector<array>& tangents,
                               const std::vector<int>& argnums) {
  return core::jvp(partial(fallback_, primals, argnums), choose(primals, argnums), tangents).second;
}

std::vector<array> Custom::vjp(const std::vector<array>& primals,
                               const std::vector<array>& cotangents,
                               const std::vector<int>& argnums, const std::vector<array>&) {
  return core::vjp(partial(fallback_, primals, argnums), choose(primals, argnums), cotangents)
      .second;
}

}  // namespace mlx::core::fast
