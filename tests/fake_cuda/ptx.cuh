// What kernels/ptx.cuh offers, in plain C++ for the emulation.
#pragma once

namespace mlx_device {

struct alignas(16) Raw16 {
  unsigned x, y, z, w;
};
struct alignas(8) Raw8 {
  unsigned x, y;
};

inline float half_bits_to_float(unsigned short bits) {
  return static_cast<float>(__builtin_bit_cast(_Float16, bits));
}
inline unsigned short float_to_half_bits(float value) {
  if (value != value) return 0x7fff;
  return __builtin_bit_cast(unsigned short, static_cast<_Float16>(value));
}
inline unsigned short float_to_bfloat_bits(float value) {
  if (value != value) return 0x7fff;
  unsigned bits = __float_as_uint(value);
  return static_cast<unsigned short>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}
inline unsigned pack_half2(float low, float high) {
  return float_to_half_bits(low) | static_cast<unsigned>(float_to_half_bits(high)) << 16;
}
inline unsigned pack_bfloat2(float low, float high) {
  return float_to_bfloat_bits(low) | static_cast<unsigned>(float_to_bfloat_bits(high)) << 16;
}

/** A GPU faults on a misaligned vector access; so does this. */
inline void check_aligned(const void* p, unsigned long bytes) {
  if (reinterpret_cast<unsigned long>(p) % bytes != 0) __builtin_trap();
}
inline Raw16 load_16(const void* p) {
  check_aligned(p, 16);
  Raw16 r;
  memcpy(&r, p, 16);
  return r;
}
inline Raw16 load_stream16(const void* p) { return load_16(p); }
inline Raw16 load_once_16(const void* p) { return load_16(p); }
inline Raw8 load_8(const void* p) {
  check_aligned(p, 8);
  Raw8 r;
  memcpy(&r, p, 8);
  return r;
}
inline Raw8 load_once_8(const void* p) { return load_8(p); }
inline void store_16(void* p, Raw16 r) {
  check_aligned(p, 16);
  memcpy(p, &r, 16);
}
inline void store_stream16(void* p, Raw16 r) { store_16(p, r); }
inline void store_8(void* p, Raw8 r) {
  check_aligned(p, 8);
  memcpy(p, &r, 8);
}
/** Of dynamic shared memory only. */
inline unsigned shared_address(const void* p) {
  return static_cast<unsigned>(static_cast<const unsigned char*>(p) - mlx_emulation->dynamic_shared);
}
inline float exp2_approx(float x) { return exp2f(x); }

inline void copy_async16(void* shared, const void* global, bool in_range) {
  check_aligned(shared, 16);
  if (in_range) {
    check_aligned(global, 16);
    memcpy(shared, global, 16);
  } else {
    memset(shared, 0, 16);
  }
}
inline void copy_async_commit() {}
template <int Pending>
inline void copy_async_wait() {}

template <bool kTransposed>
inline void emulated_load_matrices(unsigned (&r)[4], const void* shared_row) {
  check_aligned(shared_row, 16);
  unsigned lane = emulated_lane();
  memcpy(mlx_emulation->slot(lane), shared_row, 16);
  mlx_emulation->sync_warp();
  for (unsigned m = 0; m < 4; ++m) {
    unsigned short pair[2];
    for (unsigned e = 0; e < 2; ++e) {
      unsigned row = kTransposed ? 2 * (lane % 4) + e : lane / 4;
      unsigned col = kTransposed ? lane / 4 : 2 * (lane % 4) + e;
      memcpy(&pair[e], mlx_emulation->slot(8 * m + row) + 2 * col, 2);
    }
    r[m] = pair[0] | static_cast<unsigned>(pair[1]) << 16;
  }
  mlx_emulation->sync_warp();
}
inline void load_matrices(unsigned (&r)[4], const void* shared_row) { emulated_load_matrices<false>(r, shared_row); }
inline void load_matrices_transposed(unsigned (&r)[4], const void* shared_row) {
  emulated_load_matrices<true>(r, shared_row);
}

struct EmulatedBfloat {
  static float widen(unsigned short bits) { return __uint_as_float(static_cast<unsigned>(bits) << 16); }
};
struct EmulatedHalf {
  static float widen(unsigned short bits) { return half_bits_to_float(bits); }
};

template <class Element>
inline void emulated_mma(float (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  unsigned lane = emulated_lane();
  unsigned registers[6] = {a[0], a[1], a[2], a[3], b0, b1};
  memcpy(mlx_emulation->slot(lane), registers, sizeof(registers));
  mlx_emulation->sync_warp();
  auto element = [](unsigned from, unsigned which, unsigned half) {
    unsigned value;
    memcpy(&value, mlx_emulation->slot(from) + 4 * which, 4);
    return Element::widen(static_cast<unsigned short>(value >> (16 * half)));
  };
  for (unsigned i = 0; i < 4; ++i) {
    unsigned row = lane / 4 + 8 * (i / 2);
    unsigned col = 2 * (lane % 4) + i % 2;
    float sum = 0.0f;
    for (unsigned k = 0; k < 16; ++k) {
      float av = element(4 * (row % 8) + (k % 8) / 2, row / 8 + 2 * (k / 8), k % 2);
      float bv = element(4 * col + (k % 8) / 2, 4 + k / 8, k % 2);
      sum += av * bv;
    }
    d[i] += sum;
  }
  mlx_emulation->sync_warp();
}
inline void mma_bfloat(float (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  emulated_mma<EmulatedBfloat>(d, a, b0, b1);
}
inline void mma_half(float (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  emulated_mma<EmulatedHalf>(d, a, b0, b1);
}

inline unsigned transpose_matrix(unsigned r) {
  unsigned lane = emulated_lane();
  memcpy(mlx_emulation->slot(lane), &r, 4);
  mlx_emulation->sync_warp();
  unsigned short pair[2];
  for (unsigned e = 0; e < 2; ++e) {
    unsigned row = 2 * (lane % 4) + e, col = lane / 4;
    memcpy(&pair[e], mlx_emulation->slot(4 * row + col / 2) + 2 * (col % 2), 2);
  }
  mlx_emulation->sync_warp();
  return pair[0] | static_cast<unsigned>(pair[1]) << 16;
}
inline unsigned fma_bfloat2(unsigned a, unsigned b, unsigned c) {
  auto one = [](unsigned x, unsigned y, unsigned z) {
    return float_to_bfloat_bits(
        fmaf(EmulatedBfloat::widen(x), EmulatedBfloat::widen(y), EmulatedBfloat::widen(z)));
  };
  return one(a, b, c) | static_cast<unsigned>(one(a >> 16, b >> 16, c >> 16)) << 16;
}
inline unsigned fma_half2(unsigned a, unsigned b, unsigned c) {
  auto one = [](unsigned x, unsigned y, unsigned z) {
    return float_to_half_bits(fmaf(half_bits_to_float(x), half_bits_to_float(y), half_bits_to_float(z)));
  };
  return one(a, b, c) | static_cast<unsigned>(one(a >> 16, b >> 16, c >> 16)) << 16;
}
inline void forget(unsigned&) {}
inline unsigned low_halves(unsigned a, unsigned b) { return (a & 0xffffu) | b << 16; }
inline unsigned high_halves(unsigned a, unsigned b) { return a >> 16 | (b & 0xffff0000u); }

inline void wait_for_inputs() {}
inline void let_next_kernel_start() {}

}  // namespace mlx_device
