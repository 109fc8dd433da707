// Copies between layouts on the CPU.
#include "backend/cpu/copy.h"

#include <algorithm>
#include <cstring>

#include "base/dispatch.h"
#include "base/thread_pool.h"
#include "graph/shape.h"

namespace mlx::core::cpu {

namespace {

constexpr int64_t kGrainBytes = 256 << 10;  // of one parallel task

template <typename T>
void copy_rows(const T* from, T* to, const Shape& shape, const Strides& from_strides,
               const Strides& to_strides) {
  int64_t inner = shape.back();
  int64_t from_step = from_strides.back();
  int64_t to_step = to_strides.back();
  Shape outer(shape.begin(), shape.end() - 1);
  int64_t rows = static_cast<int64_t>(num_elements(outer));
  int64_t grain = std::max<int64_t>(1, kGrainBytes / (inner * static_cast<int64_t>(sizeof(T))));
  parallel_ranges(rows, grain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const T* source = from + element_offset(row, outer, from_strides);
      T* target = to + element_offset(row, outer, to_strides);
      if (from_step == 1 && to_step == 1) {
        std::memcpy(target, source, inner * sizeof(T));
      } else {
        for (int64_t i = 0; i < inner; ++i) target[i * to_step] = source[i * from_step];
      }
    }
  });
}

}  // namespace

void copy_into(const array& in, void* to, const Strides& to_strides) {
  if (in.size() == 0) return;
  auto [shape, strides] = collapse_dims(in.shape(), {in.strides(), to_strides});
  dispatch_itemsize(in.itemsize(), [&, &shape = shape, &strides = strides](auto tag) {
    using T = typename decltype(tag)::type;
    copy_rows(in.data<T>(), static_cast<T*>(to), shape, strides[0], strides[1]);
  });
}

void copy_contiguous(const array& in, array& out) {
  out.set_data(allocator::malloc(out.nbytes()));
  copy_into(in, out.data<char>(), row_major_strides(in.shape()));
}

}  // namespace mlx::core::cpu
