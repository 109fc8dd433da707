// Calls a template for the C++ type of a dtype, for kernels of extensions.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "mlx/dtype.h"

namespace mlx::core {

template <typename T>
struct type_identity {
  using type = T;
};

#define MLX_GET_TYPE(x) typename decltype(x)::type
#define MLX_GET_VALUE(x) decltype(x)::value

namespace detail {

enum DtypeKinds : unsigned {
  kBools = 1,
  kInts = 2,
  kFloats = 4,
  kComplex = 8,
};

/** Calls `f` with the type_identity of `dt` if it is of one of the kinds; else returns false. */
template <unsigned Kinds, typename F>
bool dispatch_kinds(Dtype dt, F&& f) {
#define MLX_DISPATCH_CASE(kind, value, T)  \
  case Dtype::Val::value:                  \
    if constexpr ((Kinds & (kind)) != 0) { \
      f(type_identity<T>{});               \
      return true;                         \
    }                                      \
    break
  switch (dt.val()) {
    MLX_DISPATCH_CASE(kBools, bool_, bool);
    MLX_DISPATCH_CASE(kInts, int8, int8_t);
    MLX_DISPATCH_CASE(kInts, int16, int16_t);
    MLX_DISPATCH_CASE(kInts, int32, int32_t);
    MLX_DISPATCH_CASE(kInts, int64, int64_t);
    MLX_DISPATCH_CASE(kInts, uint8, uint8_t);
    MLX_DISPATCH_CASE(kInts, uint16, uint16_t);
    MLX_DISPATCH_CASE(kInts, uint32, uint32_t);
    MLX_DISPATCH_CASE(kInts, uint64, uint64_t);
    MLX_DISPATCH_CASE(kFloats, float16, float16_t);
    MLX_DISPATCH_CASE(kFloats, bfloat16, bfloat16_t);
    MLX_DISPATCH_CASE(kFloats, float32, float);
    MLX_DISPATCH_CASE(kFloats, float64, double);
    MLX_DISPATCH_CASE(kComplex, complex64, complex64_t);
  }
#undef MLX_DISPATCH_CASE
  return false;
}

template <unsigned Kinds, typename F>
void dispatch_or_throw(Dtype dt, std::string_view tag, F&& f) {
  if (dispatch_kinds<Kinds>(dt, f)) return;
  throw std::invalid_argument(std::string(tag) + " the dtype is not supported: got " +
                              dtype_to_string(dt) + ".");
}

}  // namespace detail

template <typename F>
void dispatch_all_types(Dtype dt, F&& f) {
  using namespace detail;
  dispatch_kinds<kBools | kInts | kFloats | kComplex>(dt, f);
}
template <typename F>
void dispatch_int_types(Dtype dt, std::string_view tag, F&& f) {
  detail::dispatch_or_throw<detail::kInts>(dt, tag, f);
}
template <typename F>
void dispatch_float_types(Dtype dt, std::string_view tag, F&& f) {
  detail::dispatch_or_throw<detail::kFloats>(dt, tag, f);
}
template <typename F>
void dispatch_int_float_types(Dtype dt, std::string_view tag, F&& f) {
  detail::dispatch_or_throw<detail::kInts | detail::kFloats>(dt, tag, f);
}
template <typename F>
void dispatch_inexact_types(Dtype dt, std::string_view tag, F&& f) {
  detail::dispatch_or_throw<detail::kFloats | detail::kComplex>(dt, tag, f);
}
template <typename F>
void dispatch_real_types(Dtype dt, std::string_view tag, F&& f) {
  detail::dispatch_or_throw<detail::kBools | detail::kInts | detail::kFloats>(dt, tag, f);
}

}  // namespace mlx::core
