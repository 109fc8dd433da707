// Calls a generic lambda with the C++ element type of a dtype.
#pragma once

#include <stdexcept>
#include <type_traits>

#include "mlx/dtype.h"

/** Calls `f(std::type_identity<T>{})` with the element type T of `dtype`. */
template <typename F>
decltype(auto) visit_dtype(mlx::core::Dtype dtype, F&& f) {
  using Val = mlx::core::Dtype::Val;
  switch (dtype.val()) {
    case Val::bool_:
      return f(std::type_identity<bool>{});
    case Val::uint8:
      return f(std::type_identity<uint8_t>{});
    case Val::uint16:
      return f(std::type_identity<uint16_t>{});
    case Val::uint32:
      return f(std::type_identity<uint32_t>{});
    case Val::uint64:
      return f(std::type_identity<uint64_t>{});
    case Val::int8:
      return f(std::type_identity<int8_t>{});
    case Val::int16:
      return f(std::type_identity<int16_t>{});
    case Val::int32:
      return f(std::type_identity<int32_t>{});
    case Val::int64:
      return f(std::type_identity<int64_t>{});
    case Val::float16:
      return f(std::type_identity<mlx::core::float16_t>{});
    case Val::float32:
      return f(std::type_identity<float>{});
    case Val::float64:
      return f(std::type_identity<double>{});
    case Val::bfloat16:
      return f(std::type_identity<mlx::core::bfloat16_t>{});
    case Val::complex64:
      return f(std::type_identity<mlx::core::complex64_t>{});
  }
  throw std::logic_error("unknown dtype");
}
