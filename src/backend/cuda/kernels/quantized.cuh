// Affine quantised matrices: codes of 2 to 8 bits packed least significant first, one scale and bias a group.
#pragma once

#include "args.h"
#include "block.cuh"

namespace mlx_device {

/** A code as a float without a conversion: its bits go into the mantissa of kOffset, so kOffset + code results. */
template <int kBits>
struct CodeFloat {
  // 2^kBits is the smallest power of two whose unit in the last place is 1 at mantissa bit 23 - kBits.
  static constexpr unsigned kBase = (127u + kBits) << 23;
  static constexpr float kOffset = static_cast<float>(1 << kBits);
  static constexpr unsigned kMask = ((1u << kBits) - 1) << (23 - kBits);
  template <int kIndex>
  static float get(unsigned word) {
    constexpr int kShift = kIndex * kBits - (23 - kBits);
    unsigned moved = kShift >= 0 ? word >> (kShift >= 0 ? kShift : 0) : word << (kShift >= 0 ? 0 : -kShift);
    return __uint_as_float((moved & kMask) | kBase);
  }
};

template <int kBits, int kIndex, int kCount>
struct ForCodes {
  template <class F>
  static void run(unsigned word, F f) {
    if constexpr (kIndex < kCount) {
      f(kIndex, CodeFloat<kBits>::template get<kIndex>(word));
      ForCodes<kBits, kIndex + 1, kCount>::run(word, f);
    }
  }
};

/** Eight neighbouring values of x as floats, read 16 bytes at a time. */
template <class T>
inline void load_eight(const T* p, float (&v)[8]) {
  Vec<T, 8> raw;
  constexpr int kReads = static_cast<int>(sizeof(T)) * 8 / 16;
#pragma unroll
  for (int i = 0; i < kReads; ++i) {
    Raw16 part = *reinterpret_cast<const Raw16*>(reinterpret_cast<const char*>(p) + 16 * i);
    memcpy(reinterpret_cast<char*>(raw.v) + 16 * i, &part, 16);
  }
#pragma unroll
  for (int e = 0; e < 8; ++e) v[e] = static_cast<float>(widen<T>(raw.v[e]));
}

/** out[m][n] = x[m] . dequantised row n, for M rows of x. Each warp takes R rows; a lane takes 16 bytes of codes at
 * once. x waits in shared memory in the order in which lanes read it, with the sums that the biases need. */
template <class T, int kBits, int kGroup, int M, int R>
inline void quantized_dot_rows(const QuantizedArgs& a) {
  constexpr int kCodes = 128 / kBits;      // a lane's codes in one load
  constexpr int kWord = 32 / kBits;        // codes in one word
  constexpr int kPieces = kCodes / 8;      // pieces of 8 values of x
  MLX_SHARED_BYTES(shared);
  long long chunks = a.k / kCodes;         // lane loads in a row
  long long padded = (chunks + 31) / 32 * 32;
  T* xs = reinterpret_cast<T*>(shared);
  float* x_sums = reinterpret_cast<float*>(shared + M * padded * kCodes * sizeof(T));
  long long batch = blockIdx.z;
  const T* x = static_cast<const T*>(a.x) + batch * a.batch_x + static_cast<long long>(blockIdx.y) * M * a.k;
  wait_for_inputs();
  let_next_kernel_start();
  for (long long i = threadIdx.x; i < M * chunks * kPieces; i += 256) {
    long long m = i / (chunks * kPieces);
    long long piece = i - m * chunks * kPieces;
    long long chunk = piece / kPieces;
    long long j = piece % kPieces;
    Vec<T, 8> v = load_vec<T, 8>(x + m * a.k + piece * 8);
    *reinterpret_cast<Vec<T, 8>*>(xs + (m * padded * kPieces + (chunk / 32 * kPieces + j) * 32 + chunk % 32) * 8) = v;
  }
  __syncthreads();
  for (long long i = threadIdx.x; i < M * chunks; i += 256) {
    long long m = i / chunks;
    long long chunk = i - m * chunks;
    float sum = 0.0f;
#pragma unroll
    for (int j = 0; j < kPieces; ++j) {
      const T* p = xs + (m * padded * kPieces + (chunk / 32 * kPieces + j) * 32 + chunk % 32) * 8;
#pragma unroll
      for (int e = 0; e < 8; ++e) sum += widen<T>(p[e]);
    }
    x_sums[m * padded + chunk] = sum;
  }
  __syncthreads();

  long long first = (static_cast<long long>(blockIdx.x) * 8 + warp_id()) * R;
  if (first >= a.n) return;
  const char* codes[R];
  const T* scales[R];
  const T* biases[R];
  long long row_bytes = a.k * kBits / 8;
#pragma unroll
  for (int r = 0; r < R; ++r) {
    long long row = batch * a.batch_w + (first + r < a.n ? first + r : a.n - 1);
    codes[r] = static_cast<const char*>(a.codes) + row * row_bytes;
    scales[r] = static_cast<const T*>(a.scales) + row * a.groups;
    biases[r] = static_cast<const T*>(a.biases) + row * a.groups;
  }
  float total[R][M];
#pragma unroll
  for (int r = 0; r < R; ++r) {
#pragma unroll
    for (int m = 0; m < M; ++m) total[r][m] = 0.0f;
  }
  long long chunk = lane_id();
  Raw16 next[R];
#pragma unroll
  for (int r = 0; r < R; ++r) {
    if (chunk < chunks) next[r] = load_16(codes[r] + chunk * 16);
  }
  for (; chunk < chunks; chunk += 32) {
    Raw16 now[R];
    T s[R], b[R];
    long long group = chunk * kCodes / kGroup;
#pragma unroll
    for (int r = 0; r < R; ++r) {
      now[r] = next[r];
      if (chunk + 32 < chunks) next[r] = load_16(codes[r] + (chunk + 32) * 16);
      s[r] = scales[r][group];
      b[r] = biases[r][group];
    }
#pragma unroll
    for (int m = 0; m < M; ++m) {
      float dots[R];
#pragma unroll
      for (int r = 0; r < R; ++r) dots[r] = 0.0f;
      const T* xm = xs + (m * padded * kPieces + chunk / 32 * kPieces * 32 + chunk % 32) * 8;
#pragma unroll
      for (int j = 0; j < kPieces; ++j) {
        float v[8];
        load_eight(xm + j * 32 * 8, v);
#pragma unroll
        for (int r = 0; r < R; ++r) {
          unsigned words[4] = {now[r].x, now[r].y, now[r].z, now[r].w};
          // Eight codes lie in part of a word, one word or two.
          if constexpr (kWord >= 8) {
            constexpr int kPerWord = kWord / 8;
            unsigned word = words[j / kPerWord] >> ((j % kPerWord) * 8 * kBits % 32);
            ForCodes<kBits, 0, 8>::run(word, [&](int e, float f) { dots[r] = fmaf(f, v[e], dots[r]); });
          } else {
            ForCodes<kBits, 0, kWord>::run(words[2 * j], [&](int e, float f) { dots[r] = fmaf(f, v[e], dots[r]); });
            ForCodes<kBits, 0, kWord>::run(words[2 * j + 1],
                                           [&](int e, float f) { dots[r] = fmaf(f, v[e + kWord], dots[r]); });
          }
        }
      }
      float x_sum = x_sums[m * padded + chunk];
#pragma unroll
      for (int r = 0; r < R; ++r) {
        float scale = widen<T>(s[r]);
        float bias = fmaf(-CodeFloat<kBits>::kOffset, scale, static_cast<float>(widen<T>(b[r])));
        total[r][m] = fmaf(scale, dots[r], fmaf(bias, x_sum, total[r][m]));
      }
    }
  }
#pragma unroll
  for (int r = 0; r < R; ++r) {
#pragma unroll
    for (int m = 0; m < M; ++m) {
      float sum = warp_reduce<32>(Sum(), total[r][m]);
      if (lane_id() == 0 && first + r < a.n) {
        long long row = static_cast<long long>(blockIdx.y) * M + m;
        static_cast<T*>(a.out)[batch * a.batch_out + row * a.n + first + r] = narrow<T>(sum);
      }
    }
  }
}

/** Eight codes from `kBits` bytes. */
template <int kBits>
inline unsigned long long eight_codes(const void* codes, long long index) {
  const unsigned char* p = static_cast<const unsigned char*>(codes) + index * kBits;
  unsigned long long bits = 0;
  if constexpr (kBits == 4) {
    bits = *reinterpret_cast<const unsigned*>(p);
  } else if constexpr (kBits == 8) {
    Raw8 raw = load_8(p);
    bits = raw.x | static_cast<unsigned long long>(raw.y) << 32;
  } else if constexpr (kBits == 2) {
    bits = *reinterpret_cast<const unsigned short*>(p);
  } else {
#pragma unroll
    for (int i = 0; i < kBits; ++i) bits |= static_cast<unsigned long long>(p[i]) << (8 * i);
  }
  return bits;
}

/** Values from codes, eight a thread; all rows follow one another. With kRoundTwice the product is rounded, then the
 * sum, as ops would; a factor of a matrix product is rounded once. */
template <class T, class S, int kBits, int kGroup, bool kRoundTwice>
inline void dequantize(const QuantizedArgs& a) {
  long long index = start_element();
  if (index >= a.groups * (kGroup / 8)) return;
  unsigned long long bits = eight_codes<kBits>(a.codes, index);
  long long group = index / (kGroup / 8);
  float scale = widen<S>(static_cast<const S*>(a.scales)[group]);
  float bias = widen<S>(static_cast<const S*>(a.biases)[group]);
  Vec<T, 8> v;
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    float code = static_cast<float>(static_cast<unsigned>(bits >> (i * kBits)) & ((1u << kBits) - 1));
    if constexpr (kRoundTwice) {
      v.v[i] = narrow<T>(static_cast<Compute<T>>(rounded<T>(static_cast<Compute<T>>(scale * code)) + bias));
    } else {
      v.v[i] = narrow<T>(static_cast<Compute<T>>(fmaf(scale, code, bias)));
    }
  }
  store_vec<T, 8>(static_cast<T*>(a.out) + index * 8, v);
}

