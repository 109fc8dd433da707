// Softmax, logsumexp and cross entropy on the CPU. Rows beyond a segment are cut by length only:
// shift and sum of each segment first, then the results with the combined ones.
#include "backend/cpu/softmax.h"

#include <cmath>
#include <limits>
#include <memory>

#include "backend/cpu/rows.h"
#include "backend/cpu/scratch.h"
#include "backend/cpu/simd/streaming.h"
#include "backend/cpu/softmax_kernels.h"
#include "base/dispatch.h"
#include "base/thread_pool.h"
#include "mlx/primitives/cross_entropy.h"
#include "mlx/primitives/softmax.h"

namespace mlx::core::cpu {

namespace {

constexpr int64_t kSegment = 65536;

int64_t num_segments(int64_t length) { return (length + kSegment - 1) / kSegment; }

/** For each row a shift, one of its elements, and the sum of exp(x - shift). */
struct RowSums {
  explicit RowSums(int64_t count) : shift(count), sum(count) {}
  Scratch<float> shift;
  Scratch<float> sum;
};

/** Calls body(first, pointers, count) for the rows in [begin, end), a few at a time. */
template <class F>
void for_row_groups(const Rows& rows, int64_t begin, int64_t end, F&& body) {
  const void* pointers[kSoftmaxRows];
  for (int64_t first = begin; first < end; first += kSoftmaxRows) {
    const int64_t count = std::min<int64_t>(kSoftmaxRows, end - first);
    for (int64_t r = 0; r < count; ++r) pointers[r] = rows.row(first + r);
    body(first, pointers, count);
  }
}

/** Calls body(first, pointers, count, scratch) in parallel. */
template <class F>
void parallel_row_groups(const Rows& rows, F&& body) {
  const int64_t grain = (rows_per_task(rows.length) + 7) / 8 * 32;
  parallel_ranges(rows.count, grain, [&](int64_t begin, int64_t end) {
    auto scratch = std::make_unique_for_overwrite<float[]>(softmax_scratch(rows.length));
    for_row_groups(rows, begin, end, [&](int64_t first, const void* const* pointers, int64_t n) {
      body(first, pointers, n, scratch.get());
    });
  });
}

/** The sums of the segments of a long row as one, relative to the largest shift. */
void merge_segments(const float* shifts, const float* sums, int64_t count, float* shift,
                    float* sum) {
  float largest = shifts[0];
  for (int64_t i = 1; i < count; ++i) largest = std::max(largest, shifts[i]);
  double total = 0;
  for (int64_t i = 0; i < count; ++i) {
    // An empty exponential (-inf - -inf) must not turn a good sum into NaN.
    float weight = shifts[i] == largest ? 1.0f : std::exp(shifts[i] - largest);
    if (weight != 0 || std::isnan(sums[i])) total += double(weight) * sums[i];
  }
  *shift = largest;
  *sum = static_cast<float>(total);
}

/** Shift and sum of a row, one segment after the other. */
void segment_sums(const SoftmaxKernels& kernels, const char* row, int64_t length, size_t itemsize,
                  int64_t segment, float* shift, float* sum) {
  const int64_t begin = segment * kSegment;
  const int64_t n = std::min(kSegment, length - begin);
  const void* x = row + begin * static_cast<int64_t>(itemsize);
  std::vector<float> scratch(softmax_sums_scratch(n));
  kernels.sums(&x, 1, n, shift, sum, scratch.data());
}

/** The sums of all rows, computed in parallel over rows and segments. */
RowSums row_sums(const SoftmaxKernels& kernels, const Rows& rows) {
  const int64_t segments = num_segments(rows.length);
  RowSums result(rows.count);
  if (segments == 1) {
    parallel_row_groups(rows, [&](int64_t first, const void* const* pointers, int64_t count,
                                  float* scratch) {
      kernels.sums(pointers, count, rows.length, &result.shift[first], &result.sum[first], scratch);
    });
    return result;
  }
  RowSums parts(rows.count * segments);
  parallel_for(rows.count * segments, [&](int64_t task) {
    segment_sums(kernels, rows.row(task / segments), rows.length, rows.x.itemsize(),
                 task % segments, &parts.shift[task], &parts.sum[task]);
  });
  for (int64_t i = 0; i < rows.count; ++i) {
    merge_segments(&parts.shift[i * segments], &parts.sum[i * segments], segments, &result.shift[i],
                   &result.sum[i]);
  }
  return result;
}

template <typename T>
bool has_nan(const T* row, int64_t length) {
  for (int64_t i = 0; i < length; ++i) {
    if (std::isnan(static_cast<float>(row[i]))) return true;
  }
  return false;
}

/** The logarithms of the sums of exp(x), of rows [begin, end). */
void store_logs(RowSums& sums, const Rows& rows, int64_t begin, int64_t end, float* out) {
  log_of_sums(&sums.shift[begin], &sums.sum[begin], end - begin, out);
  for (int64_t i = begin; i < end; ++i) {
    const float max = sums.shift[i];
    if (std::isfinite(max)) continue;
    // All -inf, or some inf: the maximum is the answer unless a NaN hides among them.
    bool nan = dispatch_dtype(rows.x.dtype(), [&](auto tag) {
      using T = typename decltype(tag)::type;
      if constexpr (std::is_convertible_v<T, float>) {
        return has_nan(reinterpret_cast<const T*>(rows.row(i)), rows.length);
      } else {
        return false;
      }
    });
    out[i - begin] = nan ? std::numeric_limits<float>::quiet_NaN() : max;
  }
}

constexpr int64_t kLogsPerTask = 4096;

void store_as(Dtype dtype, void* to, int64_t i, float value) {
  switch (dtype.val()) {
    case Dtype::Val::float16:
      static_cast<float16_t*>(to)[i] = float16_t(value);
      break;
    case Dtype::Val::bfloat16:
      static_cast<bfloat16_t*>(to)[i] = bfloat16_t(value);
      break;
    default:
      static_cast<float*>(to)[i] = value;
  }
}

void softmax_float64(const Rows& rows, array& out) {
  parallel_rows(rows.count, rows.length, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      auto x = reinterpret_cast<const double*>(rows.row(i));
      double* y = out.data<double>() + i * rows.length;
      double max = -std::numeric_limits<double>::infinity();
      for (int64_t j = 0; j < rows.length; ++j) max = x[j] > max ? x[j] : max;
      double sum = 0;
      for (int64_t j = 0; j < rows.length; ++j) sum += y[j] = std::exp(x[j] - max);
      for (int64_t j = 0; j < rows.length; ++j) y[j] /= sum;
    }
  });
}

