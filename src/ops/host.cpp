// Reading arrays on the host.
#include "mlx/ops.h"
#include "mlx/stream.h"
#include "runtime/buffer.h"

namespace mlx::core {

namespace {

bool is_small_part(const array& a) { return a.nbytes() < block_of(a.buffer()).size / 2; }

}  // namespace

array to_host(array a) {
  a.eval();
  if (a.size() == 0 || block_of(a.buffer()).host_valid.load(std::memory_order_acquire)) return a;
  if (!is_small_part(a)) return a;
  if (!a.flags().row_contiguous) {
    a = contiguous(a, false, default_stream(Device::gpu));
    a.eval();
    if (!is_small_part(a)) return a;
  }
  Block& block = block_of(a.buffer());
  array copy = array::placeholder(a.shape(), a.dtype());
  copy.set_data(allocator::malloc(a.nbytes()));
  auto offset = static_cast<size_t>(a.offset());
  block.device_memory->read(block, offset, a.nbytes(), copy.data<void>());
  copy.set_status(array::available);
  return copy;
}

}  // namespace mlx::core
