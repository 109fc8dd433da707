// Times the block kernels on data in the first-level cache: nanoseconds for 16 elements.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "backend/cpu/element/kernels.h"

using namespace mlx::core;
using namespace mlx::core::cpu;

int main(int argc, char** argv) {
  constexpr int kSize = 512, kRounds = 20000;
  std::vector<double> a(kSize), b(kSize), c(kSize);
  for (Dtype dtype : {float32, float16, bfloat16}) {
    std::vector<float> x(kSize);
    for (int i = 0; i < kSize; ++i)
      x[static_cast<size_t>(i)] = 0.01f * static_cast<float>(i) + 0.1f;
    const void* source = x.data();
    find_block_kernel(op_index<AsType>(), float32, dtype)(a.data(), &source, kSize, nullptr);
    find_block_kernel(op_index<AsType>(), float32, dtype)(b.data(), &source, kSize, nullptr);
    for (int i = 0; i < static_cast<int>(OpList::size); ++i) {
      int op = i;
      BlockKernel kernel = find_block_kernel(op, dtype, block_kernel_result(op, dtype));
      if (kernel == nullptr || op == op_index<Select>()) continue;
      if (argc > 1 && std::string(element_op_name(i)) != argv[1]) continue;
      const void* sources[] = {a.data(), b.data()};
      auto start = std::chrono::steady_clock::now();
      for (int r = 0; r < kRounds; ++r) kernel(c.data(), sources, kSize, nullptr);
      std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - start;
      printf("%-10s %-14s %7.2f ns\n", std::string(dtype_name(dtype)).c_str(), element_op_name(i),
             time.count() / kRounds / kSize * 16);
    }
  }
}
