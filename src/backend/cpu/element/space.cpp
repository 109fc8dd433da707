// Merging of dimensions and choice of tiles.
#include "backend/cpu/element/space.h"

#include <algorithm>
#include <cstdlib>

namespace mlx::core::cpu {

IterationSpace make_space(std::span<const ShapeElem> shape, std::span<const ElementOperand> inputs,
                          std::span<const ElementOperand> outputs) {
  IterationSpace space;
  int num_inputs = static_cast<int>(inputs.size());
  space.num_operands = num_inputs + static_cast<int>(outputs.size());
  auto operand = [&](int k) -> const ElementOperand& {
    return k < num_inputs ? inputs[k] : outputs[k - num_inputs];
  };
  space.num_elements = 1;
  SmallVector<int> order;
  for (int i = 0; i < static_cast<int>(shape.size()); ++i) {
    space.num_elements *= shape[i];
    if (shape[i] != 1) order.push_back(i);
  }
  const int64_t* key = outputs[0].strides;
  auto outer_first = [&](int a, int b) { return std::abs(key[a]) > std::abs(key[b]); };
  if (!std::is_sorted(order.begin(), order.end(), outer_first)) {
    std::stable_sort(order.begin(), order.end(), outer_first);
  }

  // From the innermost outwards; a dimension joins the previous one if all operands allow it.
  SmallVector<int64_t> sizes;
  SmallVector<int64_t, 32> strides;
  for (int n = static_cast<int>(order.size()) - 1; n >= 0; --n) {
    int dim = order[n];
    bool joins = !sizes.empty();
    for (int k = 0; joins && k < space.num_operands; ++k) {
      int64_t inner = strides[strides.size() - space.num_operands + k];
      joins = operand(k).strides[dim] * size_of(operand(k).dtype) == inner * sizes.back();
    }
    if (joins) {
      sizes.back() *= shape[dim];
    } else {
      sizes.push_back(shape[dim]);
      for (int k = 0; k < space.num_operands; ++k) {
        strides.push_back(operand(k).strides[dim] * size_of(operand(k).dtype));
      }
    }
  }
  if (sizes.empty()) {
    sizes.push_back(1);
    for (int k = 0; k < space.num_operands; ++k) strides.push_back(0);
  }
  for (int n = static_cast<int>(sizes.size()) - 1; n >= 0; --n) {
    space.sizes.push_back(sizes[n]);
    for (int k = 0; k < space.num_operands; ++k) {
      space.strides.push_back(strides[static_cast<size_t>(n * space.num_operands + k)]);
    }
  }
  return space;
}

Tiling choose_tiling(const IterationSpace& space, std::span<const size_t> itemsizes,
                     int64_t block) {
  constexpr int64_t kShortRow = 128;
  Tiling tiling;
  int inner = space.ndim() - 1;
  tiling.columns = space.sizes[inner];
  tiling.tile_columns = std::min(block, tiling.columns);
  if (inner == 0) return tiling;

  // An operand that is contiguous along another dimension than the innermost wants tiles that are
  // long along both.
  int across = -1;
  for (int k = 0; k < space.num_operands && across < 0; ++k) {
    auto item = static_cast<int64_t>(itemsizes[k]);
    int64_t along = std::abs(space.stride(inner, k));
    if (along == 0 || along == item || space.sizes[inner] < 8) continue;
    for (int dim = 0; dim < inner; ++dim) {
      if (space.stride(dim, k) == item && space.sizes[dim] >= 8) across = dim;
    }
  }
  if (across >= 0) {
    auto item = static_cast<int64_t>(*std::max_element(itemsizes.begin(), itemsizes.end()));
    tiling.row_dim = across;
    // At least two cache lines of each row that is written, and the blocks of all operands in L1.
    int64_t tile_rows = space.num_operands > 2 ? 64 : 128;
    tiling.tile_rows = std::min(tile_rows, space.sizes[across]);
    tiling.tile_columns = std::min(std::max<int64_t>(128 / item, 64), tiling.columns);
  } else if (tiling.columns < kShortRow) {
    tiling.row_dim = inner - 1;
    if (space.sizes[tiling.row_dim] < 16) {
      for (int dim = 0; dim < inner; ++dim) {
        if (space.sizes[dim] > space.sizes[tiling.row_dim]) tiling.row_dim = dim;
      }
    }
    tiling.tile_rows =
        std::min(std::max<int64_t>(block / tiling.columns, 1), space.sizes[tiling.row_dim]);
  } else {
    tiling.row_dim = inner - 1;
  }
  tiling.rows = space.sizes[tiling.row_dim];
  return tiling;
}

}  // namespace mlx::core::cpu
