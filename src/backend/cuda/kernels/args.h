// What kernels are launched with: one struct each, read by the host code and by NVRTC alike.
#pragma once

namespace mlx_device {

constexpr int kMaxDims = 10;
constexpr int kMaxTapeInputs = 16;
constexpr int kMaxTapeOutputs = 8;

constexpr int kMostStored = 256;

/** A few bytes from the host. */
struct StoreArgs {
  void* out;
  int size;
  unsigned char bytes[kMostStored];
};

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

/** A reduction of an element tape's value, computed from these inputs. */
struct TapeReduceArgs {
  ReduceArgs reduce;
  const void* in[kMaxTapeInputs];
  unsigned long long constants[kMaxTapeInputs];
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

/** out[b][m][n] = alpha * dot(w[b][n], x[b][m]) + beta * c: products with few rows of x. */
struct DotArgs {
  const void* w;  // rows of k elements
  const void* x;  // rows of k elements
  const void* c;
  void* out;
  long long m;
  long long n;
  long long k;
  long long w_stride;  // elements between rows
  long long x_stride;
  long long out_n_stride;
  long long out_m_stride;
  long long c_n_stride;
  long long c_m_stride;
  long long batch_w;  // elements between batches
  long long batch_x;
  long long batch_out;
  long long batch_c;
  float alpha;
  float beta;
};

/** Codes, scales and biases of quantised rows, and what they are multiplied with. */
struct QuantizedArgs {
  const void* x;
  const void* codes;
  const void* scales;
  const void* biases;
  void* out;
  long long m;
  long long n;
  long long k;
  long long groups;  // of a row; or of all, for quantize and dequantize
  long long batch_x;
  long long batch_w;  // rows between matrices
  long long batch_out;
};

struct QuantizeArgs {
  const void* values;
  void* codes;
  void* scales;
  void* biases;
  long long groups;
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
  long long offset;   // the one for all, when offsets is null
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

/** softmax(scale * q k^T + mask) v. Strides in elements, of batch, head and position; features are
 * neighbours. */
struct AttentionArgs {
  const void* q;
  const void* k;
  const void* v;
  const void* mask;   // of the scores' shape, or null
  const void* sinks;  // one score a query head, or null
  void* out;          // row-major
  float* partial;     // decode: [rows, splits, width + 2] when the keys are split
  long long q_strides[3];
  long long k_strides[3];
  long long v_strides[3];
  long long mask_strides[4];
  long long sinks_stride;
  int heads;
  int group;  // query heads a key head
  int queries;
  int keys;
  int features;  // of q and k
  int width;     // of v
  int splits;
  int split_keys;  // keys in a split
  int row_groups;  // decode: pieces that the rows of a key head are cut into
  float scale;
  int causal;
};

/** What the driver encodes of an array, for copies of tiles by Hopper's copy engine. */
struct alignas(64) TensorMap {
  unsigned char opaque[128];
};

/** Attention by tiles that the copy engine fetches. */
struct AttentionHopperArgs {
  TensorMap q_map;
  TensorMap k_map;
  TensorMap v_map;
  AttentionArgs a;
  int query_blocks;
  int section;  // heads whose keys and values stay in the cache together
  int tiles;    // query_blocks for each head of each batch
};

constexpr int kMaxIndexArrays = 8;

/** Positions named by index arrays (row-major, all of one shape), each with a slice of a source or
 * target. */
struct IndexArgs {
  const void* in;  // gather: the source; scatter: the updates, row-major
  void* out;       // gather: row-major; scatter: the target
  const void* indices[kMaxIndexArrays];
  long long lengths[kMaxIndexArrays];     // of the indexed axes
  long long max_starts[kMaxIndexArrays];  // the last index at which a slice fits; negative: none
  long long axis_strides[kMaxIndexArrays];
  int num_indices;
  long long positions;
  long long slice;              // units of a slice
  long long shape[kMaxDims];    // of the slice, innermost first
  long long strides[kMaxDims];  // of the indexed array
  const void* order;            // scatter: positions sorted by target (uint32)
  const void* keys;             // scatter: where each of them goes, sorted
};

/** Lines along an axis: [pre, length, post]. */
struct AxisArgs {
  const void* in;
  const void* indices;
  void* out;
  long long pre;
  long long length;        // of the indexed axis of the source or target
  long long index_length;  // of the same axis of the indices
  long long post;
};

/** A slice of `out` and the updates for it, innermost first; `starts` (if given) shift it on the
 * device. */
struct SliceArgs {
  const void* in;
  void* out;
  const void* starts;
  long long size;
  long long shape[kMaxDims];
  long long in_strides[kMaxDims];
  long long out_strides[kMaxDims];
  int num_starts;
  long long starts_stride;
  long long start_lengths[kMaxDims];  // the last start that fits
  long long start_axis_lengths[kMaxDims];
  long long start_strides[kMaxDims];  // of the array that is sliced
};

struct RandomArgs {
  const unsigned* keys;
  void* out;
  long long num_keys;
  long long bytes;  // for each key
};

struct ArangeArgs {
  void* out;
  long long size;
  double start;
  double step;
};

/** Rows of keys, and what goes with them. */
struct SortArgs {
  const void* in;  // elements, or keys of the last pass
  void* out;
  const void* indices_in;
  void* indices_out;
  void* counts;        // [rows, 256, blocks]
  const void* values;  // of searchsorted
  long long rows;
  long long n;
  long long blocks;
  int shift;
  int right;
};

}  // namespace mlx_device
