// Measures what this machine can do: memory bandwidth of reading, of a triad with ordinary and with
// non-temporal stores, and OpenBLAS's best sgemm. Prints one JSON object (GB/s and GFLOP/s).
#include <cblas.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace {

constexpr size_t kElements = size_t{1}
                             << 25;  // 128 MB of float32 each: beyond any share of a cache

double seconds_of(const std::function<void()>& work) {
  auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double best_of(int repeats, const std::function<void()>& work) {
  double best = 1e30;
  for (int i = 0; i < repeats; ++i) best = std::min(best, seconds_of(work));
  return best;
}

// Runs body(begin, end) over equal parts, one per thread.
void parallel(int threads, const std::function<void(size_t, size_t)>& body) {
  std::vector<std::thread> pool;
  for (int t = 0; t < threads; ++t) {
    size_t begin = kElements / threads * t;
    size_t end = t + 1 == threads ? kElements : kElements / threads * (t + 1);
    pool.emplace_back(body, begin, end);
  }
  for (auto& thread : pool) thread.join();
}

// Reads four streams at once, prefetching: one stream alone does not keep enough lines in flight.
float read_sum(const float* x, size_t begin, size_t end) {
  typedef float Vector __attribute__((vector_size(64)));
  constexpr int kStreams = 4;
  const size_t part = (end - begin) / kStreams / 32 * 32;
  Vector sums[2 * kStreams] = {};
  for (size_t i = 0; i < part; i += 32) {
    for (int s = 0; s < kStreams; ++s) {
      const Vector* block = reinterpret_cast<const Vector*>(x + begin + s * part + i);
      __builtin_prefetch(block + 32);
      __builtin_prefetch(block + 33);
      sums[2 * s] += block[0];
      sums[2 * s + 1] += block[1];
    }
  }
  float total = 0;
  for (const Vector& sum : sums) {
    for (int k = 0; k < 16; ++k) total += sum[k];
  }
  return total;
}

void triad(float* out, const float* a, const float* b, size_t begin, size_t end) {
  for (size_t i = begin; i < end; ++i) out[i] = a[i] + 3.0f * b[i];
}

void triad_streaming(float* out, const float* a, const float* b, size_t begin, size_t end) {
#if defined(__AVX512F__)
  const __m512 three = _mm512_set1_ps(3.0f);
  for (size_t i = begin; i + 16 <= end; i += 16) {
    __m512 sum =
        _mm512_add_ps(_mm512_loadu_ps(a + i), _mm512_mul_ps(three, _mm512_loadu_ps(b + i)));
    _mm512_stream_ps(out + i, sum);
  }
  _mm_sfence();
#elif defined(__AVX__)
  const __m256 three = _mm256_set1_ps(3.0f);
  for (size_t i = begin; i + 8 <= end; i += 8) {
    __m256 sum =
        _mm256_add_ps(_mm256_loadu_ps(a + i), _mm256_mul_ps(three, _mm256_loadu_ps(b + i)));
    _mm256_stream_ps(out + i, sum);
  }
  _mm_sfence();
#else
  triad(out, a, b, begin, end);
#endif
}

double best_sgemm() {
  double best = 0;
  for (int n : {1024, 2048}) {
    std::vector<float> a(size_t(n) * n, 0.5f), b(size_t(n) * n, 0.25f), c(size_t(n) * n);
    double seconds = best_of(4, [&] {
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1.0f, a.data(), n, b.data(),
                  n, 0.0f, c.data(), n);
    });
    best = std::max(best, 2.0 * n * n * n / seconds / 1e9);
  }
  return best;
}

}  // namespace

int main(int argc, char** argv) {
  int threads = argc > 1 ? std::atoi(argv[1]) : int(std::thread::hardware_concurrency());
  auto make = [&] {
    float* memory = static_cast<float*>(std::aligned_alloc(64, kElements * sizeof(float)));
    parallel(threads, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) memory[i] = float(i % 7);
    });
    return memory;
  };
  float *a = make(), *b = make(), *out = make();
  const double gigabytes = kElements * sizeof(float) / 1e9;
  volatile float sink = 0;
  double read =
      gigabytes / best_of(8, [&] {
        parallel(threads, [&](size_t begin, size_t end) { sink = sink + read_sum(a, begin, end); });
      });
  double ordinary =
      3 * gigabytes / best_of(8, [&] {
        parallel(threads, [&](size_t begin, size_t end) { triad(out, a, b, begin, end); });
      });
  double streaming = 3 * gigabytes / best_of(8, [&] {
                       parallel(threads, [&](size_t begin, size_t end) {
                         triad_streaming(out, a, b, begin, end);
                       });
                     });
  std::printf(
      "{\"threads\": %d, \"read\": %.2f, \"triad\": %.2f, \"triad_streaming\": %.2f, \"sgemm\": "
      "%.1f}\n",
      threads, read, ordinary, streaming, best_sgemm());
}
