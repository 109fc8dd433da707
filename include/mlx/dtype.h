// Dtype: the fourteen element types, their categories and promotion.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>

#include "mlx/api.h"
#include "mlx/types/complex.h"
#include "mlx/types/half_types.h"

namespace mlx::core {

struct MLX_API Dtype {
  enum class Val : uint8_t {
    bool_,
    uint8,
    uint16,
    uint32,
    uint64,
    int8,
    int16,
    int32,
    int64,
    float16,
    float32,
    float64,
    bfloat16,
    complex64,
  };

  enum class Kind : uint8_t { b, u, i, f, c, V };

  enum class Category : uint8_t {
    complexfloating,
    floating,
    inexact,
    signedinteger,
    unsignedinteger,
    integer,
    number,
    generic,
  };

  constexpr explicit Dtype(Val val, uint8_t size) : val_(val), size_(size) {}

  constexpr operator Val() const { return val_; }
  constexpr Val val() const { return val_; }
  /** Size of one element in bytes. */
  constexpr uint8_t size() const { return size_; }

 private:
  Val val_;
  uint8_t size_;
};

inline constexpr int kNumDtypes = 14;

inline constexpr Dtype bool_{Dtype::Val::bool_, 1};
inline constexpr Dtype uint8{Dtype::Val::uint8, 1};
inline constexpr Dtype uint16{Dtype::Val::uint16, 2};
inline constexpr Dtype uint32{Dtype::Val::uint32, 4};
inline constexpr Dtype uint64{Dtype::Val::uint64, 8};
inline constexpr Dtype int8{Dtype::Val::int8, 1};
inline constexpr Dtype int16{Dtype::Val::int16, 2};
inline constexpr Dtype int32{Dtype::Val::int32, 4};
inline constexpr Dtype int64{Dtype::Val::int64, 8};
inline constexpr Dtype float16{Dtype::Val::float16, 2};
inline constexpr Dtype bfloat16{Dtype::Val::bfloat16, 2};
inline constexpr Dtype float32{Dtype::Val::float32, 4};
inline constexpr Dtype float64{Dtype::Val::float64, 8};
inline constexpr Dtype complex64{Dtype::Val::complex64, 8};

inline constexpr Dtype::Category complexfloating = Dtype::Category::complexfloating;
inline constexpr Dtype::Category floating = Dtype::Category::floating;
inline constexpr Dtype::Category inexact = Dtype::Category::inexact;
inline constexpr Dtype::Category signedinteger = Dtype::Category::signedinteger;
inline constexpr Dtype::Category unsignedinteger = Dtype::Category::unsignedinteger;
inline constexpr Dtype::Category integer = Dtype::Category::integer;
inline constexpr Dtype::Category number = Dtype::Category::number;
inline constexpr Dtype::Category generic = Dtype::Category::generic;

/** The smallest dtype that both promote to, as MLX does it. */
MLX_API Dtype promote_types(const Dtype& a, const Dtype& b);

inline uint8_t size_of(const Dtype& dtype) { return dtype.size(); }

MLX_API Dtype::Kind kindof(const Dtype& dtype);

MLX_API bool issubdtype(const Dtype& a, const Dtype& b);
MLX_API bool issubdtype(const Dtype::Category& a, const Dtype& b);
MLX_API bool issubdtype(const Dtype& a, const Dtype::Category& b);
MLX_API bool issubdtype(const Dtype::Category& a, const Dtype::Category& b);

/** The Python name, for example "float32" or "bool". */
MLX_API std::string_view dtype_name(Dtype dtype);
MLX_API const char* dtype_to_string(Dtype dtype);
MLX_API Dtype dtype_from_string(std::string_view name);
MLX_API std::ostream& operator<<(std::ostream& os, Dtype dtype);

/** The Python buffer-protocol format letter of a dtype. */
MLX_API std::string dtype_to_array_protocol(const Dtype& dtype);
MLX_API Dtype dtype_from_array_protocol(std::string_view format);

/** Maps a C++ element type to its dtype: `TypeToDtype<float>()` is float32. */
template <typename T>
struct TypeToDtype {
  constexpr operator Dtype() const {
    if constexpr (std::is_same_v<T, bool>)
      return bool_;
    else if constexpr (std::is_same_v<T, float16_t>)
      return float16;
    else if constexpr (std::is_same_v<T, bfloat16_t>)
      return bfloat16;
    else if constexpr (std::is_same_v<T, float>)
      return float32;
    else if constexpr (std::is_same_v<T, double>)
      return float32;  // as MLX: a double literal is weak
    else if constexpr (std::is_same_v<T, complex64_t> || std::is_same_v<T, std::complex<float>>)
      return complex64;
    else if constexpr (std::is_integral_v<T> && std::is_signed_v<T>) {
      if constexpr (sizeof(T) == 1)
        return int8;
      else if constexpr (sizeof(T) == 2)
        return int16;
      else if constexpr (sizeof(T) == 4)
        return int32;
      else
        return int64;
    } else {
      static_assert(std::is_integral_v<T>, "no dtype for this type");
      if constexpr (sizeof(T) == 1)
        return uint8;
      else if constexpr (sizeof(T) == 2)
        return uint16;
      else if constexpr (sizeof(T) == 4)
        return uint32;
      else
        return uint64;
    }
  }
};

}  // namespace mlx::core
