// Matrix and tensor products.
#pragma once

#include <vector>

#include "mlx/array.h"
#include "mlx/utils.h"

namespace mlx::core {

/** The matrix product over the last two dimensions; the others broadcast. A 1-d operand counts as a
 * row (first) or a column (second) and its dimension is dropped from the result. */
MLX_API array matmul(const array& a, const array& b, StreamOrDevice s = {});

/** beta * c + alpha * (a @ b), where c broadcasts to the result. */
MLX_API array addmm(array c, array a, array b, const float& alpha = 1.f, const float& beta = 1.f,
                    StreamOrDevice s = {});

/** Contracts the last `axis` dimensions of a with the first `axis` of b. */
MLX_API array tensordot(const array& a, const array& b, const int axis = 2, StreamOrDevice s = {});
/** Contracts dimension axes_a[i] of a with axes_b[i] of b. */
MLX_API array tensordot(const array& a, const array& b, const std::vector<int>& axes_a,
                        const std::vector<int>& axes_b, StreamOrDevice s = {});

/** The products of each element of a with each of b, both flattened. */
MLX_API array outer(const array& a, const array& b, StreamOrDevice s = {});

/** The sums of products over the last dimensions. */
MLX_API array inner(const array& a, const array& b, StreamOrDevice s = {});

/** The sum of conj(a) * b along an axis; the other dimensions broadcast. */
MLX_API array vecdot(const array& a, const array& b, int axis = -1, StreamOrDevice s = {});

/** The Kronecker product. */
MLX_API array kron(const array& a, const array& b, StreamOrDevice s = {});

}  // namespace mlx::core
