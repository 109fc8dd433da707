// Times the sorting kernels and the random bits.
#include <chrono>
#include <cstdio>
#include <functional>
#include <random>
#include <vector>

#include "backend/cpu/random.h"
#include "backend/cpu/sort.h"
#include "base/thread_pool.h"

using namespace mlx::core;

namespace {

void time(const char* what, int repeats, const std::function<void()>& run) {
  double best = 1e30;
  for (int i = 0; i < repeats + 1; ++i) {
    auto start = std::chrono::steady_clock::now();
    run();
    double ms =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
    if (i > 0 && ms < best) best = ms;
  }
  std::printf("%-34s %9.3f ms\n", what, best);
}

}  // namespace

int main() {
  std::printf("threads: %d\n", num_threads());
  constexpr int64_t kLarge = 16 << 20;
  std::mt19937 generator(1);
  std::normal_distribution<float> normal;
  std::vector<float> in(kLarge), out(kLarge);
  for (float& x : in) x = normal(generator);
  std::vector<uint32_t> positions(kLarge);

  time("sort 1M float32", 8, [&] { cpu::sort_row(float32, in.data(), out.data(), 1000000); });
  time("sort 16M float32", 2, [&] { cpu::sort_row(float32, in.data(), out.data(), 16000000); });
  time("argsort 1M float32", 8,
       [&] { cpu::argsort_row(float32, in.data(), positions.data(), 1000000); });
  auto rows = [&](int n, bool last) {
    ShapeElem dim = 4096;
    int64_t outer = last ? 4096 : 1, inner = last ? 1 : 4096;
    return cpu::AxisRows{{dim}, {outer}, {outer}, n, inner, inner};
  };
  time("sort rows of 4096^2", 2,
       [&] { cpu::sort_rows(float32, rows(4096, true), in.data(), out.data()); });
  time("sort columns of 4096^2", 2,
       [&] { cpu::sort_rows(float32, rows(4096, false), in.data(), out.data()); });
  time("argsort rows of 4096^2", 2,
       [&] { cpu::argsort_rows(float32, rows(4096, true), in.data(), positions.data()); });
  cpu::AxisRows small{{1 << 20}, {16}, {16}, 16, 1, 1};
  time("sort 1M rows of 16", 2, [&] { cpu::sort_rows(float32, small, in.data(), out.data()); });
  cpu::AxisRows middle{{1 << 18}, {64}, {64}, 64, 1, 1};
  time("sort 256k rows of 64", 2, [&] { cpu::sort_rows(float32, middle, in.data(), out.data()); });

  uint32_t key[2] = {0, 42};
  time("random bits 16M words", 5, [&] { cpu::random_bits(key, 1, positions.data(), 4 * kLarge); });
  std::vector<uint32_t> keys(1 << 20, 3);
  time("random bits 512k keys of 16 words", 5,
       [&] { cpu::random_bits(keys.data(), 1 << 19, positions.data(), 64); });
}