/** Codes, scales and biases from values: kGroup / 8 lanes a group, eight values each. */
template <class T, int kBits, int kGroup>
inline void quantize(const QuantizeArgs& a) {
  wait_for_inputs();
  let_next_kernel_start();
  constexpr int kLanes = kGroup / 8;
  constexpr float kLevels = static_cast<float>((1 << kBits) - 1);
  long long index = static_cast<long long>(blockIdx.x) * 256 + threadIdx.x;
  bool inside = index < a.groups * kLanes;
  float v[8];
#pragma unroll
  for (int i = 0; i < 8; ++i) v[i] = 0.0f;
  if (inside) {
    Vec<T, 8> raw = load_vec<T, 8>(static_cast<const T*>(a.values) + index * 8);
#pragma unroll
    for (int i = 0; i < 8; ++i) v[i] = static_cast<float>(widen<T>(raw.v[i]));
  }
  float low = v[0], high = v[0];
#pragma unroll
  for (int i = 1; i < 8; ++i) {
    low = v[i] < low ? v[i] : low;
    high = v[i] > high ? v[i] : high;
  }
#pragma unroll
  for (int mask = kLanes / 2; mask > 0; mask /= 2) {
    float other_low = shuffle_xor(low, mask), other_high = shuffle_xor(high, mask);
    low = other_low < low ? other_low : low;
    high = other_high > high ? other_high : high;
  }
  bool low_is_larger = fabsf(low) > fabsf(high);
  float scale = (high - low) / kLevels;
  scale = scale > 1e-7f ? scale : 1e-7f;
  if (!low_is_larger) scale = -scale;
  float edge = low_is_larger ? low : high;
  float edge_code = rintf(edge / scale);
  float bias = 0.0f;
  if (edge_code != 0.0f) {
    scale = edge / edge_code;
    bias = edge;
  }
  if (!inside) return;
  unsigned long long bits = 0;
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    float code = rintf((v[i] - bias) / scale);
    code = code > 0.0f ? (code < kLevels ? code : kLevels) : 0.0f;
    bits |= static_cast<unsigned long long>(code) << (i * kBits);
  }
  unsigned char* p = static_cast<unsigned char*>(a.codes) + index * kBits;
#pragma unroll
  for (int i = 0; i < kBits; ++i) p[i] = static_cast<unsigned char>(bits >> (8 * i));
  if (index % kLanes == 0) {
    static_cast<T*>(a.scales)[index / kLanes] = narrow<T>(static_cast<Compute<T>>(scale));
    static_cast<T*>(a.biases)[index / kLanes] = narrow<T>(static_cast<Compute<T>>(bias));
  }
}

}  // namespace mlx_device
