// RMS and layer normalisation on the CPU. Gradients of the parameters are summed over fixed groups
// of rows, then over the groups in order.
#include "backend/cpu/norm.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "backend/cpu/norm_kernels.h"
#include "backend/cpu/rows.h"
#include "backend/cpu/simd/streaming.h"
#include "base/thread_pool.h"
#include "mlx/primitives/norm.h"

namespace mlx::core::cpu {

namespace {

/** A parameter of `length` values in the dtype of the kernel, or null for a neutral 0-d one. */
struct Parameter {
  explicit Parameter(const array& a) : values(row_contiguous(a)), given(a.ndim() > 0) {}
  const void* data() const { return given ? values.data<char>() : nullptr; }

  array values;
  bool given;
};

using RowKernel = FunctionRef<void(const char* x, char* out, bool stream)>;

void run_rows(const array& in, array& out, RowKernel kernel) {
  allocate_like(in, out);
  if (out.size() == 0) return;
  Rows rows = as_rows(in);
  const bool in_place = out.data<char>() == rows.x.data<char>();
  const bool stream = !in_place && uses_streaming_stores(out.nbytes());
  const int64_t row_bytes = rows.length * static_cast<int64_t>(out.itemsize());
  char* to = out.data<char>();
  parallel_rows(rows.count, rows.length, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) kernel(rows.row(i), to + i * row_bytes, stream);
  });
}

void eval_rms_norm(const Primitive& primitive, const std::vector<array>& inputs,
                   std::vector<array>& outputs) {
  const float eps = static_cast<const fast::RMSNorm&>(primitive).state().second;
  Parameter weight(inputs[1]);
  const NormKernels& kernels = norm_kernels(outputs[0].dtype());
  const size_t n = inputs[0].shape().back();
  run_rows(inputs[0], outputs[0], [&](const char* x, char* out, bool stream) {
    kernels.rms(x, weight.data(), n, eps, out, stream);
  });
}

void eval_layer_norm(const Primitive& primitive, const std::vector<array>& inputs,
                     std::vector<array>& outputs) {
  const float eps = static_cast<const fast::LayerNorm&>(primitive).state().second;
  Parameter weight(inputs[1]);
  Parameter bias(inputs[2]);
  const NormKernels& kernels = norm_kernels(outputs[0].dtype());
  const size_t n = inputs[0].shape().back();
  run_rows(inputs[0], outputs[0], [&](const char* x, char* out, bool stream) {
    kernels.layer(x, weight.data(), bias.data(), n, eps, out, stream);
  });
}

void store_floats(const float* from, array& out) {
  allocate(out);
  const int64_t n = static_cast<int64_t>(out.size());
  switch (out.dtype().val()) {
    case Dtype::Val::float16:
      for (int64_t i = 0; i < n; ++i) out.data<float16_t>()[i] = float16_t(from[i]);
      break;
    case Dtype::Val::bfloat16:
      for (int64_t i = 0; i < n; ++i) out.data<bfloat16_t>()[i] = bfloat16_t(from[i]);
      break;
    default:
      std::copy_n(from, n, out.data<float>());
  }
}

/** Runs `row(i, sums)` over all rows; `sums` collects `width` floats for the row's group. Returns
 * the total of the groups. */
std::vector<float> sum_over_rows(int64_t rows, int64_t length, int64_t width,
                                 FunctionRef<void(int64_t, float*)> row) {
  constexpr int64_t kMaxGroups = 32;
  int64_t group = std::max(rows_per_task(length), (rows + kMaxGroups - 1) / kMaxGroups);
  int64_t groups = (rows + group - 1) / group;
  std::vector<float> partial(std::max<int64_t>(1, groups) * width, 0.0f);
  parallel_for(groups, [&](int64_t g) {
    for (int64_t i = g * group; i < std::min(rows, (g + 1) * group); ++i) {
      row(i, &partial[g * width]);
    }
  });
  for (int64_t g = 1; g < groups; ++g) {
    for (int64_t i = 0; i < width; ++i) partial[i] += partial[g * width + i];
  }
  partial.resize(width);
  return partial;
}

void eval_rms_norm_vjp(const Primitive& primitive, const std::vector<array>& inputs,
                       std::vector<array>& outputs) {
  const float eps = static_cast<const fast::RMSNormVJP&>(primitive).state().second;
  Rows x = as_rows(inputs[0]);
  Parameter weight(inputs[1]);
  Rows g = as_rows(inputs[2]);
  array& dx = outputs[0];
  allocate(dx);
  const NormKernels& kernels = norm_kernels(dx.dtype());
  const int64_t row_bytes = x.length * static_cast<int64_t>(dx.itemsize());
  char* to = dx.data<char>();
  auto sums =
      sum_over_rows(dx.size() == 0 ? 0 : x.count, x.length, x.length, [&](int64_t i, float* sum) {
        kernels.rms_vjp(x.row(i), weight.data(), g.row(i), x.length, eps, to + i * row_bytes,
                        weight.given ? sum : nullptr);
      });
  if (!weight.given) sums.assign(1, 0.0f);
  store_floats(sums.data(), outputs[1]);
}

void eval_layer_norm_vjp(const Primitive& primitive, const std::vector<array>& inputs,
                         std::vector<array>& outputs) {
  const float eps = static_cast<const fast::LayerNormVJP&>(primitive).state().second;
  Rows x = as_rows(inputs[0]);
  Parameter weight(inputs[1]);
  Parameter bias(inputs[2]);
  Rows g = as_rows(inputs[3]);
  array& dx = outputs[0];
  allocate(dx);
  const NormKernels& kernels = norm_kernels(dx.dtype());
  const int64_t n = x.length;
  const int64_t row_bytes = n * static_cast<int64_t>(dx.itemsize());
  char* to = dx.data<char>();
  auto sums = sum_over_rows(dx.size() == 0 ? 0 : x.count, n, 2 * n, [&](int64_t i, float* sum) {
    kernels.layer_vjp(x.row(i), weight.data(), g.row(i), n, eps, to + i * row_bytes,
                      weight.given ? sum : nullptr, bias.given ? sum + n : nullptr);
  });
  sums.resize(std::max<size_t>(sums.size(), 2), 0.0f);
  const float zero = 0;
  store_floats(weight.given ? sums.data() : &zero, outputs[1]);
  store_floats(bias.given ? sums.data() + n : &zero, outputs[2]);
}

}  // namespace

void register_norm(KernelTable& table) {
  table.add<fast::RMSNorm>(eval_rms_norm);
  table.add<fast::RMSNormVJP>(eval_rms_norm_vjp);
  table.add<fast::LayerNorm>(eval_layer_norm);
  table.add<fast::LayerNormVJP>(eval_layer_norm_vjp);
}

}  // namespace mlx::core::cpu
