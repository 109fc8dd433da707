// C++ operators on arrays.
#pragma once

#include "mlx/ops/elementwise.h"

namespace mlx::core {

MLX_API array operator-(const array& a);
MLX_API array operator~(const array& a);

#define MLX_ARRAY_OPERATOR(symbol, function)                                              \
  inline array operator symbol(const array& a, const array& b) { return function(a, b); } \
  template <typename T>                                                                   \
  requires(!is_array_v<T>) array operator symbol(T a, const array& b) {                   \
    return function(array(a), b);                                                         \
  }                                                                                       \
  template <typename T>                                                                   \
  requires(!is_array_v<T>) array operator symbol(const array& a, T b) {                   \
    return function(a, array(b));                                                         \
  }
MLX_ARRAY_OPERATOR(==, equal)
MLX_ARRAY_OPERATOR(!=, not_equal)
MLX_ARRAY_OPERATOR(<, less)
MLX_ARRAY_OPERATOR(<=, less_equal)
MLX_ARRAY_OPERATOR(>, greater)
MLX_ARRAY_OPERATOR(>=, greater_equal)
MLX_ARRAY_OPERATOR(+, add)
MLX_ARRAY_OPERATOR(-, subtract)
MLX_ARRAY_OPERATOR(*, multiply)
MLX_ARRAY_OPERATOR(%, remainder)
#undef MLX_ARRAY_OPERATOR

MLX_API array operator/(const array& a, const array& b);
MLX_API array operator/(double a, const array& b);
MLX_API array operator/(const array& a, double b);
MLX_API array operator&&(const array& a, const array& b);
MLX_API array operator||(const array& a, const array& b);
MLX_API array operator&(const array& a, const array& b);
MLX_API array operator|(const array& a, const array& b);
MLX_API array operator^(const array& a, const array& b);
MLX_API array operator<<(const array& a, const array& b);
MLX_API array operator>>(const array& a, const array& b);

}  // namespace mlx::core
