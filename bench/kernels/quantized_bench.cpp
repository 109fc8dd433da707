// Times products of quantised rows with a vector against plainly reading the same bytes.
#include <fmt/format.h>

#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "backend/cpu/quantized_dot.h"
#include "kernels/timing.h"
#include "mlx/allocator.h"

namespace mlx::core::cpu {
namespace {

constexpr int64_t kRowsPerTask = 16;

/** Zeroed memory as arrays have it. */
class Bytes {
 public:
  explicit Bytes(size_t size) : data_(allocator::malloc(size)) { std::memset(data(), 0, size); }
  uint8_t* data() const { return static_cast<uint8_t*>(data_.buffer().raw_ptr()); }

 private:
  allocator::Data data_;
};

/** Reads rows of two arrays as the product does, and does next to nothing with them. */
uint64_t read_words(const uint8_t* bytes, int64_t count) {
  uint64_t sums[8] = {};
  for (int64_t i = 0; i + 64 <= count; i += 64) {
    uint64_t words[8];
    std::memcpy(words, bytes + i, 64);
    for (int j = 0; j < 8; ++j) sums[j] += words[j];
  }
  return sums[0] + sums[1] + sums[2] + sums[3] + sums[4] + sums[5] + sums[6] + sums[7];
}

void bench(int64_t n, int64_t k, int bits, int group, Dtype x_dtype, Dtype scale_dtype) {
  const QuantizedFormat format{bits, group};
  const int64_t row_bytes = k * bits / 8;
  const int64_t scale_bytes = k / group * static_cast<int64_t>(size_of(scale_dtype));
  std::mt19937 rng(1);
  const Bytes packed(n * row_bytes), scales(n * scale_bytes), biases(n * scale_bytes);
  for (int64_t i = 0; i < n * row_bytes; ++i) packed.data()[i] = static_cast<uint8_t>(rng());
  std::vector<float> x(k), y(n), scratch(prepared_size(k, format));
  std::normal_distribution<float> normal;
  for (float& value : x) value = normal(rng);
  std::vector<uint64_t> sums(n);
  const double bytes = static_cast<double>(n) * (row_bytes + 2 * scale_bytes);
  bench::report(
      fmt::format("{}x{} {}-bit group {} x {} scales {}", n, k, bits, group, x_dtype.size(),
                  scale_dtype.size())
          .c_str(),
      bytes,
      [&] {
        const PreparedVector prepared =
            prepare_vector(x.data(), x_dtype, k, format, scratch.data());
        parallel_ranges(n, kRowsPerTask, [&](int64_t begin, int64_t end) {
          dot_rows(y.data() + begin, prepared, k, packed.data() + begin * row_bytes, row_bytes,
                   scales.data() + begin * scale_bytes, biases.data() + begin * scale_bytes,
                   scale_bytes, scale_dtype, format, end - begin);
        });
      },
      99);
  bench::report(
      "  preparing x", static_cast<double>(k) * 4,
      [&] { prepare_vector(x.data(), x_dtype, k, format, scratch.data()); }, 99);
  bench::report(
      "  reading the same bytes", bytes,
      [&] {
        parallel_ranges(n, kRowsPerTask, [&](int64_t begin, int64_t end) {
          const int64_t rows = end - begin;
          sums[begin] = read_words(packed.data() + begin * row_bytes, rows * row_bytes) +
                        read_words(scales.data() + begin * scale_bytes, rows * scale_bytes) +
                        read_words(biases.data() + begin * scale_bytes, rows * scale_bytes);
        });
      },
      99);
}

}  // namespace
}  // namespace mlx::core::cpu

int main() {
  using namespace mlx::core;
  for (auto [x, scale] : {std::pair{float32, float32},
                          {float32, bfloat16},
                          {float16, float32},
                          {bfloat16, bfloat16}}) {
    cpu::bench(4096, 4096, 4, 64, x, scale);
  }
  cpu::bench(4096, 4096, 4, 32, float32, float32);
  cpu::bench(4096, 4096, 8, 64, float32, float32);
  cpu::bench(4096, 4096, 8, 64, bfloat16, bfloat16);
  return 0;
}
