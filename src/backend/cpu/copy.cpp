// Copies between layouts on the CPU.
#include "backend/cpu/copy.h"

#include "backend/cpu/element/engine.h"
#include "graph/shape.h"

namespace mlx::core::cpu {

void copy_into(const array& in, void* to, const Strides& to_strides) {
  const Shape& shape = in.shape();
  copy_elements({to, to_strides.begin(), in.dtype()},
                {const_cast<char*>(in.data<char>()), in.strides().begin(), in.dtype()},
                {shape.begin(), shape.size()});
}

void copy_contiguous(const array& in, array& out) {
  out.set_data(allocator::malloc(out.nbytes()));
  copy_into(in, out.data<char>(), row_major_strides(in.shape()));
}

}  // namespace mlx::core::cpu
