// Layout primitives on the CPU.
#include "backend/cpu/views.h"

#include "backend/cpu/copy.h"
#include "backend/views.h"

namespace mlx::core::cpu {

namespace {

struct Copies {
  static void allocate(array& out, Stream) { out.set_data(allocator::malloc(out.nbytes())); }
  static void contiguous(const array& in, array& out, Stream) { copy_contiguous(in, out); }
  static void into(const array& in, array& out, const Strides& strides, int64_t offset, Stream) {
    copy_into(in, out.data<char>() + offset * static_cast<int64_t>(out.itemsize()), strides);
  }
};

}  // namespace

void register_views(KernelTable& table) { views::register_views<Copies>(table); }

}  // namespace mlx::core::cpu
