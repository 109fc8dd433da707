// Reductions over 16M elements against the read bandwidth.
#include <memory>
#include <vector>

#include "backend/cpu/reduce.h"
#include "timing.h"

using namespace mlx::core;
using namespace mlx::core::cpu;

int main() {
  const int n = 4096;
  const size_t size = size_t{n} * n;
  std::vector<float> data(size);
  for (size_t i = 0; i < size; ++i) data[i] = static_cast<float>((i * 2654435761u) >> 8 & 0xffff);
  std::vector<double> out(n);
  Shape square{n, n};
  Strides rows{n, 1};
  Strides columns{1, n};
  auto run = [&](const char* name, ReduceOp op, Dtype dtype, const Strides& strides,
                 std::vector<bool> reduced) {
    bench::report(name, double(size) * size_of(dtype), [&] {
      reduce(op, false, {data.data(), dtype, square, strides}, reduced, out.data(), dtype);
    });
  };
  run("sum all f32", ReduceOp::sum, float32, rows, {true, true});
  run("sum axis -1 f32", ReduceOp::sum, float32, rows, {false, true});
  run("sum axis 0 f32", ReduceOp::sum, float32, rows, {true, false});
  run("max all f32", ReduceOp::max, float32, rows, {true, true});
  run("max axis -1 f32", ReduceOp::max, float32, rows, {false, true});
  run("max axis 0 f32", ReduceOp::max, float32, rows, {true, false});
  run("sum axis -1 f16", ReduceOp::sum, float16, rows, {false, true});
  run("sum axis -1 bf16", ReduceOp::sum, bfloat16, rows, {false, true});
  run("sum axis 0 bf16", ReduceOp::sum, bfloat16, rows, {true, false});
  run("max axis -1 bf16", ReduceOp::max, bfloat16, rows, {false, true});
  run("sum axis -1 i32", ReduceOp::sum, int32, rows, {false, true});
  run("sum axis -1 i8", ReduceOp::sum, int8, rows, {false, true});
  run("sum axis -1 f32 transposed", ReduceOp::sum, float32, columns, {false, true});
  run("sum axis 0 f32 transposed", ReduceOp::sum, float32, columns, {true, false});
  Shape narrow{n * n / 4, 4};
  Strides narrow_rows{4, 1};
  bench::report("sum axis -1 f32 of [4M, 4]", size * 4.0, [&] {
    static std::vector<float> sums(size / 4);
    reduce(ReduceOp::sum, false, {data.data(), float32, narrow, narrow_rows}, {false, true},
           sums.data(), float32);
  });
  bench::report("sum axis 0 f32 of [4M, 4]", size * 4.0, [&] {
    reduce(ReduceOp::sum, false, {data.data(), float32, narrow, narrow_rows}, {true, false},
           out.data(), float32);
  });
}
