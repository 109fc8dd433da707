// Sorting kernels against std::stable_sort, bit for bit.
#include <gtest/gtest.h>

#include <cstring>
#include <numeric>
#include <random>
#include <vector>

#include "backend/cpu/sort.h"
#include "base/dispatch.h"
#include "base/thread_pool.h"

namespace mlx::core::cpu {
namespace {

template <typename T>
bool goes_before(T a, T b) {
  if constexpr (std::is_same_v<T, complex64_t>) {
    auto is_nan = [](complex64_t x) { return std::isnan(x.real()) || std::isnan(x.imag()); };
    if (is_nan(a) || is_nan(b)) return !is_nan(a) && is_nan(b);
    return a.real() != b.real() ? a.real() < b.real() : a.imag() < b.imag();
  } else if constexpr (std::is_integral_v<T>) {
    return a < b;
  } else {
    double x = static_cast<double>(a), y = static_cast<double>(b);
    if (std::isnan(x) || std::isnan(y)) return !std::isnan(x) && std::isnan(y);
    return x < y;
  }
}

/** Random bytes, or few distinct values with zeros of both signs, NaN and infinities among them. */
template <typename T>
std::vector<T> make_row(int64_t n, int kind, std::mt19937_64& generator) {
  std::vector<T> row(n);
  for (int64_t i = 0; i < n; ++i) {
    uint64_t bits = generator();
    if (kind == 0) {
      std::memcpy(static_cast<void*>(&row[i]), &bits, sizeof(T));
    } else if (kind == 1) {
      float values[] = {0.0f, -0.0f, 1.0f, -1.0f, NAN, -NAN, INFINITY, -INFINITY};
      if constexpr (std::is_integral_v<T>) {
        row[i] = static_cast<T>(bits % 3);
      } else {
        row[i] = static_cast<T>(values[bits % 8]);
      }
    } else {
      row[i] = static_cast<T>(kind == 2 ? i % 100 : -(i % 100));
    }
  }
  return row;
}

template <typename T>
void expect_sorted(const std::vector<T>& row, Dtype dtype) {
  auto n = static_cast<int64_t>(row.size());
  std::vector<uint32_t> expected(n), positions(n);
  std::iota(expected.begin(), expected.end(), 0);
  std::stable_sort(expected.begin(), expected.end(),
                   [&](uint32_t a, uint32_t b) { return goes_before<T>(row[a], row[b]); });
  argsort_row(dtype, row.data(), positions.data(), n);
  ASSERT_EQ(positions, expected) << dtype_name(dtype) << " " << n;
  std::vector<T> values(n), expected_values(n);
  for (int64_t i = 0; i < n; ++i) expected_values[i] = row[expected[i]];
  sort_row(dtype, row.data(), values.data(), n);
  if (n == 0) return;  // memcmp takes no null pointers
  ASSERT_EQ(std::memcmp(values.data(), expected_values.data(), n * sizeof(T)), 0)
      << dtype_name(dtype) << " " << n;
}

TEST(Sort, MatchesStableSortForEveryDtype) {
  std::mt19937_64 generator(7);
  for (int v = 0; v < kNumDtypes; ++v) {
    dispatch_dtype(Dtype(static_cast<Dtype::Val>(v), 0), [&](auto tag) {
      using E = typename decltype(tag)::type;
      using T = std::conditional_t<std::is_same_v<E, bool>, uint8_t, E>;
      Dtype dtype = std::is_same_v<E, bool> ? uint8 : Dtype(static_cast<Dtype::Val>(v), sizeof(T));
      for (int64_t n : {0, 1, 2, 3, 17, 20, 21, 64, 100, 1000, 70000}) {
        for (int kind = 0; kind < 4; ++kind) expect_sorted(make_row<T>(n, kind, generator), dtype);
      }
    });
  }
}

TEST(Sort, LongRowsDoNotDependOnThreads) {
  std::mt19937_64 generator(8);
  for (int64_t n : {kParallelSortLength, (int64_t{1} << 21) + 13}) {
    for (int kind = 0; kind < 3; ++kind) {
      for (int threads : {1, 4}) {
        int previous = set_num_threads(threads);
        expect_sorted(make_row<float>(n, kind, generator), float32);
        if (n == kParallelSortLength) {
          expect_sorted(make_row<float16_t>(n, kind, generator), float16);
          expect_sorted(make_row<int64_t>(n, kind, generator), int64);
        }
        set_num_threads(previous);
      }
    }
  }
}

TEST(Sort, StridedRows) {
  // A (5, 300, 7) array sorted along its middle axis, into a row-major output.
  std::mt19937_64 generator(9);
  auto in = make_row<float>(5 * 300 * 7, 0, generator);
  for (bool to_strided : {true, false}) {
    AxisRows rows{{5, 7}, {2100, 1}, {2100, to_strided ? 1 : 300}, 300, 7, to_strided ? 7 : 1};
    std::vector<float> out(in.size());
    std::vector<uint32_t> positions(in.size());
    sort_rows(float32, rows, in.data(), out.data());
    argsort_rows(float32, rows, in.data(), positions.data());
    for (int i = 0; i < 5; ++i) {
      for (int k = 0; k < 7; ++k) {
        std::vector<float> row(300), sorted(300);
        std::vector<uint32_t> order(300);
        for (int j = 0; j < 300; ++j) row[j] = in[i * 2100 + j * 7 + k];
        sort_row(float32, row.data(), sorted.data(), 300);
        argsort_row(float32, row.data(), order.data(), 300);
        for (int j = 0; j < 300; ++j) {
          int at = to_strided ? i * 2100 + j * 7 + k : i * 2100 + k * 300 + j;
          ASSERT_EQ(std::memcmp(&out[at], &sorted[j], 4), 0);
          ASSERT_EQ(positions[at], order[j]);
        }
      }
    }
  }
}

TEST(Sort, PartitionsHoldAllElements) {
  std::mt19937_64 generator(11);
  for (int64_t n : {600, 5000, 100000}) {
    for (int kind = 0; kind < 4; ++kind) {
      auto row = make_row<float>(n, kind, generator);
      std::vector<float> sorted(n), out(n);
      std::vector<uint32_t> positions(n);
      sort_row(float32, row.data(), sorted.data(), n);
      for (int64_t kth : {int64_t{0}, int64_t{1}, n / 3, n / 2, n - 10, n - 1}) {
        partition_row(float32, row.data(), out.data(), n, kth);
        argpartition_row(float32, row.data(), positions.data(), n, kth);
        for (int64_t i = 0; i < n; ++i) {
          float by_position = row[positions[i]];
          for (float x : {out[i], by_position}) {
            if (i < kth) {
              ASSERT_FALSE(goes_before(sorted[kth], x)) << n << " " << kind << " " << kth;
            } else {
              ASSERT_FALSE(goes_before(x, sorted[kth])) << n << " " << kind << " " << kth;
            }
          }
        }
        std::vector<float> again(n);
        sort_row(float32, out.data(), again.data(), n);
        for (int64_t i = 0; i < n; ++i) {
          ASSERT_FALSE(goes_before(again[i], sorted[i]) || goes_before(sorted[i], again[i]));
        }
        std::sort(positions.begin(), positions.end());
        for (int64_t i = 0; i < n; ++i) ASSERT_EQ(positions[i], i);
      }
    }
  }
}

TEST(Sort, ShortRowsMatchSingleRows) {
  std::mt19937_64 generator(10);
  for (int v = 0; v < kNumDtypes; ++v) {
    dispatch_dtype(Dtype(static_cast<Dtype::Val>(v), 0), [&](auto tag) {
      using E = typename decltype(tag)::type;
      using T = std::conditional_t<std::is_same_v<E, bool>, uint8_t, E>;
      Dtype dtype = std::is_same_v<E, bool> ? uint8 : Dtype(static_cast<Dtype::Val>(v), sizeof(T));
      for (int64_t n : {1, 2, 3, 7, 16, 33, 64, 65}) {
        for (int kind : {0, 1, 2}) {
          constexpr int kRows = 71;
          auto in = make_row<T>(kRows * n, kind, generator);
          std::vector<T> out(in.size()), row(n);
          std::vector<uint32_t> positions(in.size()), order(n);
          // Rows of the input are columns of the output.
          AxisRows rows{{kRows}, {n}, {1}, n, 1, kRows};
          sort_rows(dtype, rows, in.data(), out.data());
          argsort_rows(dtype, rows, in.data(), positions.data());
          for (int r = 0; r < kRows; ++r) {
            sort_row(dtype, in.data() + r * n, row.data(), n);
            argsort_row(dtype, in.data() + r * n, order.data(), n);
            for (int64_t i = 0; i < n; ++i) {
              ASSERT_EQ(std::memcmp(&out[i * kRows + r], &row[i], sizeof(T)), 0)
                  << dtype_name(dtype) << " " << n;
              ASSERT_EQ(positions[i * kRows + r], order[i]) << dtype_name(dtype) << " " << n;
            }
          }
        }
      }
    });
  }
}

}  // namespace
}  // namespace mlx::core::cpu
