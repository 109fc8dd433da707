// Times the matrix product against OpenBLAS (float32) in GFLOP/s.
#include <cblas.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "backend/cpu/gemm/gemm.h"
#include "base/thread_pool.h"

extern "C" void openblas_set_num_threads(int);

namespace mlx::core::cpu {
namespace {

double now() {
  using Clock = std::chrono::steady_clock;
  return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}

template <typename F>
double best_seconds(F&& f) {
  f();
  double best = 1e9;
  double end = now() + 0.25;
  for (int i = 0; i < 50 && (i < 3 || now() < end); ++i) {
    double start = now();
    f();
    best = std::min(best, now() - start);
  }
  return best;
}

// The rate of fused multiply-adds right now: virtual machines change their clock all the time.
double peak_gflops() {
  alignas(64) static float sink[64];
  const int64_t k = 20000;
  static std::vector<float> zeros(64 * 64, 0.0f);
  const auto& kernel = micro_kernel<float>();
  const double flops = 2.0 * kernel.rows * kernel.columns * k * num_threads();
  double best = 1e9;
  for (int i = 0; i < 3; ++i) {
    double start = now();
    parallel_for(num_threads(), [&](int64_t) {
      std::vector<float> c(32 * 64);
      kernel.run(kernel.rows, kernel.columns, k, zeros.data(), 1, 0, zeros.data(), 0, c.data(), 64,
                 false, zeros.data(), 0);
      sink[0] = c[0];
    });
    best = std::min(best, now() - start);
  }
  return flops / best * 1e-9;
}

void bench(int64_t batch, int64_t m, int64_t n, int64_t k, Dtype dtype, bool ta, bool tb,
           bool blas) {
  const size_t size = size_of(dtype);
  std::vector<float> fa(batch * m * k), fb(batch * k * n);
  for (size_t i = 0; i < fa.size(); ++i) fa[i] = float(i % 17) / 17 - 0.5f;
  for (size_t i = 0; i < fb.size(); ++i) fb[i] = float(i % 13) / 13 - 0.5f;
  std::vector<char> a(fa.size() * size), b(fb.size() * size), c(batch * m * n * size);
  if (dtype == float64) {
    std::copy(fa.begin(), fa.end(), reinterpret_cast<double*>(a.data()));
    std::copy(fb.begin(), fb.end(), reinterpret_cast<double*>(b.data()));
  } else {
    convert_from_float(a.data(), dtype, fa.data(), fa.size());
    convert_from_float(b.data(), dtype, fb.data(), fb.size());
  }
  const double flops = 2.0 * batch * m * n * k;
  double peak = 0;
  double share = 0;
  double best_rate = 0;
  double ours = best_seconds([&] {
    peak = peak_gflops();
    double start = now();
    gemm_batch(batch, m, n, k, n, [&](int64_t i) {
      return BatchProduct{{a.data() + i * m * k * size, dtype, ta ? 1 : k, ta ? m : 1},
                          {b.data() + i * k * n * size, dtype, tb ? 1 : n, tb ? k : 1},
                          c.data() + i * m * n * size,
                          {}};
    });
    const double rate = flops / (now() - start) * 1e-9;
    share = std::max(share, rate / std::max(peak, peak_gflops()));
    best_rate = std::max(best_rate, rate);
  });
  ours = flops / best_rate * 1e-9;
  std::string line = fmt::format(
      "{:>4} x {:>5} {:>5} {:>5} {:>8} {}{}: {:8.3f} ms {:7.1f} GFLOP/s, {:3.0f} % of peak", batch,
      m, n, k, dtype_name(dtype), ta ? 'T' : 'N', tb ? 'T' : 'N', ours * 1e3, flops / ours * 1e-9,
      share * 100);
  if (blas && dtype == float32) {
    std::vector<float> out(m * n);
    double theirs = best_seconds([&] {
      for (int64_t i = 0; i < batch; ++i) {
        cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans,
                    m, n, k, 1, fa.data() + i * m * k, ta ? m : k, fb.data() + i * k * n,
                    tb ? k : n, 0, out.data(), n);
      }
    });
    line += fmt::format("   OpenBLAS {:8.3f} ms {:7.1f}", theirs * 1e3, flops / theirs * 1e-9);
  }
  fmt::print("{}\n", line);
}

}  // namespace
}  // namespace mlx::core::cpu

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 1 << 12);
  using namespace mlx::core;
  using namespace mlx::core::cpu;
  const bool blas = argc > 1 && std::string(argv[1]) == "blas";
  if (argc > 2) set_num_threads(std::stoi(argv[2]));
  openblas_set_num_threads(num_threads());
  bench(1, 2048, 2048, 2048, float32, false, false, blas);
  bench(1, 2048, 2048, 2048, float32, false, true, blas);
  bench(1, 2048, 2048, 2048, float16, false, true, false);
  bench(1, 2048, 2048, 2048, mlx::core::bfloat16, false, false, false);
  bench(1, 1024, 1024, 1024, float64, false, false, false);
  bench(1, 512, 512, 512, float32, false, false, blas);
  bench(1, 512, 512, 512, float32, true, false, blas);
  bench(1, 256, 256, 256, float32, false, false, blas);
  bench(1, 300, 500, 700, float32, false, true, blas);
  bench(1, 128, 128, 128, float32, false, false, blas);
  bench(1, 64, 64, 64, float32, false, false, blas);
  bench(32, 256, 256, 256, float32, false, false, blas);
  bench(512, 64, 64, 64, float32, false, false, blas);
  bench(512, 64, 64, 64, float32, false, true, blas);
  bench(1, 4, 4096, 4096, float32, false, true, blas);
  bench(1, 16, 4096, 4096, float32, false, true, blas);
  bench(1, 64, 4096, 4096, mlx::core::bfloat16, false, true, false);
  bench(1, 512, 4096, 4096, float32, false, true, blas);
  for (bool transposed : {false, true}) {
    bench(1, 1, 4096, 4096, float32, false, transposed, false);
    bench(1, 1, 4096, 4096, float16, false, transposed, false);
    bench(1, 1, 4096, 4096, mlx::core::bfloat16, false, transposed, false);
  }
  return 0;
}
