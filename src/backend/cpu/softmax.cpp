// Softmax, logsumexp and cross entropy on the CPU. Rows beyond a segment are cut by length only:
// maximum and sum of each segment first, then the results with the combined ones.
#include "backend/cpu/softmax.h"

#include <cmath>
#include <limits>
#include <memory>

#include "backend/cpu/rows.h"
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

/** The maximum of a row and the sum of exp(x - maximum). */
struct MaxAndSum {
  float max;
  float sum;
};

MaxAndSum segment_state(const SoftmaxKernels& kernels, const char* row, int64_t length,
                        size_t itemsize, int64_t segment) {
  int64_t begin = segment * kSegment;
  MaxAndSum state;
  kernels.max_and_sum(row + begin * itemsize, std::min(kSegment, length - begin), &state.max,
                      &state.sum);
  return state;
}

MaxAndSum merge(const MaxAndSum* states, int64_t count) {
  if (count == 1) return states[0];
  float max = states[0].max;
  for (int64_t i = 1; i < count; ++i) max = std::max(max, states[i].max);
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) {
    // An empty exponential (-inf - -inf) must not turn a good sum into NaN.
    float weight = states[i].max == max ? 1.0f : std::exp(states[i].max - max);
    if (weight != 0 || std::isnan(states[i].sum)) sum += double(weight) * states[i].sum;
  }
  return {max, static_cast<float>(sum)};
}

/** The states of all rows, computed in parallel over rows and segments. */
std::vector<MaxAndSum> row_states(const SoftmaxKernels& kernels, const Rows& rows) {
  const size_t itemsize = rows.x.itemsize();
  const int64_t segments = num_segments(rows.length);
  std::vector<MaxAndSum> states(rows.count * segments);
  if (segments == 1) {
    parallel_rows(rows.count, rows.length, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        states[i] = segment_state(kernels, rows.row(i), rows.length, itemsize, 0);
      }
    });
    return states;
  }
  parallel_for(rows.count * segments, [&](int64_t task) {
    states[task] =
        segment_state(kernels, rows.row(task / segments), rows.length, itemsize, task % segments);
  });
  std::vector<MaxAndSum> merged(rows.count);
  for (int64_t i = 0; i < rows.count; ++i) merged[i] = merge(&states[i * segments], segments);
  return merged;
}

template <typename T>
bool has_nan(const T* row, int64_t length) {
  for (int64_t i = 0; i < length; ++i) {
    if (std::isnan(static_cast<float>(row[i]))) return true;
  }
  return false;
}

float log_of_state(const MaxAndSum& state, const Rows& rows, int64_t i) {
  if (std::isfinite(state.max)) return state.max + std::log(state.sum);
  // All -inf, or some inf: the maximum is the answer unless a NaN hides among them.
  bool nan = dispatch_dtype(rows.x.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_convertible_v<T, float>) {
      return has_nan(reinterpret_cast<const T*>(rows.row(i)), rows.length);
    } else {
      return false;
    }
  });
  return nan ? std::numeric_limits<float>::quiet_NaN() : state.max;
}

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
    parallel_rows(rows.count, rows.length, [&](int64_t begin, int64_t end) {
      auto scratch = std::make_unique_for_overwrite<float[]>(rows.length);
      for (int64_t i = begin; i < end; ++i) {
        kernels.softmax(rows.row(i), rows.length, to + i * rows.length * itemsize, scratch.get(),
                        stream);
      }
    });
    return;
  }
  auto states = row_states(kernels, rows);
  parallel_for(rows.count * segments, [&](int64_t task) {
    int64_t row = task / segments;
    int64_t begin = task % segments * kSegment;
    kernels.scaled_exp(rows.row(row) + begin * itemsize, std::min(kSegment, rows.length - begin),
                       states[row].max, 1.0f / states[row].sum,
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
  auto states = row_states(softmax_kernels(inputs[0].dtype()), rows);
  void* to = out.data<char>();
  for (int64_t i = 0; i < rows.count; ++i) {
    store_as(out.dtype(), to, i, log_of_state(states[i], rows, i));
  }
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
  auto states = row_states(softmax_kernels(inputs[0].dtype()), rows);
  float* to = out.data<float>();
  for (int64_t i = 0; i < rows.count; ++i) {
    to[i] =
        log_of_state(states[i], rows, i) - logit_at(rows, i, class_index(targets, i, rows.length));
  }
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
  parallel_rows(rows.count, rows.length, [&](int64_t begin, int64_t end) {
    std::vector<MaxAndSum> states(num_segments(rows.length));
    for (int64_t i = begin; i < end; ++i) {
      for (size_t s = 0; s < states.size(); ++s) {
        states[s] = segment_state(kernels, rows.row(i), rows.length, itemsize, s);
      }
      MaxAndSum state = merge(states.data(), states.size());
      char* row = to + i * rows.length * itemsize;
      kernels.scaled_exp(rows.row(i), rows.length, state.max, g[i] / state.sum, row, stream);
      int64_t column = class_index(targets, i, rows.length);
      float p = std::exp(logit_at(rows, i, column) - state.max) / state.sum;
      store_as(out.dtype(), row, column, (p - 1.0f) * g[i]);
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
