// Element types on the device, their conversions, and vector access to memory.
#pragma once

#include "ptx.cuh"

namespace mlx_device {

using int8_t = signed char;
using uint8_t = unsigned char;
using int16_t = short;
using uint16_t = unsigned short;
using int32_t = int;
using uint32_t = unsigned;
using int64_t = long long;
using uint64_t = unsigned long long;

constexpr float kInfinity = __builtin_bit_cast(float, 0x7f800000u);

struct half_t {
  uint16_t bits;
};
struct bfloat_t {
  uint16_t bits;
};
struct alignas(8) complex_t {
  float re, im;
};

/** The type arithmetic is done in: 16-bit floats compute in float and are rounded after each op. */
template <class T>
struct ComputeOf {
  using type = T;
};
template <>
struct ComputeOf<half_t> {
  using type = float;
};
template <>
struct ComputeOf<bfloat_t> {
  using type = float;
};
template <class T>
using Compute = typename ComputeOf<T>::type;

template <class T>
inline Compute<T> widen(T x) {
  return x;
}
template <>
inline float widen<half_t>(half_t x) {
  return half_bits_to_float(x.bits);
}
template <>
inline float widen<bfloat_t>(bfloat_t x) {
  return __uint_as_float(static_cast<unsigned>(x.bits) << 16);
}

/** Rounds a computed value to the stored type. */
template <class T>
struct Narrow {
  static T from(Compute<T> x) { return x; }
};
template <>
struct Narrow<half_t> {
  static half_t from(float x) { return {float_to_half_bits(x)}; }
};
template <>
struct Narrow<bfloat_t> {
  static bfloat_t from(float x) { return {float_to_bfloat_bits(x)}; }
};
template <class T>
inline T narrow(Compute<T> x) {
  return Narrow<T>::from(x);
}
/** A value as it is after being stored as T and read back. */
template <class T>
inline Compute<T> rounded(Compute<T> x) {
  return widen<T>(narrow<T>(x));
}

/** Conversion between compute types as the element cast does it. */
template <class To, class From>
struct Convert {
  static To run(From x) { return static_cast<To>(x); }
};
template <class From>
struct Convert<bool, From> {
  static bool run(From x) { return x != From(0); }
};
template <>
struct Convert<bool, complex_t> {
  static bool run(complex_t x) { return x.re != 0.0f || x.im != 0.0f; }
};
template <class From>
struct Convert<complex_t, From> {
  static complex_t run(From x) { return {static_cast<float>(x), 0.0f}; }
};
template <>
struct Convert<complex_t, complex_t> {
  static complex_t run(complex_t x) { return x; }
};
template <class To>
struct Convert<To, complex_t> {
  static To run(complex_t x) { return Convert<To, float>::run(x.re); }
};
template <class To, class From>
inline To convert(From x) {
  return Convert<To, From>::run(x);
}

/** N elements read or written at once; their address must be aligned to their size. */
template <class T, int N>
struct alignas(sizeof(T) * N <= 16 ? sizeof(T) * N : 16) Vec {
  T v[N];
};

template <class T, int N>
inline Vec<T, N> load_vec(const T* p) {
  constexpr int kBytes = sizeof(T) * N;
  Vec<T, N> r;
  if constexpr (kBytes % 16 == 0) {
#pragma unroll
    for (int i = 0; i < kBytes / 16; ++i) {
      Raw16 raw = load_16(reinterpret_cast<const char*>(p) + 16 * i);
      memcpy(reinterpret_cast<char*>(r.v) + 16 * i, &raw, 16);
    }
  } else {
    r = *reinterpret_cast<const Vec<T, N>*>(p);
  }
  return r;
}
/** The first and the second value of a word; a float is a word of its own. */
template <class T>
inline float first_of_word(unsigned word) {
  return __uint_as_float(word);
}
template <>
inline float first_of_word<bfloat_t>(unsigned word) {
  return __uint_as_float(word << 16);
}
template <>
inline float first_of_word<half_t>(unsigned word) {
  return half_bits_to_float(static_cast<uint16_t>(word));
}
template <class T>
inline float second_of_word(unsigned word);
template <>
inline float second_of_word<bfloat_t>(unsigned word) {
  return __uint_as_float(word & 0xffff0000u);
}
template <>
inline float second_of_word<half_t>(unsigned word) {
  return half_bits_to_float(static_cast<uint16_t>(word >> 16));
}

template <class T, int N>
inline Vec<T, N> load_vec_stream(const T* p) {
  constexpr int kBytes = sizeof(T) * N;
  Vec<T, N> r;
  if constexpr (kBytes % 16 == 0) {
#pragma unroll
    for (int i = 0; i < kBytes / 16; ++i) {
      Raw16 raw = load_stream16(reinterpret_cast<const char*>(p) + 16 * i);
      memcpy(reinterpret_cast<char*>(r.v) + 16 * i, &raw, 16);
    }
  } else {
    r = *reinterpret_cast<const Vec<T, N>*>(p);
  }
  return r;
}
template <class T, int N>
inline void store_vec(T* p, const Vec<T, N>& r) {
  constexpr int kBytes = sizeof(T) * N;
  if constexpr (kBytes % 16 == 0) {
#pragma unroll
    for (int i = 0; i < kBytes / 16; ++i) {
      Raw16 raw;
      memcpy(&raw, reinterpret_cast<const char*>(r.v) + 16 * i, 16);
      store_16(reinterpret_cast<char*>(p) + 16 * i, raw);
    }
  } else {
    *reinterpret_cast<Vec<T, N>*>(p) = r;
  }
}
template <class T, int N>
inline void store_vec_stream(T* p, const Vec<T, N>& r) {
  constexpr int kBytes = sizeof(T) * N;
  if constexpr (kBytes % 16 == 0) {
#pragma unroll
    for (int i = 0; i < kBytes / 16; ++i) {
      Raw16 raw;
      memcpy(&raw, reinterpret_cast<const char*>(r.v) + 16 * i, 16);
      store_stream16(reinterpret_cast<char*>(p) + 16 * i, raw);
    }
  } else {
    *reinterpret_cast<Vec<T, N>*>(p) = r;
  }
}

/** Opens a kernel whose blocks of 256 threads take an element each: waits for what it reads, and says which element. */
inline long long start_element() {
  wait_for_inputs();
  let_next_kernel_start();
  return static_cast<long long>(blockIdx.x) * 256 + threadIdx.x;
}

}  // namespace mlx_device
