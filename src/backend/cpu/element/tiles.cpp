// Tile loads and stores by the shape of their strides.
#include "backend/cpu/element/tiles.h"

#include <cstring>

#include "backend/cpu/element/kernels.h"
#include "base/dispatch.h"

namespace mlx::core::cpu {

namespace {

constexpr int64_t kShort = 16;  // below this a call for each row costs more than the row

/** Nested loops over a tile with short rows, in which calls would dominate. */
template <bool kLoad>
void move_short_rows(char* scratch, const TileView& tile) {
  dispatch_itemsize(tile.itemsize, [&](auto tag) {
    using T = typename decltype(tag)::type;
    auto* dense = reinterpret_cast<T*>(scratch);
    auto item = static_cast<int64_t>(sizeof(T));
    int64_t column = tile.column_stride / item;
    for (int64_t r = 0; r < tile.rows; ++r) {
      auto* row = reinterpret_cast<T*>(tile.data + r * tile.row_stride);
      for (int64_t c = 0; c < tile.columns; ++c) {
        if constexpr (kLoad)
          *dense++ = row[c * column];
        else
          row[c * column] = *dense++;
      }
    }
  });
}

}  // namespace

void load_tile(void* scratch, const TileView& tile) {
  auto* dense = static_cast<char*>(scratch);
  auto item = static_cast<int64_t>(tile.itemsize);
  auto columns = static_cast<size_t>(tile.columns);
  if (tile.column_stride == 0 && (tile.row_stride == 0 || tile.rows == 1)) {
    fill_block(dense, tile.data, static_cast<size_t>(tile.rows) * columns, tile.itemsize);
    return;
  }
  if (tile.row_stride == item && tile.column_stride != item && tile.rows >= 8 &&
      tile.columns >= 8) {
    transpose_block(dense, tile.columns, tile.data, tile.column_stride / item,
                    static_cast<size_t>(tile.rows), columns, tile.itemsize);
    return;
  }
  if (tile.columns < kShort) return move_short_rows<true>(dense, tile);
  if (tile.column_stride == item) {
    copy_rows(dense, tile.columns * item, tile.data, tile.row_stride,
              static_cast<size_t>(tile.rows), columns * tile.itemsize, false);
    return;
  }
  for (int64_t r = 0; r < tile.rows; ++r, dense += tile.columns * item) {
    const char* row = tile.data + r * tile.row_stride;
    if (tile.column_stride == 0)
      fill_block(dense, row, columns, tile.itemsize);
    else
      gather_block(dense, row, tile.column_stride / item, columns, tile.itemsize);
  }
}

void store_tile(const TileView& tile, const void* scratch, bool stream) {
  auto* dense = const_cast<char*>(static_cast<const char*>(scratch));
  auto item = static_cast<int64_t>(tile.itemsize);
  auto columns = static_cast<size_t>(tile.columns);
  if (tile.is_dense()) {
    copy_rows(tile.data, 0, dense, 0, 1, static_cast<size_t>(tile.rows) * columns * tile.itemsize,
              stream);
    return;
  }
  if (tile.row_stride == item && tile.column_stride != item && tile.rows >= 8 &&
      tile.columns >= 8) {
    transpose_block(tile.data, tile.column_stride / item, dense, tile.columns, columns,
                    static_cast<size_t>(tile.rows), tile.itemsize);
    return;
  }
  if (tile.columns < kShort) return move_short_rows<false>(dense, tile);
  if (tile.column_stride == item) {
    copy_rows(tile.data, tile.row_stride, dense, tile.columns * item,
              static_cast<size_t>(tile.rows), columns * tile.itemsize, stream);
    return;
  }
  for (int64_t r = 0; r < tile.rows; ++r, dense += tile.columns * item) {
    scatter_block(tile.data + r * tile.row_stride, dense, tile.column_stride / item, columns,
                  tile.itemsize);
  }
}

}  // namespace mlx::core::cpu
