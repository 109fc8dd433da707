// Moving one tile between an array of any strides and dense scratch.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mlx::core::cpu {

/** A tile in an array; strides in bytes. */
struct TileView {
  char* data;
  int64_t row_stride, column_stride;
  int64_t rows, columns;
  size_t itemsize;

  bool is_dense() const {
    return column_stride == static_cast<int64_t>(itemsize) &&
           (rows == 1 || row_stride == columns * static_cast<int64_t>(itemsize));
  }
};

/** Reads the tile into dense row-major `scratch`. */
void load_tile(void* scratch, const TileView& tile);
/** Writes dense row-major `scratch` into the tile; `stream` asks for non-temporal stores. */
void store_tile(const TileView& tile, const void* scratch, bool stream);

}  // namespace mlx::core::cpu
