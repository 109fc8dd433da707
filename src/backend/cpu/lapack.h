// LAPACK, opened on its first use so that neither the import nor the package needs it.
#pragma once

#include <cstddef>

namespace mlx::core::cpu::lapack {

/** Decomposes the row-major matrix `a`, which is overwritten: `values` gets the least of the two
 * lengths, `u` (rows x rows) and `vt` (columns x columns) may both be null. Raises
 * std::runtime_error when LAPACK is not there or does not converge. */
template <typename T>
void singular_values(T* a, size_t rows, size_t columns, T* u, T* values, T* vt);

extern template void singular_values(float*, size_t, size_t, float*, float*, float*);
extern template void singular_values(double*, size_t, size_t, double*, double*, double*);

}  // namespace mlx::core::cpu::lapack