void eval_softmax(const Primitive&, const std::vector<array>& inputs, std::vector<array>& outputs) {
  array& out = outputs[0];
  allocate_like(inputs[0], out);
  if (out.size() == 0) return;
  Rows rows = as_rows(inputs[0]);
  if (out.dtype() == float64) return softmax_float64(rows, out);
  const SoftmaxKernels& kernels = softmax_kernels(out.dtype());
  const size_t itemsize = out.itemsize();
  const bool in_place = out.data<char>() == rows.x.data<char>();
  const bool stream = !in_place && uses_streaming_stores(out.nbytes());
  char* to = out.data<char>();
  const int64_t segments = num_segments(rows.length);
  if (segments == 1) {
    parallel_row_groups(
        rows, [&](int64_t first, const void* const* pointers, int64_t count, float* scratch) {
          kernels.softmax(pointers, count, rows.length, to + first * rows.length * itemsize,
                          scratch, stream);
        });
    return;
  }
  RowSums sums = row_sums(kernels, rows);
  parallel_for(rows.count * segments, [&](int64_t task) {
    int64_t row = task / segments;
    int64_t begin = task % segments * kSegment;
    kernels.scaled_exp(rows.row(row) + begin * itemsize, std::min(kSegment, rows.length - begin),
                       sums.shift[row], 1.0f / sums.sum[row],
                       to + (row * rows.length + begin) * itemsize, stream);
  });
}

void eval_logsumexp(const Primitive&, const std::vector<array>& inputs,
                    std::vector<array>& outputs) {
  array& out = outputs[0];
  allocate(out);
  if (out.size() == 0) return;
  Rows rows = as_rows(inputs[0]);
  if (out.dtype() == float64) {
    parallel_rows(rows.count, rows.length, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        auto x = reinterpret_cast<const double*>(rows.row(i));
        double max = -std::numeric_limits<double>::infinity();
        bool nan = false;
        for (int64_t j = 0; j < rows.length; ++j) {
          max = x[j] > max ? x[j] : max;
          nan |= std::isnan(x[j]);
        }
        double sum = 0;
        for (int64_t j = 0; j < rows.length; ++j) sum += std::exp(x[j] - max);
        out.data<double>()[i] = nan                  ? std::numeric_limits<double>::quiet_NaN()
                                : std::isfinite(max) ? max + std::log(sum)
                                                     : max;
      }
    });
    return;
  }
  RowSums sums = row_sums(softmax_kernels(inputs[0].dtype()), rows);
  parallel_ranges(rows.count, kLogsPerTask, [&](int64_t begin, int64_t end) {
    float logs[kLogsPerTask];
    store_logs(sums, rows, begin, end, logs);
    for (int64_t i = begin; i < end; ++i) {
      store_as(out.dtype(), out.data<char>(), i, logs[i - begin]);
    }
  });
}

