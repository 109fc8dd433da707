// Threefry-2x32-20: word i and word half + i of a key's row come from one pair of counters, as on the CPU.
#pragma once

#include "args.h"
#include "types.cuh"

namespace mlx_device {

struct WordPair {
  uint32_t x, y;
};

/** gridDim.y is 1, which the compiler cannot know: the sum goes to the units that multiply, as rotations and xors keep
 * the others busy. */
template <int kLeft>
inline void threefry_mix(WordPair& p) {
  p.x = p.x * gridDim.y + p.y;
  p.y = (p.y << kLeft | p.y >> (32 - kLeft)) ^ p.x;
}

/** Four of the 20 rounds and the words of the key around them: `carried` waits for the next sum, of three then. */
template <int kStep>
inline void threefry_step(WordPair& p, uint32_t& carried, const uint32_t (&key)[3]) {
  constexpr int kLeft = kStep % 2 == 1 ? 13 : 17;
  p.x = p.x + carried + p.y;
  p.y = (p.y << kLeft | p.y >> (32 - kLeft)) ^ p.x;
  threefry_mix<kStep % 2 == 1 ? 15 : 29>(p);
  threefry_mix<kStep % 2 == 1 ? 26 : 16>(p);
  threefry_mix<kStep % 2 == 1 ? 6 : 24>(p);
  carried = key[kStep % 3];
  p.y = p.y * gridDim.y + (key[(kStep + 1) % 3] + kStep);
}
inline WordPair threefry(uint32_t k0, uint32_t k1, uint32_t x, uint32_t y) {
  const uint32_t key[3] = {k0, k1, k0 ^ k1 ^ 0x1BD11BDAu};
  WordPair p{x, y + k1};
  uint32_t carried = k0;
  threefry_step<1>(p, carried, key);
  threefry_step<2>(p, carried, key);
  threefry_step<3>(p, carried, key);
  threefry_step<4>(p, carried, key);
  threefry_step<5>(p, carried, key);
  p.x += carried;
  return p;
}

/** Words first ... of the first half of a row, and their partners in the second. */
template <int N>
inline void draw_words(const uint32_t* key, long long first, long long half, long long size, Vec<uint32_t, N> (&words)[2]) {
  uint32_t k0 = key[0], k1 = key[1];
#pragma unroll
  for (int j = 0; j < N; ++j) {
    // An odd row has a middle word of its own.
    long long partner = half + first + j;
    WordPair p = threefry(k0, k1, static_cast<uint32_t>(first + j), partner < size ? static_cast<uint32_t>(partner) : 0);
    words[0].v[j] = p.x;
    words[1].v[j] = p.y;
  }
}

/** Writes a word where it falls; a row may start unaligned and end within a word. */
inline void put_word(unsigned char* row, long long bytes, long long word, uint32_t value) {
  if (bytes % 4 == 0) {
    reinterpret_cast<uint32_t*>(row)[word] = value;
    return;
  }
  for (long long b = 0; b < 4 && 4 * word + b < bytes; ++b) row[4 * word + b] = static_cast<unsigned char>(value >> (8 * b));
}

inline void random_bits(const RandomArgs& a) {
  wait_for_inputs();
  let_next_kernel_start();
  long long words = (a.bytes + 3) / 4;
  long long pairs = words / 2;
  long long half = words - pairs;  // an odd row has a middle word of its own
  long long at = static_cast<long long>(blockIdx.x) * 256 + threadIdx.x;
  if (at >= a.num_keys * half) return;
  long long key = at / half;
  long long i = at - key * half;
  uint32_t k0 = a.keys[2 * key], k1 = a.keys[2 * key + 1];
  unsigned char* row = static_cast<unsigned char*>(a.out) + key * a.bytes;
  if (i < pairs) {
    WordPair p = threefry(k0, k1, static_cast<uint32_t>(i), static_cast<uint32_t>(half + i));
    put_word(row, a.bytes, i, p.x);
    put_word(row, a.bytes, half + i, p.y);
  } else {
    put_word(row, a.bytes, i, threefry(k0, k1, static_cast<uint32_t>(i), 0).x);
  }
}

template <class T>
inline void arange(const ArangeArgs& a) {
  long long i = start_element();
  if (i >= a.size) return;
  static_cast<T*>(a.out)[i] = narrow<T>(convert<Compute<T>>(a.start + static_cast<double>(i) * a.step));
}
/** Integers count in integers, so that no digit is lost. */
template <class T>
inline void arange_integer(const ArangeArgs& a) {
  long long i = start_element();
  if (i >= a.size) return;
  static_cast<T*>(a.out)[i] = static_cast<T>(static_cast<long long>(a.start) + i * static_cast<long long>(a.step));
}

}  // namespace mlx_device
