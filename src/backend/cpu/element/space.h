// The iteration space of an element program: dimensions ordered and merged over all operands, and
// cut into two-dimensional tiles.
#pragma once

#include <span>

#include "backend/cpu/element/engine.h"
#include "mlx/small_vector.h"

namespace mlx::core::cpu {

struct IterationSpace {
  int num_operands = 0;
  int64_t num_elements = 0;
  SmallVector<int64_t> sizes;        // outermost first, at least one dimension
  SmallVector<int64_t, 32> strides;  // in bytes, [dimension][operand]

  int ndim() const { return static_cast<int>(sizes.size()); }
  int64_t stride(int dim, int operand) const {
    return strides[static_cast<size_t>(dim * num_operands + operand)];
  }
};

/** Drops dimensions of size 1, orders the others by the stride of the first of `outputs` (the
 * outermost first) and merges neighbours that every operand walks as one. Operands are numbered
 * inputs first, then outputs. */
IterationSpace make_space(std::span<const ShapeElem> shape, std::span<const ElementOperand> inputs,
                          std::span<const ElementOperand> outputs);

/** Tiles of `tile_rows` x `tile_columns` elements; the columns run along the innermost dimension.
 */
struct Tiling {
  int row_dim = -1;  // -1: the space is one-dimensional
  int64_t rows = 1, columns = 1;
  int64_t tile_rows = 1, tile_columns = 1;

  int64_t row_tiles() const { return (rows + tile_rows - 1) / tile_rows; }
  int64_t column_tiles() const { return (columns + tile_columns - 1) / tile_columns; }
};

/** Chooses tiles of about `block` elements; square ones when an operand runs along another
 * dimension than the outputs do. `itemsizes` are those of the operands. */
Tiling choose_tiling(const IterationSpace& space, std::span<const size_t> itemsizes, int64_t block);

}  // namespace mlx::core::cpu
