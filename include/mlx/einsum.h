// Einstein summation.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "mlx/api.h"
#include "mlx/array.h"
#include "mlx/utils.h"

namespace mlx::core {

/** The order of contractions that einsum uses, in NumPy's convention, and a text about its cost. */
MLX_API std::pair<std::vector<std::vector<int>>, std::string> einsum_path(
    const std::string& subscripts, const std::vector<array>& operands);

/** The sum of products that `subscripts` describes, for example "ij,jk->ik". */
MLX_API array einsum(const std::string& subscripts, const std::vector<array>& operands,
                     StreamOrDevice s = {});

}  // namespace mlx::core
