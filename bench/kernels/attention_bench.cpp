// Times attention and quantised products through the public API.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "mlx/mlx.h"
#include "mlx/ops/attention.h"

using namespace mlx::core;

namespace {

double now() {
  using Clock = std::chrono::steady_clock;
  return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}

template <typename F>
double best_seconds(F&& f) {
  f();
  double best = 1e9;
  double end = now() + 0.3;
  for (int i = 0; i < 50 && (i < 3 || now() < end); ++i) {
    double start = now();
    f();
    best = std::min(best, now() - start);
  }
  return best;
}

array filled(Shape shape, Dtype dtype) {
  size_t size = 1;
  for (int d : shape) size *= d;
  std::vector<float> values(size);
  for (size_t i = 0; i < size; ++i) values[i] = static_cast<float>(i * 7919 % 1009) / 504 - 1;
  array a(values.begin(), shape, dtype);
  a.eval();
  return a;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) set_num_threads(std::stoi(argv[1]));
  for (Dtype dtype : {float32, float16, bfloat16}) {
    array q = filled({1, 32, 1024, 128}, dtype);
    double prefill =
        best_seconds([&] { fast::scaled_dot_product_attention(q, q, q, 0.088f, "causal").eval(); });
    array k = filled({1, 8, 4096, 128}, dtype);
    array one = filled({1, 32, 1, 128}, dtype);
    double decode =
        best_seconds([&] { fast::scaled_dot_product_attention(one, k, k, 0.088f).eval(); });
    fmt::print(
        "attention {:>8}: causal 1x32x1024x128 {:7.2f} ms, decode 4096 keys 32/8 {:6.3f} ms\n",
        dtype_name(dtype), prefill * 1e3, decode * 1e3);
  }
  array w = filled({4096, 4096}, float32);
  for (int bits : {4, 8}) {
    auto parts = quantize(w, 64, bits);
    eval(parts);
    double pack = best_seconds([&] { eval(quantize(w, 64, bits)); });
    double expand =
        best_seconds([&] { dequantize(parts[0], parts[1], parts[2], 64, bits).eval(); });
    fmt::print("{} bits 4096^2: quantize {:6.2f} ms, dequantize {:6.2f} ms\n", bits, pack * 1e3,
               expand * 1e3);
    for (Dtype dtype : {float32, float16, bfloat16}) {
      array s = astype(parts[1], dtype);
      array b = astype(parts[2], dtype);
      eval(s, b);
      for (int m : {1, 4, 8, 64, 512}) {
        array x = filled({m, 4096}, dtype);
        double t =
            best_seconds([&] { quantized_matmul(x, parts[0], s, b, true, 64, bits).eval(); });
        const double bytes = parts[0].nbytes() + s.nbytes() + b.nbytes();
        fmt::print("  {:>8} {:>3} rows: {:8.3f} ms  {:6.1f} GB/s  {:6.1f} GFLOP/s\n",
                   dtype_name(dtype), m, t * 1e3, bytes / t * 1e-9,
                   2.0 * m * 4096 * 4096 / t * 1e-9);
      }
    }
  }
  return 0;
}
