// Arrays seen as rows along their last axis.
#include "backend/cpu/rows.h"

#include <algorithm>

#include "backend/cpu/copy.h"
#include "base/thread_pool.h"

namespace mlx::core::cpu {

array row_contiguous(const array& x) {
  if (x.flags().row_contiguous) return x;
  array copied = array::placeholder(x.shape(), x.dtype());
  copy_contiguous(x, copied);
  return copied;
}

Rows as_rows(const array& x) {
  bool strided = x.ndim() > 0 && x.shape().back() > 1 && x.strides().back() != 1;
  Rows rows{strided ? row_contiguous(x) : x, {}, 1, 1};
  if (x.ndim() == 0) return rows;
  for (size_t i = 0; i + 1 < x.ndim(); ++i) {
    rows.count *= x.shape()[i];
    append_dim(rows.kept, x.shape()[i], rows.x.strides()[i]);
  }
  rows.length = x.shape().back();
  return rows;
}

void allocate(array& out) { out.set_data(allocator::malloc(out.nbytes())); }

void allocate_like(const array& in, array& out) {
  if (in.is_donatable() && in.flags().row_contiguous && in.nbytes() == out.nbytes() &&
      in.itemsize() == out.itemsize()) {
    out.copy_shared_buffer(in);
  } else {
    allocate(out);
  }
}

int64_t rows_per_task(int64_t length) {
  constexpr int64_t kTaskElements = 32768;
  return std::max<int64_t>(1, kTaskElements / std::max<int64_t>(1, length));
}

void parallel_rows(int64_t count, int64_t length,
                   FunctionRef<void(int64_t begin, int64_t end)> rows) {
  parallel_ranges(count, rows_per_task(length), rows);
}

}  // namespace mlx::core::cpu
