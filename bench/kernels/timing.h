// Timing of kernels: the median of several runs, with one thread and with all.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "base/thread_pool.h"

namespace mlx::core::bench {

template <typename F>
double median_ms(F&& f, int runs = 9) {
  std::vector<double> times;
  for (int i = 0; i < runs + 1; ++i) {
    auto start = std::chrono::steady_clock::now();
    f();
    std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
    if (i > 0) times.push_back(time.count());
  }
  std::nth_element(times.begin(), times.begin() + times.size() / 2, times.end());
  return times[times.size() / 2];
}

/** Prints the time with all threads and with one, and the rate of `bytes` moved. */
template <typename F>
void report(const char* name, double bytes, F&& f, int runs = 9) {
  double all = median_ms(f, runs);
  int threads = set_num_threads(1);
  double one = median_ms(f, std::max(3, runs / 3));
  set_num_threads(threads);
  std::printf("%-34s %8.3f ms  %6.1f GB/s   one thread %8.3f ms  (x%.2f)\n", name, all,
              bytes / all / 1e6, one, one / all);
  std::fflush(stdout);
}

}  // namespace mlx::core::bench
