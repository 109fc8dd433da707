// Broadcasting of the operands of a function that names itself in errors.
#pragma once

#include <vector>

#include "mlx/array.h"
#include "mlx/utils.h"

namespace mlx::core {

/** The arrays in their common shape; raises naming `op` when they have none. */
std::vector<array> broadcast_operands(const char* op, const std::vector<array>& inputs,
                                      StreamOrDevice s);

}  // namespace mlx::core