/** The class of row i, held inside [0, length). */
int64_t class_index(const array& targets, int64_t i, int64_t length) {
  int64_t index = dispatch_dtype(targets.dtype(), [&](auto tag) -> int64_t {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_integral_v<T>)
      return static_cast<int64_t>(targets.data<T>()[i]);
    else
      return 0;
  });
  if (index < 0) index += length;
  return std::min(std::max<int64_t>(index, 0), length - 1);
}

float logit_at(const Rows& rows, int64_t i, int64_t column) {
  const char* p = rows.row(i) + column * static_cast<int64_t>(rows.x.itemsize());
  switch (rows.x.dtype().val()) {
    case Dtype::Val::float16:
      return *reinterpret_cast<const float16_t*>(p);
    case Dtype::Val::bfloat16:
      return *reinterpret_cast<const bfloat16_t*>(p);
    default:
      return *reinterpret_cast<const float*>(p);
  }
}

/** inputs: logits, targets. */
void eval_cross_entropy(const Primitive&, const std::vector<array>& inputs,
                        std::vector<array>& outputs) {
  array& out = outputs[0];
  allocate(out);
  if (out.size() == 0) return;
  Rows rows = as_rows(inputs[0]);
  array targets = row_contiguous(inputs[1]);
  RowSums sums = row_sums(softmax_kernels(inputs[0].dtype()), rows);
  float* to = out.data<float>();
  parallel_ranges(rows.count, kLogsPerTask, [&](int64_t begin, int64_t end) {
    store_logs(sums, rows, begin, end, to + begin);
    for (int64_t i = begin; i < end; ++i) {
      to[i] -= logit_at(rows, i, class_index(targets, i, rows.length));
    }
  });
}

/** inputs: logits, targets, cotangent (float32); the gradient (softmax - one_hot) * cotangent. */
void eval_cross_entropy_vjp(const Primitive&, const std::vector<array>& inputs,
                            std::vector<array>& outputs) {
  array& out = outputs[0];
  allocate(out);
  if (out.size() == 0) return;
  Rows rows = as_rows(inputs[0]);
  array targets = row_contiguous(inputs[1]);
  array cotangent = row_contiguous(inputs[2]);
  const float* g = cotangent.data<float>();
  const SoftmaxKernels& kernels = softmax_kernels(out.dtype());
  const size_t itemsize = out.itemsize();
  const bool stream = uses_streaming_stores(out.nbytes());
  char* to = out.data<char>();
  const int64_t segments = num_segments(rows.length);
  auto finish = [&](int64_t i, float shift, float sum) {
    char* row = to + i * rows.length * itemsize;
    kernels.scaled_exp(rows.row(i), rows.length, shift, g[i] / sum, row, stream);
    int64_t column = class_index(targets, i, rows.length);
    float p = std::exp(logit_at(rows, i, column) - shift) / sum;
    store_as(out.dtype(), row, column, (p - 1.0f) * g[i]);
  };
  if (segments > 1) {
    RowSums sums = row_sums(kernels, rows);
    parallel_for(rows.count, [&](int64_t i) { finish(i, sums.shift[i], sums.sum[i]); });
    return;
  }
  parallel_row_groups(
      rows, [&](int64_t first, const void* const* pointers, int64_t count, float* scratch) {
        // Row by row where rows are long, so that the second pass finds the row in the cache.
        const int64_t step = rows.length < 128 ? count : 1;
        for (int64_t i = 0; i < count; i += step) {
          float shifts[kSoftmaxRows], sums[kSoftmaxRows];
          kernels.sums(pointers + i, step, rows.length, shifts, sums, scratch);
          for (int64_t r = 0; r < step; ++r) finish(first + i + r, shifts[r], sums[r]);
        }
      });
}

}  // namespace

void register_softmax(KernelTable& table) {
  table.add<Softmax>(eval_softmax);
  table.add<LogSumExp>(eval_logsumexp);
  table.add<fast::CrossEntropy>(eval_cross_entropy);
  table.add<fast::CrossEntropyVJP>(eval_cross_entropy_vjp);
}

}  // namespace mlx::core::cpu
