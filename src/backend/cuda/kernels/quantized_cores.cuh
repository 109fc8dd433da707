// Quantised rows times 2 to 32 rows of x on tensor cores: codes are expanded in registers, once for all rows of x.
#pragma once

#include "args.h"
#include "attention.cuh"
#include "block.cuh"
#include "vocabulary.cuh"

namespace mlx_device {

/** Words of codes as pairs of 16-bit floats, exactly; and x in the order that the pairs are in. A word gives
 * 16 / kBits steps of a product of 16 codes, four of them from each lane of a quad. */
template <class T, int kBits>
struct CodePairs {
  static constexpr bool kBrain = Same<T, bfloat_t>::value;
  static constexpr int kPairs = 16 / kBits;  // in a word
  static constexpr unsigned kOne = kBrain ? 0x3f803f80u : 0x3c003c00u;

  static void expand(unsigned word, unsigned (&pairs)[kPairs]) {
    if constexpr (kBits == 8) {
      if constexpr (kBrain) {
        // Through float: a byte below the exponent of 2^23 is 2^23 + byte.
        float f[4];
#pragma unroll
        for (int i = 0; i < 4; ++i) f[i] = __uint_as_float(0x4b000000u | (word >> 8 * i & 0xffu)) - 8388608.0f;
        pairs[0] = pack_bfloat2(f[0], f[2]);
        pairs[1] = pack_bfloat2(f[1], f[3]);
      } else {
        pairs[0] = fma_half2((word & 0x00ff00ffu) | 0x64006400u, kOne, 0xe400e400u);
        pairs[1] = fma_half2((word >> 8 & 0x00ff00ffu) | 0x64006400u, kOne, 0xe400e400u);
      }
    } else {
      // Codes below the exponent of 2^7 (2^10 for float16), whose power is then taken away.
      constexpr unsigned kMask = ((1u << kBits) - 1) * 0x00010001u;
#pragma unroll
      for (int i = 0; i < kPairs; ++i) {
        unsigned codes = word >> kBits * i & kMask;
        if constexpr (kBrain) {
          pairs[i] = fma_bfloat2(codes | 0x43004300u, kOne, 0xc300c300u);
        } else {
          pairs[i] = fma_half2(codes | 0x64006400u, kOne, 0xe400e400u);
        }
      }
    }
  }
  /** The values of x beside the codes of a word, given two in a register. */
  static void arrange(const unsigned (&x)[kPairs], unsigned (&pairs)[kPairs]) {
#pragma unroll
    for (int i = 0; i < kPairs / 2; ++i) {
      pairs[2 * i] = low_halves(x[i], x[i + kPairs / 2]);
      pairs[2 * i + 1] = high_halves(x[i], x[i + kPairs / 2]);
    }
  }
};

/** N words from memory. */
template <int N>
inline void load_words(const void* p, unsigned (&words)[N]) {
  if constexpr (N % 4 == 0) {
#pragma unroll
    for (int i = 0; i < N / 4; ++i) {
      Raw16 raw = load_16(static_cast<const char*>(p) + 16 * i);
      words[4 * i] = raw.x;
      words[4 * i + 1] = raw.y;
      words[4 * i + 2] = raw.z;
      words[4 * i + 3] = raw.w;
    }
  } else if constexpr (N == 2) {
    Raw8 raw = load_8(p);
    words[0] = raw.x;
    words[1] = raw.y;
  } else {
    words[0] = *static_cast<const unsigned*>(p);
  }
}

/** out[m][n] = x[m] . dequantised row n. A block takes 16 * MT rows of codes and up to 8 * NT rows of x; its 8 warps
 * share the groups between them. A group's sum is scaled in float. */
template <class T, int kBits, int kGroup, int MT, int NT>
inline void quantized_cores(const QuantizedArgs& a) {
  using Pairs = CodePairs<T, kBits>;
  constexpr int kLaneCodes = kGroup / 4, kWords = kLaneCodes * kBits / 32, kWarps = 8;
  constexpr int kPairs = Pairs::kPairs;
  static_assert(kWords >= 1 && kPairs >= 2);
  __shared__ float parts[kWarps][NT * 8][MT * 16 + 1];
  int lane = lane_id(), warp = warp_id();
  int g = lane / 4, t = lane % 4;
  long long batch = blockIdx.z;
  long long first_n = static_cast<long long>(blockIdx.x) * (16 * MT);
  int first_m = static_cast<int>(blockIdx.y) * (8 * NT);
  long long row_bytes = a.k * kBits / 8;
  const char* codes[MT][2];
  long long groups_at[MT][2];
#pragma unroll
  for (int i = 0; i < MT; ++i) {
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      long long n = first_n + 16 * i + 8 * h + g;
      long long row = batch * a.batch_w + (n < a.n ? n : a.n - 1);
      codes[i][h] = static_cast<const char*>(a.codes) + row * row_bytes + t * (kWords * 4);
      groups_at[i][h] = row * a.groups;
    }
  }
  const T* x = static_cast<const T*>(a.x) + batch * a.batch_x;
  bool has_x[NT];
  const T* x_row[NT];
#pragma unroll
  for (int i = 0; i < NT; ++i) {
    int m = first_m + 8 * i + g;
    has_x[i] = m < a.m;
    x_row[i] = x + (has_x[i] ? m : 0) * a.k + t * kLaneCodes;
  }
  float total[MT][NT][4];
#pragma unroll
  for (int i = 0; i < MT; ++i) {
#pragma unroll
    for (int j = 0; j < NT; ++j) {
#pragma unroll
      for (int e = 0; e < 4; ++e) total[i][j][e] = 0.0f;
    }
  }
  const unsigned ones[4] = {Pairs::kOne, Pairs::kOne, Pairs::kOne, Pairs::kOne};
  const int groups = static_cast<int>(a.groups);
  // Codes of the next groups are on their way, and what else the next group needs.
  constexpr int kAhead = kWords * MT <= 4 ? 3 : kWords * MT <= 8 ? 2 : 1;
  constexpr int kLaneX = kLaneCodes / 2;  // words of x that a lane needs for a group
  constexpr bool kAheadX = kLaneX * NT <= 16;
  unsigned codes_ahead[kAhead][MT][2][kWords];
  unsigned x_ahead[NT][kLaneX];
  T scale_ahead[MT][2], bias_ahead[MT][2];
  auto fetch_codes = [&](int group, unsigned (&to)[MT][2][kWords]) {
    if (group >= groups) return;
#pragma unroll
    for (int i = 0; i < MT; ++i) {
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        load_words(codes[i][h] + static_cast<long long>(group) * (kGroup * kBits / 8), to[i][h]);
      }
    }
  };
  auto fetch_x = [&](int group, unsigned (&to)[NT][kLaneX]) {
#pragma unroll
    for (int j = 0; j < NT; ++j) {
#pragma unroll
      for (int w = 0; w < kLaneX; ++w) to[j][w] = 0;
      if (has_x[j] && group < groups) load_words(x_row[j] + group * kGroup, to[j]);
    }
  };
  auto fetch_scales = [&](int group) {
    if (group >= groups) return;
#pragma unroll
    for (int i = 0; i < MT; ++i) {
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        scale_ahead[i][h] = static_cast<const T*>(a.scales)[groups_at[i][h] + group];
        bias_ahead[i][h] = static_cast<const T*>(a.biases)[groups_at[i][h] + group];
      }
    }
  };
  wait_for_inputs();
  let_next_kernel_start();
