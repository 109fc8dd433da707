// Compiles every kernel family and generated tapes by NVRTC for three architectures; needs no GPU.
// Skipped without NVRTC.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>
#include <thread>

#include "backend/cuda/common_kernels.h"
#include "backend/cuda/element.h"
#include "backend/cuda/jit.h"
#include "backend/cuda/library.h"
#include "mlx/primitives.h"

namespace mlx::core::cuda {

namespace {

constexpr const char* kTargets[] = {"sm_80", "sm_90a", "sm_100"};

/** One translation unit of many kernels: NVRTC starts once for all. */
std::string joined(const std::vector<KernelText>& texts, size_t first, size_t last) {
  std::string text;
  for (size_t i = first; i < last; ++i) text += texts[i].source;
  return text;
}

}  // namespace

TEST(Nvrtc, CompilesAllKernelsForAllTargets) {
  if (!has_nvrtc()) GTEST_SKIP() << "NVRTC is not installed";
  auto texts = common_kernels();
  ASSERT_GT(texts.size(), 300u);
  std::map<std::string, std::string> distinct;
  for (auto& text : texts) distinct.emplace(text.name, text.source);
  texts.clear();
  for (auto& [name, source] : distinct) texts.push_back({name, source});
  // With MLX_TEST_ALL_KERNELS=1 every instance (two minutes); else a sample of neighbours, which
  // reaches each family.
  const bool all = std::getenv("MLX_TEST_ALL_KERNELS") != nullptr;
  for (const char* target : kTargets) {
    size_t step = all ? 1 : std::string(target) == "sm_90a" ? 3 : 9;
    std::vector<KernelText> some;
    for (size_t i = 0; i < texts.size(); i += step) some.push_back(texts[i]);
    for (size_t first = 0; first < some.size(); first += 40) {
      size_t last = std::min(some.size(), first + 40);
      std::string cubin;
      ASSERT_NO_THROW(cubin = compile_cubin(joined(some, first, last), some[first].name, target))
          << target << " from " << some[first].name;
      EXPECT_EQ(cubin.substr(1, 3), "ELF");
    }
  }
}

TEST(Nvrtc, CompilesGeneratedTapes) {
  if (!has_nvrtc()) GTEST_SKIP() << "NVRTC is not installed";
  std::mt19937 generator(5);
  auto pick = [&](int n) { return static_cast<int>(generator() % n); };
  std::string all;
  for (int round = 0; round < 12; ++round) {
    Tape tape;
    tape.num_inputs = 1 + pick(4);
    Dtype dtype = round % 3 == 0 ? bfloat16 : round % 3 == 1 ? float32 : float64;
    for (int i = 0; i < 5; ++i) {
      TapeInstruction step;
      bool two = pick(2) == 1;
      step.op = static_cast<uint16_t>(two ? op_index<Multiply>() : op_index<Sin>());
      step.num_sources = two ? 2 : 1;
      step.source_dtype = step.dtype = dtype;
      step.sources = {pick(tape.num_values()), pick(tape.num_values()), 0};
      tape.instructions.push_back(step);
    }
    tape.outputs = {tape.num_values() - 1, tape.num_inputs};
    TapeLayout layout;
    layout.is_flat = pick(2) == 0;
    layout.vector = 1 << pick(3);
    layout.ndim = 1 + pick(4);
    layout.wide_index = pick(2) == 1;
    layout.input_dtypes.assign(tape.num_inputs, dtype);
    layout.output_dtypes = {dtype, dtype};
    const Access kinds[] = {Access::vector, Access::constant, Access::scalar, Access::repeated,
                            Access::strided};
    for (int i = 0; i < tape.num_inputs; ++i)
      layout.access.push_back(kinds[pick(layout.is_flat ? 3 : 5)]);
    all += tape_kernel_source(fmt::format("generated_{}", round), tape, layout);
  }
  for (const char* target : kTargets)
    EXPECT_NO_THROW(compile_cubin(all, "generated", target)) << target;
}

TEST(Nvrtc, ReportsTheLogOfBrokenText) {
  if (!has_nvrtc()) GTEST_SKIP() << "NVRTC is not installed";
  try {
    compile_cubin("this is not C++", "broken", "sm_80");
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("broken"), std::string::npos);
  }
}

TEST(CubinCache, KeepsWholeFilesOnly) {
  auto folder = (std::filesystem::temp_directory_path() / "mlx-cubin-cache-test").string();
  std::filesystem::remove_all(folder);
  EXPECT_EQ(cubin_cache::load(folder, "key"), "");
  std::string cubin(100000, 'x');
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] { cubin_cache::store(folder, "key", cubin); });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(cubin_cache::load(folder, "key"), cubin);
  auto path = std::filesystem::path(folder) / "key.cubin";
  std::filesystem::resize_file(path, 5000);  // damaged: as if it were not there
  EXPECT_EQ(cubin_cache::load(folder, "key"), "");
  cubin_cache::store(folder, "key", cubin);
  EXPECT_EQ(cubin_cache::load(folder, "key"), cubin);
  std::filesystem::remove_all(folder);
}

}  // namespace mlx::core::cuda
