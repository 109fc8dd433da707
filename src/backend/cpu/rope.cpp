// Rotary position encoding on the CPU: the angles of a position are computed once and serve all
// heads.
#include "backend/cpu/rope.h"

#include <cmath>
#include <vector>

#include "backend/cpu/rope_kernels.h"
#include "backend/cpu/rows.h"
#include "backend/cpu/simd/streaming.h"
#include "base/dispatch.h"
#include "base/thread_pool.h"
#include "mlx/primitives/rope.h"

namespace mlx::core::cpu {

namespace {

std::vector<int64_t> integers(const array& a) {
  array values = row_contiguous(a);
  std::vector<int64_t> result(values.size());
  dispatch_dtype(values.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_integral_v<T>) {
      std::copy_n(values.data<T>(), values.size(), result.begin());
    }
  });
  return result;
}

/** The angle of feature pair i at position 1. */
std::vector<float> angular_frequencies(const array* periods, int half, float base) {
  std::vector<float> result(half);
  if (periods != nullptr) {
    array values = row_contiguous(*periods);
    for (int i = 0; i < half; ++i) result[i] = 1.0f / values.data<float>()[i];
  } else {
    for (int i = 0; i < half; ++i) {
      result[i] = static_cast<float>(std::exp(-i * std::log(static_cast<double>(base)) / half));
    }
  }
  return result;
}

// inputs: x of shape (batch, ..., positions, features), offset (one or one per batch), [periods].
void eval_rope(const Primitive& primitive, const std::vector<array>& inputs,
               std::vector<array>& outputs) {
  auto [unused, dims, traditional, base, scale, forward] =
      static_cast<const fast::RoPE&>(primitive).state();
  array& out = outputs[0];
  allocate_like(inputs[0], out);
  if (out.size() == 0) return;
  Rows rows = as_rows(inputs[0]);
  const int half = dims / 2;
  const int64_t positions = out.shape(-2);
  auto offsets = integers(inputs[1]);
  auto frequencies = angular_frequencies(inputs.size() > 2 ? &inputs[2] : nullptr, half, base);
  const int64_t tables = static_cast<int64_t>(offsets.size());
  std::vector<float> cosines(tables * positions * half);
  std::vector<float> sines(cosines.size());
  parallel_rows(tables * positions, 8 * half,
                [&, scale = scale, forward = forward](int64_t begin, int64_t end) {
                  std::vector<float> angles(half);
                  for (int64_t i = begin; i < end; ++i) {
                    float position =
                        static_cast<float>(offsets[i / positions] + i % positions) * scale;
                    for (int k = 0; k < half; ++k) angles[k] = position * frequencies[k];
                    cos_sin(angles.data(), half, &cosines[i * half], &sines[i * half]);
                    if (!forward) {
                      for (int k = 0; k < half; ++k) sines[i * half + k] = -sines[i * half + k];
                    }
                  }
                });
  const int64_t rows_per_batch = rows.count / out.shape(0);
  const RopeKernel kernel = rope_kernel(out.dtype());
  const int64_t row_bytes = rows.length * static_cast<int64_t>(out.itemsize());
  char* to = out.data<char>();
  const bool in_place = to == rows.x.data<char>();
  const bool stream = !in_place && uses_streaming_stores(out.nbytes());
  parallel_rows(rows.count, rows.length,
                [&, traditional = traditional](int64_t begin, int64_t end) {
                  for (int64_t i = begin; i < end; ++i) {
                    int64_t table = tables == 1 ? 0 : i / rows_per_batch;
                    int64_t angle = (table * positions + i % positions) * half;
                    kernel(rows.row(i), rows.length, half, &cosines[angle], &sines[angle],
                           traditional, to + i * row_bytes, stream);
                  }
                });
}

}  // namespace

void register_rope(KernelTable& table) { table.add<fast::RoPE>(eval_rope); }

}  // namespace mlx::core::cpu
