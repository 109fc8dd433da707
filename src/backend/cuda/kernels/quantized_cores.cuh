// Quantised rows times 2 to 32 rows of x on tensor cores: codes are expanded in registers, once for all rows of x.
#pragma once

#include "args.h"
#include "attention.cuh"
#include "block.cuh"
#include "vocabulary.cuh"

namespace mlx_device {

/** Words of codes as pairs of 16-bit floats, and x in the order that the pairs are in. A code's bits become the top of a
 * mantissa, so that kOffset + code is read; what that adds to a product is taken away with the bias. A byte is longer
 * than a mantissa of bfloat16 allows: its halves go through two products. */
template <class T, int kBits>
struct CodePairs {
  static constexpr bool kBrain = Same<T, bfloat_t>::value;
  static constexpr int kParts = kBrain && kBits == 8 ? 2 : 1;
  static constexpr int kField = kBits / kParts;
  static constexpr int kPairs = 16 / kBits;    // of codes in a word
  static constexpr int kFields = 16 / kField;  // of fields: each pair's parts, the low one first
  static constexpr unsigned kOne = kBrain ? 0x3f803f80u : 0x3c003c00u;
  static constexpr int kMantissa = kBrain ? 7 : 10;
  static constexpr int kPlace = kMantissa - kField;
  static constexpr unsigned kMask = ((1u << kField) - 1) << kPlace;
  static constexpr unsigned kBase = ((kBrain ? 127u : 15u) + kField) << kMantissa;
  static constexpr float kOffset = kParts == 2 ? 16.0f + 16.0f * 16.0f : static_cast<float>(1 << kBits);

