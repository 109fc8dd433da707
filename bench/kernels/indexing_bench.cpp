// Times take, scatter-add and their kin through the public operations.
#include <chrono>
#include <cstdio>
#include <functional>
#include <random>
#include <vector>

#include "mlx/array.h"
#include "mlx/ops.h"

using namespace mlx::core;

namespace {

void time(const char* what, const std::function<array()>& make) {
  double best = 1e30;
  for (int i = 0; i < 6; ++i) {
    array result = make();
    auto start = std::chrono::steady_clock::now();
    result.eval();
    double ms =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
    if (i > 0 && ms < best) best = ms;
  }
  std::printf("%-44s %9.3f ms\n", what, best);
}

array random_array(Shape shape, int below, Dtype dtype) {
  static std::mt19937 generator(1);
  size_t size = 1;
  for (auto dim : shape) size *= dim;
  std::vector<int> values(size);
  for (int& value : values) value = static_cast<int>(generator() % below);
  array result(values.data(), shape, dtype);
  result.eval();
  return result;
}

}  // namespace

int main() {
  constexpr int kRows = 1 << 20;
  array table = random_array({kRows, 16}, 1000, float32);
  array rows = random_array({kRows}, kRows, int32);
  array few = random_array({kRows}, 1000, int32);
  array flat = reshape(table, {-1});
  flat.eval();
  time("take 1M random rows of 16 float32", [&] { return take(table, rows, 0); });
  time("take 1M random elements", [&] { return take(flat, rows, 0); });
  time("take 1M columns of a [16, 1M] matrix", [&] {
    return take(reshape(table, {16, kRows}), rows, 1);
  });
  array updates = reshape(table, {kRows, 1, 16});
  updates.eval();
  time("scatter_add 1M rows of 16 into 1M rows",
       [&] { return scatter_add(table, rows, updates, 0); });
  time("scatter_add 1M rows of 16 into 1000 rows", [&] {
    return scatter_add(slice(table, {0, 0}, {1000, 16}), few, updates, 0);
  });
  time("scatter_add of 1 at 1M of 1000 places", [&] {
    return scatter_add(slice(flat, {0}, {1000}), few, broadcast_to(array(1.0f), {kRows, 1}), 0);
  });
  time("scatter (assign) 1M rows of 16", [&] { return scatter(table, rows, updates, 0); });
  array matrix = reshape(table, {4096, 4096});
  array columns = random_array({4096, 4096}, 4096, int32);
  time("take_along_axis -1 of 4096^2", [&] { return take_along_axis(matrix, columns, 1); });
  time("take_along_axis 0 of 4096^2", [&] { return take_along_axis(matrix, columns, 0); });
  time("scatter_add_axis -1 of 4096^2",
       [&] { return scatter_add_axis(matrix, columns, matrix, 1); });
  time("scatter_add_axis 0 of 4096^2",
       [&] { return scatter_add_axis(matrix, columns, matrix, 0); });
  time("slice_update of a quarter of 4096^2", [&] {
    return slice_update(matrix, array(1.0f), Shape{0, 0}, Shape{2048, 2048});
  });
  time("sort 16M", [&] { return sort(flat, 0); });
}
