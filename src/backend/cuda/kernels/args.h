// What kernels are launched with: one struct each, read by the host code and by NVRTC alike.
#pragma once

namespace mlx_device {

constexpr int kMaxDims = 10;
constexpr int kMaxTapeInputs = 16;
constexpr int kMaxTapeOutputs = 8;

/** Rows of `n` elements. */
struct RowArgs {
  const void* x;
  void* out;
  long long rows;
  long long n;
};

/** [outer, n, inner] reduced over n, which is cut into `splits` chunks: out is [outer, splits,
 * inner]. */
struct ReduceArgs {
  const void* in;
  void* out;
  long long outer;
  long long n;
  long long inner;
  long long splits;
  long long chunk;
};

struct CrossEntropyArgs {
  const void* logits;
  const void* targets;
  const float* cotangent;
  void* out;
  long long n;
};

/** Rows of n elements, each cut into `splits` chunks that start from `carry` (if given), [rows,
 * splits]. */
struct ScanArgs {
  const void* in;
  void* out;
  const void* carry;
  long long outer;
  long long n;
  long long inner;
  long long splits;
  long long chunk;
  int reverse;
  int inclusive;
};

/** Batches of `heads` matrices [positions, n]. */
struct RopeArgs {
  const void* x;
  void* out;
  const float* frequencies;  // of each feature pair; or periods, their inverses
  const void* offsets;
  long long batches;
  long long heads;
  long long positions;
  long long n;
  int half;
  int offset_stride;  // 0: one for all batches
  int frequencies_are_periods;
  float scale;
  float direction;  // 1 or -1
};

struct NormArgs {
  const void* x;
  const void* weight;
  const void* bias;
  void* out;
  long long rows;
  long long n;
  int weight_stride;  // 0 for a scalar
  int bias_stride;
  float eps;
};

struct NormGradArgs {
  const void* x;
  const void* weight;
  const void* cotangent;
  void* grad_x;
  float* partial_weight;  // [blocks, n]
  float* partial_bias;
  long long rows;
  long long n;
  int weight_stride;
  float eps;
};

/** Element tapes over arrays of one layout. Inputs of one element the host holds come as
 * `constants`. */
struct FlatArgs {
  const void* in[kMaxTapeInputs];
  void* out[kMaxTapeOutputs];
  unsigned long long constants[kMaxTapeInputs];
  long long size;
};

/** Element tapes over strided inputs; outputs are row-major. Dimensions are innermost first. */
struct StridedArgs {
  const void* in[kMaxTapeInputs];
  void* out[kMaxTapeOutputs];
  unsigned long long constants[kMaxTapeInputs];
  long long size;
  long long shape[kMaxDims];
  long long strides[kMaxTapeInputs][kMaxDims];  // in elements
};

/** Writes `in`, read row-major under `shape`, at `out` with these strides (in elements, innermost
 * first). */
struct CopyArgs {
  const void* in;
  void* out;
  long long size;
  long long shape[kMaxDims];
  long long in_strides[kMaxDims];
  long long out_strides[kMaxDims];
};

/** Batches of matrices: out[r * out_stride + c] = in[c * in_stride + r]. */
struct TransposeArgs {
  const void* in;
  void* out;
  long long rows;
  long long cols;
  long long in_stride;
  long long out_stride;
  long long batch_shape[kMaxDims];  // innermost first
  long long batch_in_strides[kMaxDims];
  long long batch_out_strides[kMaxDims];
};

}  // namespace mlx_device
