// Host cost of the graph: building nodes, scheduling, fusing and running tiny ops.
#include <chrono>
#include <cstdio>

#include "mlx/mlx.h"

using namespace mlx::core;

namespace {

double microseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
      .count();
}

}  // namespace

int main() {
  array x({1.0f, 2.0f, 3.0f, 4.0f});
  array y({1.0f, 1.0f, 1.0f, 1.0f});
  constexpr int kOps = 1000;
  for (int round = 0; round < 5; ++round) {
    auto start = std::chrono::steady_clock::now();
    array z = x;
    for (int i = 0; i < kOps; ++i) z = add(z, y);
    double build = microseconds_since(start) / kOps;
    start = std::chrono::steady_clock::now();
    eval(z);
    double run = microseconds_since(start) / kOps;
    start = std::chrono::steady_clock::now();
    for (int i = 0; i < kOps; ++i) add(x, y).eval();
    double single = microseconds_since(start) / kOps;
    std::printf("chain of adds on [4]: build %.3f us, eval %.3f us an op; add + eval %.3f us\n",
                build, run, single);
  }
}
