// Classifies the dimensions of a reduction and orders them by memory.
#include "backend/cpu/reduce_layout.h"

#include <algorithm>
#include <limits>

namespace mlx::core::cpu {

namespace {

struct Axis {
  int64_t size;
  int64_t stride;
  int64_t out_stride;
};

/** Broadcast dimensions go outermost: their elements stay in the cache. */
int64_t distance(const Axis& axis) {
  return axis.stride == 0 ? std::numeric_limits<int64_t>::max() : std::abs(axis.stride);
}

void sort_by_memory(std::vector<Axis>& axes) {
  std::stable_sort(axes.begin(), axes.end(),
                   [](const Axis& a, const Axis& b) { return distance(a) > distance(b); });
}

/** Walks the axis from its other end. */
void make_positive(Axis& axis, int64_t& base, int64_t& out_base) {
  if (axis.stride >= 0) return;
  base += (axis.size - 1) * axis.stride;
  out_base += (axis.size - 1) * axis.out_stride;
  axis.stride = -axis.stride;
  axis.out_stride = -axis.out_stride;
}

}  // namespace

size_t ReduceLayout::num_column_dims() const {
  constexpr int64_t kEnoughColumns = 16;
  size_t count = 0;
  int64_t columns = 1;
  while (count < kept.size() && columns < kEnoughColumns) {
    columns *= kept[kept.size() - ++count].size;
  }
  return count;
}

ReduceLayout reduce_layout(const Shape& shape, const Strides& strides,
                           const std::vector<bool>& is_reduced, bool any_order) {
  ReduceLayout layout;
  std::vector<Axis> kept, reduced;
  int64_t out_stride = 1;
  for (int i = static_cast<int>(shape.size()) - 1; i >= 0; --i) {
    const Axis axis{shape[i], strides[i], is_reduced[i] ? 0 : out_stride};
    (is_reduced[i] ? layout.length : layout.num_outputs) *= axis.size;
    if (!is_reduced[i]) out_stride *= axis.size;
    if (axis.size == 1) continue;
    if (kept.empty() && reduced.empty()) layout.along_rows = is_reduced[i];
    (is_reduced[i] ? reduced : kept).push_back(axis);
  }
  if (layout.num_outputs == 0 || layout.length == 0) return layout;
  std::reverse(kept.begin(), kept.end());
  std::reverse(reduced.begin(), reduced.end());
  for (Axis& axis : kept) make_positive(axis, layout.base, layout.out_base);
  sort_by_memory(kept);
  if (any_order) {
    for (Axis& axis : reduced) make_positive(axis, layout.base, layout.out_base);
    sort_by_memory(reduced);
    layout.along_rows =
        kept.empty() || (!reduced.empty() && distance(reduced.back()) < distance(kept.back()));
  }
  for (const Axis& axis : reduced) append_dim(layout.reduced, axis.size, axis.stride);
  for (const Axis& axis : kept) {
    const bool merges = !layout.kept.empty() &&
                        layout.kept.back().stride == axis.size * axis.stride &&
                        layout.out.back().stride == axis.size * axis.out_stride;
    if (merges) {
      layout.kept.back() = {layout.kept.back().size * axis.size, axis.stride};
      layout.out.back() = {layout.out.back().size * axis.size, axis.out_stride};
    } else {
      layout.kept.push_back({axis.size, axis.stride});
      layout.out.push_back({axis.size, axis.out_stride});
    }
  }
  return layout;
}

}  // namespace mlx::core::cpu
