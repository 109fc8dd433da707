// The singular value decomposition on the CPU, by LAPACK.
#include "backend/cpu/svd.h"

#include <algorithm>

#include "backend/cpu/copy.h"
#include "backend/cpu/lapack.h"
#include "mlx/allocator.h"
#include "mlx/primitives/linalg.h"

namespace mlx::core::cpu {

namespace {

template <typename T>
void svd_all(array& in, std::vector<array>& outputs) {
  const size_t rows = in.shape(-2), columns = in.shape(-1), least = std::min(rows, columns);
  const bool with_uv = outputs.size() == 3;
  size_t matrices = 1;
  for (size_t i = 0; i + 2 < in.ndim(); ++i) matrices *= in.shape()[i];
  T* u = with_uv ? outputs[0].data<T>() : nullptr;
  T* values = outputs[with_uv ? 1 : 0].data<T>();
  T* vt = with_uv ? outputs[2].data<T>() : nullptr;
  T* from = in.data<T>();
  for (size_t i = 0; i < matrices; ++i) {
    lapack::singular_values(from + i * rows * columns, rows, columns,
                            with_uv ? u + i * rows * rows : nullptr, values + i * least,
                            with_uv ? vt + i * columns * columns : nullptr);
  }
}

void eval_svd(const Primitive&, const std::vector<array>& inputs, std::vector<array>& outputs) {
  for (auto& out : outputs) out.set_data(allocator::malloc(out.nbytes()));
  array in = array::placeholder(inputs[0].shape(), inputs[0].dtype());  // LAPACK overwrites it
  copy_contiguous(inputs[0], in);
  in.dtype() == float64 ? svd_all<double>(in, outputs) : svd_all<float>(in, outputs);
}

}  // namespace

void register_svd(KernelTable& table) { table.add<SVD>(eval_svd); }

}  // namespace mlx::core::cpu
