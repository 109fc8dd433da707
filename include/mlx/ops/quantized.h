// Quantised matrices: making them, expanding them, multiplying with them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mlx/array.h"
#include "mlx/utils.h"

namespace mlx::core {

/** Quantises groups of consecutive elements of the last axis. Affine mode returns the packed codes,
 * the scales and the biases: value = scale * code + bias. */
MLX_API std::vector<array> quantize(const array& w, std::optional<int> group_size = std::nullopt,
                                    std::optional<int> bits = std::nullopt,
                                    const std::string& mode = "affine",
                                    const std::optional<array>& global_scale = std::nullopt,
                                    StreamOrDevice s = {});

/** The matrix that quantize() packed, in `dtype` (by default that of the scales). */
MLX_API array dequantize(const array& w, const array& scales,
                         const std::optional<array>& biases = std::nullopt,
                         std::optional<int> group_size = std::nullopt,
                         std::optional<int> bits = std::nullopt, const std::string& mode = "affine",
                         const std::optional<array>& global_scale = std::nullopt,
                         std::optional<Dtype> dtype = std::nullopt, StreamOrDevice s = {});

/** x times a quantised matrix, transposed by default. */
MLX_API array quantized_matmul(const array& x, const array& w, const array& scales,
                               const std::optional<array>& biases = std::nullopt,
                               bool transpose = true, std::optional<int> group_size = std::nullopt,
                               std::optional<int> bits = std::nullopt,
                               const std::string& mode = "affine", StreamOrDevice s = {});

}  // namespace mlx::core