  /** `base` is kBase twice. */
  static void expand(unsigned word, unsigned base, unsigned (&fields)[kFields]) {
#pragma unroll
    for (int i = 0; i < kFields; ++i) {
      int shift = kField * i - kPlace;
      unsigned moved = shift >= 0 ? word >> shift : word << -shift;
      fields[i] = (moved & kMask * 0x00010001u) | base;
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

/** N words from memory; those of codes are read once. */
template <int N, bool kOnce = false>
inline void load_words(const void* p, unsigned (&words)[N]) {
  if constexpr (N % 4 == 0) {
#pragma unroll
    for (int i = 0; i < N / 4; ++i) {
      const char* from = static_cast<const char*>(p) + 16 * i;
      Raw16 raw = kOnce ? load_once_16(from) : load_16(from);
      words[4 * i] = raw.x;
      words[4 * i + 1] = raw.y;
      words[4 * i + 2] = raw.z;
      words[4 * i + 3] = raw.w;
    }
  } else if constexpr (N == 2) {
    Raw8 raw = kOnce ? load_once_8(p) : load_8(p);
    words[0] = raw.x;
    words[1] = raw.y;
  } else {
    words[0] = *static_cast<const unsigned*>(p);
  }
}

struct alignas(8) ScaleBias {
  float scale, bias;
};

/** Scales and biases of `rows` rows from `first_row` on, those from `end` on being the last one's; the bias without what
 * an offset of the codes adds. */
template <class T, int N>
inline void stage_scales(const QuantizedArgs& a, long long first_row, long long end, int rows, float offset,
                         ScaleBias* to, int stride) {
  int pieces = static_cast<int>(a.groups) / N;  // of a row
  for (int i = threadIdx.x; i < rows * pieces; i += static_cast<int>(blockDim.x)) {
    int row = i / pieces, piece = i % pieces;
    long long from = (first_row + row < end ? first_row + row : end - 1) * a.groups + piece * N;
    Vec<T, N> scales = load_vec<T, N>(static_cast<const T*>(a.scales) + from);
    Vec<T, N> biases = load_vec<T, N>(static_cast<const T*>(a.biases) + from);
#pragma unroll
    for (int e = 0; e < N; ++e) {
      float scale = widen<T>(scales.v[e]);
      to[row * stride + piece * N + e] = {scale, fmaf(-offset, scale, widen<T>(biases.v[e]))};
    }
  }
}

/** out[m][n] = x[m] . dequantised row n. A block takes 16 * MT rows of codes and up to 8 * NT rows of x; its 8 warps
 * share the groups between them. A group's sum is scaled in float. */
template <class T, int kBits, int kGroup, int MT, int NT>
inline void quantized_cores(const QuantizedArgs& a) {
  using Pairs = CodePairs<T, kBits>;
  constexpr int kLaneCodes = kGroup / 4, kWords = kLaneCodes * kBits / 32, kWarps = 8;
  constexpr int kPairs = Pairs::kPairs, kParts = Pairs::kParts;
  static_assert(kWords >= 1 && kPairs >= 2);
  __shared__ float parts[kWarps][NT * 8][MT * 16 + 1];
  MLX_SHARED_BYTES(shared);
  ScaleBias* scales = reinterpret_cast<ScaleBias*>(shared);  // [16 * MT][stride]
  const int groups = static_cast<int>(a.groups);
  const int stride = groups | 1;  // so that rows lie in banks of their own
  int lane = lane_id(), warp = warp_id();
  int g = lane / 4, t = lane % 4;
  long long batch = blockIdx.z;
  long long first_n = static_cast<long long>(blockIdx.x) * (16 * MT);
  int first_m = static_cast<int>(blockIdx.y) * (8 * NT);
  constexpr int kGroupBytes = kGroup * kBits / 8;
  const char* codes[MT][2];
#pragma unroll
  for (int i = 0; i < MT; ++i) {
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      long long n = first_n + 16 * i + 8 * h + g;
      long long row = batch * a.batch_w + (n < a.n ? n : a.n - 1);
      codes[i][h] = static_cast<const char*>(a.codes) + (row * a.groups + warp) * kGroupBytes + t * (kWords * 4);
    }
  }
  // Rows of x that do not exist are the last one: nobody looks at what comes of them.
  const T* x_row[NT];
#pragma unroll
  for (int i = 0; i < NT; ++i) {
    long long m = first_m + 8 * i + g;
    x_row[i] = static_cast<const T*>(a.x) + batch * a.batch_x + (m < a.m ? m : a.m - 1) * a.k + warp * kGroup +
               t * kLaneCodes;
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
  // Nothing is added, which the compiler cannot know: from a register, one instruction masks codes and adds the base.
  const unsigned base = Pairs::kBase * 0x00010001u + static_cast<unsigned>(a.n >> 62);
  const unsigned ones[4] = {Pairs::kOne, Pairs::kOne, Pairs::kOne, Pairs::kOne};
  // Codes of the next groups are on their way, and x of the next one, as far as registers allow.
  constexpr int kHeld = 2 * MT * kWords;  // registers of a group's codes
  constexpr int kAhead = NT > 2 || kHeld * NT > 16 ? 1 : 2;
  constexpr int kLaneX = kLaneCodes / 2;  // words of x that a lane needs for a group
  constexpr bool kAheadX = kLaneX * NT <= 16;
  unsigned codes_ahead[kAhead][MT][2][kWords];
  unsigned x_ahead[NT][kLaneX];
  auto fetch_codes = [&](int group, int ahead, unsigned (&to)[MT][2][kWords]) {
    if (group >= groups) return;
#pragma unroll
    for (int i = 0; i < MT; ++i) {
#pragma unroll
      for (int h = 0; h < 2; ++h) load_words<kWords, true>(codes[i][h] + ahead * (kWarps * kGroupBytes), to[i][h]);
    }
  };
  auto fetch_x = [&](int group, int ahead, unsigned (&to)[NT][kLaneX]) {
    if (group >= groups) return;
#pragma unroll
    for (int j = 0; j < NT; ++j) load_words(x_row[j] + ahead * (kWarps * kGroup), to[j]);
  };
  wait_for_inputs();
  let_next_kernel_start();
#pragma unroll
  for (int n = 0; n < kAhead; ++n) fetch_codes(warp + n * kWarps, n, codes_ahead[n]);
  if (kAheadX) fetch_x(warp, 0, x_ahead);
  {
    long long first_row = batch * a.batch_w + first_n, end = batch * a.batch_w + a.n;
    if (groups % 8 == 0) {
      stage_scales<T, 8>(a, first_row, end, 16 * MT, Pairs::kOffset, scales, stride);
    } else {
      stage_scales<T, 1>(a, first_row, end, 16 * MT, Pairs::kOffset, scales, stride);
    }
  }
  __syncthreads();
  for (int first = warp; first < groups; first += kAhead * kWarps) {
#pragma unroll
    for (int n = 0; n < kAhead; ++n) {
      const int group = first + n * kWarps;
      if (group >= groups) break;
      unsigned x_now[NT][kLaneX];
      if constexpr (kAheadX) {
#pragma unroll
        for (int j = 0; j < NT; ++j) {
#pragma unroll
          for (int w = 0; w < kLaneX; ++w) x_now[j][w] = x_ahead[j][w];
        }
        fetch_x(group + kWarps, n + 1, x_ahead);
      } else {
        fetch_x(group, n, x_now);
      }
      float dots[kParts][MT][NT][4], sums[NT][4];
#pragma unroll
      for (int j = 0; j < NT; ++j) {
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          sums[j][e] = 0.0f;
#pragma unroll
          for (int i = 0; i < MT; ++i) {
#pragma unroll
            for (int q = 0; q < kParts; ++q) dots[q][i][j][e] = 0.0f;
          }
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
          unsigned low[Pairs::kFields], high[Pairs::kFields];
          Pairs::expand(codes_ahead[n][i][0][w], base, low);
          Pairs::expand(codes_ahead[n][i][1][w], base, high);
#pragma unroll
          for (int p = 0; p < kPairs; p += 2) {
#pragma unroll
            for (int q = 0; q < kParts; ++q) {
              const int one = p * kParts + q, next = one + kParts;
              const unsigned factor[4] = {low[one], high[one], low[next], high[next]};
#pragma unroll
              for (int j = 0; j < NT; ++j) TensorCore<T>::mma(dots[q][i][j], factor, xp[j][p], xp[j][p + 1]);
            }
          }
        }
      }
      fetch_codes(group + kAhead * kWarps, n + kAhead, codes_ahead[n]);
#pragma unroll
      for (int i = 0; i < MT; ++i) {
        ScaleBias factors[2] = {scales[(16 * i + g) * stride + group], scales[(16 * i + 8 + g) * stride + group]};
#pragma unroll
        for (int j = 0; j < NT; ++j) {
#pragma unroll
          for (int e = 0; e < 4; ++e) {
            float dot = dots[0][i][j][e];
            if constexpr (kParts == 2) dot = fmaf(16.0f, dots[kParts - 1][i][j][e], dot);
            ScaleBias f = factors[e / 2];
            total[i][j][e] = fmaf(f.scale, dot, fmaf(f.bias, sums[j][e], total[i][j][e]));
          }
        }
      }
    }
#pragma unroll
    for (int i = 0; i < MT; ++i) {
#pragma unroll
      for (int h = 0; h < 2; ++h) codes[i][h] += kAhead * kWarps * kGroupBytes;
    }
#pragma unroll
    for (int j = 0; j < NT; ++j) x_row[j] += kAhead * kWarps * kGroup;
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