#pragma unroll
  for (int n = 0; n < kAhead; ++n) fetch_codes(warp + n * kWarps, codes_ahead[n]);
  fetch_scales(warp);
  if (kAheadX) fetch_x(warp, x_ahead);
  for (int group = warp; group < groups; group += kWarps) {
    float scale[MT][2], bias[MT][2];
    unsigned now[MT][2][kWords], x_now[NT][kLaneX];
#pragma unroll
    for (int i = 0; i < MT; ++i) {
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        scale[i][h] = widen<T>(scale_ahead[i][h]);
        bias[i][h] = widen<T>(bias_ahead[i][h]);
#pragma unroll
        for (int w = 0; w < kWords; ++w) {
          now[i][h][w] = codes_ahead[0][i][h][w];
#pragma unroll
          for (int n = 0; n + 1 < kAhead; ++n) codes_ahead[n][i][h][w] = codes_ahead[n + 1][i][h][w];
        }
      }
    }
    fetch_codes(group + kAhead * kWarps, codes_ahead[kAhead - 1]);
    fetch_scales(group + kWarps);
    if constexpr (kAheadX) {
#pragma unroll
      for (int j = 0; j < NT; ++j) {
#pragma unroll
        for (int w = 0; w < kLaneX; ++w) x_now[j][w] = x_ahead[j][w];
      }
      fetch_x(group + kWarps, x_ahead);
    } else {
      fetch_x(group, x_now);
    }
    float dots[MT][NT][4], sums[NT][4];
