// The Load primitive: reads an array's bytes when it is evaluated.
#include <algorithm>

#include "base/dispatch.h"
#include "base/errors.h"
#include "mlx/primitives/io.h"

namespace mlx::core {

namespace {

void swap_bytes(char* data, size_t count, size_t itemsize) {
  for (size_t i = 0; i < count; ++i) std::reverse(data + i * itemsize, data + (i + 1) * itemsize);
}

}  // namespace

void Load::eval_cpu(const std::vector<array>&, std::vector<array>& outputs) {
  array& out = outputs[0];
  out.set_data(allocator::malloc(out.nbytes()));
  if (out.size() == 0) return;
  reader_->read(out.data<char>(), out.nbytes(), offset_);
  if (swap_) {
    bool is_complex = out.dtype() == complex64;
    swap_bytes(out.data<char>(), out.size() * (is_complex ? 2 : 1),
               out.itemsize() / (is_complex ? 2 : 1));
  }
}

}  // namespace mlx::core
