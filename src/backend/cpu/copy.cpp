// Copies between layouts on the CPU.
#include "backend/cpu/copy.h"

#include <cstring>

#include "base/dispatch.h"
#include "graph/shape.h"

namespace mlx::core::cpu {

void copy_contiguous(const array& in, array& out) {
  out.set_data(allocator::malloc(out.nbytes()));
  if (in.flags().row_contiguous) {
    std::memcpy(out.data<char>(), in.data<char>(), in.nbytes());
    return;
  }
  auto [shape, strides] = collapse_dims(in.shape(), {in.strides()});
  dispatch_itemsize(in.itemsize(), [&, &shape = shape, &strides = strides](auto tag) {
    using T = typename decltype(tag)::type;
    const T* from = in.data<T>();
    T* to = out.data<T>();
    int64_t inner = shape.back();
    int64_t step = strides[0].back();
    Shape outer_shape(shape.begin(), shape.end() - 1);
    Strides outer_strides(strides[0].begin(), strides[0].end() - 1);
    int64_t rows = in.size() == 0 ? 0 : static_cast<int64_t>(in.size()) / inner;
    for (int64_t row = 0; row < rows; ++row) {
      const T* source = from + element_offset(row, outer_shape, outer_strides);
      for (int64_t i = 0; i < inner; ++i) *to++ = source[i * step];
    }
  });
}

}  // namespace mlx::core::cpu
