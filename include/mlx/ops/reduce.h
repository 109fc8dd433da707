// Reductions over axes. The forms without axes reduce over all of them; an empty list of axes over
// none.
#pragma once

#include <optional>
#include <tuple>
#include <vector>

#include "mlx/array.h"
#include "mlx/utils.h"

namespace mlx::core {

/** Whether every element is non-zero. */
MLX_API array all(const array& a, bool keepdims, StreamOrDevice s = {});
inline array all(const array& a, StreamOrDevice s = {}) { return all(a, false, to_stream(s)); }
MLX_API array all(const array& a, const std::vector<int>& axes, bool keepdims = false,
                  StreamOrDevice s = {});
MLX_API array all(const array& a, int axis, bool keepdims = false, StreamOrDevice s = {});

/** Whether some element is non-zero. */
MLX_API array any(const array& a, bool keepdims, StreamOrDevice s = {});
inline array any(const array& a, StreamOrDevice s = {}) { return any(a, false, to_stream(s)); }
MLX_API array any(const array& a, const std::vector<int>& axes, bool keepdims = false,
                  StreamOrDevice s = {});
MLX_API array any(const array& a, int axis, bool keepdims = false, StreamOrDevice s = {});

/** The sum; small integers and bool are summed in 32 bits. */
MLX_API array sum(const array& a, bool keepdims, StreamOrDevice s = {});
inline array sum(const array& a, StreamOrDevice s = {}) { return sum(a, false, to_stream(s)); }
MLX_API array sum(const array& a, const std::vector<int>& axes, bool keepdims = false,
                  StreamOrDevice s = {});
MLX_API array sum(const array& a, int axis, bool keepdims = false, StreamOrDevice s = {});

/** The product; small integers and bool are multiplied in 32 bits. */
MLX_API array prod(const array& a, bool keepdims, StreamOrDevice s = {});
inline array prod(const array& a, StreamOrDevice s = {}) { return prod(a, false, to_stream(s)); }
MLX_API array prod(const array& a, const std::vector<int>& axes, bool keepdims = false,
                   StreamOrDevice s = {});
MLX_API array prod(const array& a, int axis, bool keepdims = false, StreamOrDevice s = {});

/** The smallest element; NaN if there is one. */
MLX_API array min(const array& a, bool keepdims, StreamOrDevice s = {});
inline array min(const array& a, StreamOrDevice s = {}) { return min(a, false, to_stream(s)); }
MLX_API array min(const array& a, const std::vector<int>& axes, bool keepdims = false,
                  StreamOrDevice s = {});
MLX_API array min(const array& a, int axis, bool keepdims = false, StreamOrDevice s = {});

/** The largest element; NaN if there is one. */
MLX_API array max(const array& a, bool keepdims, StreamOrDevice s = {});
inline array max(const array& a, StreamOrDevice s = {}) { return max(a, false, to_stream(s)); }
MLX_API array max(const array& a, const std::vector<int>& axes, bool keepdims = false,
                  StreamOrDevice s = {});
MLX_API array max(const array& a, int axis, bool keepdims = false, StreamOrDevice s = {});

/** The smallest and the largest element. */
MLX_API std::tuple<array, array> minmax(const array& a, bool keepdims, StreamOrDevice s = {});
inline std::tuple<array, array> minmax(const array& a, StreamOrDevice s = {}) {
  return minmax(a, false, to_stream(s));
}
MLX_API std::tuple<array, array> minmax(const array& a, const std::vector<int>& axes,
                                        bool keepdims = false, StreamOrDevice s = {});
MLX_API std::tuple<array, array> minmax(const array& a, int axis, bool keepdims = false,
                                        StreamOrDevice s = {});

/** How many elements are not zero. */
MLX_API array count_nonzero(const array& a, bool keepdims = false, StreamOrDevice s = {});
MLX_API array count_nonzero(const array& a, int axis, bool keepdims = false, StreamOrDevice s = {});
MLX_API array count_nonzero(const array& a, const std::vector<int>& axes, bool keepdims = false,
                            StreamOrDevice s = {});

/** The mean; integers give float32. */
MLX_API array mean(const array& a, bool keepdims, StreamOrDevice s = {});
inline array mean(const array& a, StreamOrDevice s = {}) { return mean(a, false, to_stream(s)); }
MLX_API array mean(const array& a, const std::vector<int>& axes, bool keepdims = false,
                   StreamOrDevice s = {});
MLX_API array mean(const array& a, int axis, bool keepdims = false, StreamOrDevice s = {});

/** The median; integers give float32. */
MLX_API array median(const array& a, bool keepdims, StreamOrDevice s = {});
inline array median(const array& a, StreamOrDevice s = {}) {
  return median(a, false, to_stream(s));
}
MLX_API array median(const array& a, const std::vector<int>& axes, bool keepdims = false,
                     StreamOrDevice s = {});
MLX_API array median(const array& a, int axis, bool keepdims = false, StreamOrDevice s = {});

/** The variance, with the divisor N - ddof. */
MLX_API array var(const array& a, bool keepdims, int ddof = 0, StreamOrDevice s = {});
inline array var(const array& a, StreamOrDevice s = {}) { return var(a, false, 0, to_stream(s)); }
MLX_API array var(const array& a, const std::vector<int>& axes, bool keepdims = false, int ddof = 0,
                  StreamOrDevice s = {});
MLX_API array var(const array& a, int axis, bool keepdims = false, int ddof = 0,
                  StreamOrDevice s = {});

/** The standard deviation, with the divisor N - ddof. */
MLX_API array std(const array& a, bool keepdims, int ddof = 0, StreamOrDevice s = {});
inline array std(const array& a, StreamOrDevice s = {}) { return std(a, false, 0, to_stream(s)); }
MLX_API array std(const array& a, const std::vector<int>& axes, bool keepdims = false, int ddof = 0,
                  StreamOrDevice s = {});
MLX_API array std(const array& a, int axis, bool keepdims = false, int ddof = 0,
                  StreamOrDevice s = {});

/** log(sum(exp(a))), without overflow. */
MLX_API array logsumexp(const array& a, bool keepdims, StreamOrDevice s = {});
inline array logsumexp(const array& a, StreamOrDevice s = {}) {
  return logsumexp(a, false, to_stream(s));
}
MLX_API array logsumexp(const array& a, const std::vector<int>& axes, bool keepdims = false,
                        StreamOrDevice s = {});
MLX_API array logsumexp(const array& a, int axis, bool keepdims = false, StreamOrDevice s = {});

/** The position of the first smallest element, along an axis or in the flattened array. */
MLX_API array argmin(const array& a, bool keepdims, StreamOrDevice s = {});
inline array argmin(const array& a, StreamOrDevice s = {}) { return argmin(a, false, s); }
MLX_API array argmin(const array& a, int axis, bool keepdims = false, StreamOrDevice s = {});

/** The position of the first largest element, along an axis or in the flattened array. */
MLX_API array argmax(const array& a, bool keepdims, StreamOrDevice s = {});
inline array argmax(const array& a, StreamOrDevice s = {}) { return argmax(a, false, s); }
MLX_API array argmax(const array& a, int axis, bool keepdims = false, StreamOrDevice s = {});

/** exp(a) / sum(exp(a)) along the axes. */
MLX_API array softmax(const array& a, const std::vector<int>& axes, bool precise = false,
                      StreamOrDevice s = {});
MLX_API array softmax(const array& a, bool precise = false, StreamOrDevice s = {});
inline array softmax(const array& a, int axis, bool precise = false, StreamOrDevice s = {}) {
  return softmax(a, std::vector<int>{axis}, precise, s);
}

/** The running sum along an axis, or of the flattened array. */
MLX_API array cumsum(const array& a, bool reverse = false, bool inclusive = true,
                     std::optional<Dtype> dtype = std::nullopt, StreamOrDevice s = {});
inline array cumsum(const array& a, bool reverse, bool inclusive, StreamOrDevice s) {
  return cumsum(a, reverse, inclusive, std::nullopt, s);
}
MLX_API array cumsum(const array& a, int axis, bool reverse = false, bool inclusive = true,
                     std::optional<Dtype> dtype = std::nullopt, StreamOrDevice s = {});
inline array cumsum(const array& a, int axis, bool reverse, bool inclusive, StreamOrDevice s) {
  return cumsum(a, axis, reverse, inclusive, std::nullopt, s);
}

/** The running product along an axis, or of the flattened array. */
MLX_API array cumprod(const array& a, bool reverse = false, bool inclusive = true,
                      std::optional<Dtype> dtype = std::nullopt, StreamOrDevice s = {});
inline array cumprod(const array& a, bool reverse, bool inclusive, StreamOrDevice s) {
  return cumprod(a, reverse, inclusive, std::nullopt, s);
}
MLX_API array cumprod(const array& a, int axis, bool reverse = false, bool inclusive = true,
                      std::optional<Dtype> dtype = std::nullopt, StreamOrDevice s = {});
inline array cumprod(const array& a, int axis, bool reverse, bool inclusive, StreamOrDevice s) {
  return cumprod(a, axis, reverse, inclusive, std::nullopt, s);
}

/** The running maximum along an axis, or of the flattened array. */
MLX_API array cummax(const array& a, bool reverse = false, bool inclusive = true,
                     StreamOrDevice s = {});
MLX_API array cummax(const array& a, int axis, bool reverse = false, bool inclusive = true,
                     StreamOrDevice s = {});

/** The running minimum along an axis, or of the flattened array. */
MLX_API array cummin(const array& a, bool reverse = false, bool inclusive = true,
                     StreamOrDevice s = {});
MLX_API array cummin(const array& a, int axis, bool reverse = false, bool inclusive = true,
                     StreamOrDevice s = {});

/** The running logsumexp along an axis, or of the flattened array. */
MLX_API array logcumsumexp(const array& a, bool reverse = false, bool inclusive = true,
                           StreamOrDevice s = {});
MLX_API array logcumsumexp(const array& a, int axis, bool reverse = false, bool inclusive = true,
                           StreamOrDevice s = {});

/** The n-th differences of neighbours along an axis. */
MLX_API array diff(const array& a, int n = 1, int axis = -1, StreamOrDevice s = {});

}  // namespace mlx::core