#pragma unroll
    for (int j = 0; j < NT; ++j) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        sums[j][e] = 0.0f;
#pragma unroll
        for (int i = 0; i < MT; ++i) dots[i][j][e] = 0.0f;
      }
    }
#pragma unroll
    for (int w = 0; w < kWords; ++w) {
      unsigned xp[NT][kPairs];
#pragma unroll
      for (int j = 0; j < NT; ++j) {
        unsigned raw[kPairs];
#pragma unroll
        for (int p = 0; p < kPairs; ++p) raw[p] = x_now[j][w * kPairs + p];
        Pairs::arrange(raw, xp[j]);
#pragma unroll
        for (int p = 0; p < kPairs; p += 2) TensorCore<T>::mma(sums[j], ones, xp[j][p], xp[j][p + 1]);
      }
#pragma unroll
      for (int i = 0; i < MT; ++i) {
        unsigned low[kPairs], high[kPairs];
        Pairs::expand(now[i][0][w], low);
        Pairs::expand(now[i][1][w], high);
#pragma unroll
        for (int p = 0; p < kPairs; p += 2) {
          const unsigned factor[4] = {low[p], high[p], low[p + 1], high[p + 1]};
#pragma unroll
          for (int j = 0; j < NT; ++j) TensorCore<T>::mma(dots[i][j], factor, xp[j][p], xp[j][p + 1]);
        }
      }
    }
#pragma unroll
    for (int i = 0; i < MT; ++i) {
#pragma unroll
      for (int j = 0; j < NT; ++j) {
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          total[i][j][e] = fmaf(scale[i][e / 2], dots[i][j][e], fmaf(bias[i][e / 2], sums[j][e], total[i][j][e]));
        }
      }
    }
  }
#pragma unroll
  for (int i = 0; i < MT; ++i) {
#pragma unroll
    for (int j = 0; j < NT; ++j) {
#pragma unroll
      for (int e = 0; e < 4; ++e) parts[warp][8 * j + 2 * t + e % 2][16 * i + g + e / 2 * 8] = total[i][j][e];
    }
  }
  __syncthreads();
  for (int i = threadIdx.x; i < 16 * MT * 8 * NT; i += kWarps * 32) {
    int n = i % (16 * MT), m = i / (16 * MT);
    if (first_m + m >= a.m || first_n + n >= a.n) continue;
    float sum = 0.0f;
#pragma unroll
    for (int w = 0; w < kWarps; ++w) sum += parts[w][m][n];
    static_cast<T*>(a.out)[batch * a.batch_out + (first_m + m) * a.n + first_n + n] = narrow<T>(sum);
  }
}

}  // namespace mlx_device
