// What becomes of errors of the driver: they raise, name what failed, and the process goes on.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "backend/cuda/library.h"
#include "fake_gpu.h"

namespace mlx::core {

namespace fs = std::filesystem;

namespace {

constexpr int kOutOfMemory = 2;
constexpr int kIllegalAddress = 700;
constexpr int kLaunchFailed = 719;
constexpr int kForever = 1 << 30;

/** Lets calls of the stand-in's driver fail while it lives. */
class Failing {
 public:
  Failing(const char* function, int result, int times) {
    gpu_stream();
    cuda::driver();
    void* library = dlopen(MLX_FAKE_CUDA "/libcuda.so.1", RTLD_NOW | RTLD_NOLOAD);
    set_ = reinterpret_cast<void (*)(const char*, int, int)>(dlsym(library, "mlx_fake_cuda_fail"));
    set_(function, result, times);
  }
  ~Failing() {
    set_("", 0, 0);
    // Errors of work that no one has waited for come out at the next synchronisation.
    for (Stream s : {gpu_stream(), default_stream(Device::cpu)}) {
      try {
        synchronize(s);
      } catch (const std::exception&) {
      }
    }
  }

 private:
  void (*set_)(const char*, int, int);
};

template <typename F>
std::string error_of(F run) {
  try {
    run();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "no error";
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

array one_op(Stream s) { return add(array({1.0f, 2.0f}), array({1.0f, 1.0f}), s); }

void expect_works(Stream s) {
  EXPECT_EQ(values<float>(one_op(s)), (std::vector<float>{2.0f, 3.0f}));
}

/** A process that runs CudaFaults.DISABLED_InAProcess under these settings; its output. */
class Process {
 public:
  explicit Process(const std::string& settings)
      : pipe_(popen((settings + " " + fs::read_symlink("/proc/self/exe").string() +
                     " --gtest_also_run_disabled_tests "
                     "--gtest_filter=CudaFaults.DISABLED_InAProcess 2>&1")
                        .c_str(),
                    "r")) {}
  std::string output() {
    std::string text;
    char buffer[4096];
    while (size_t n = fread(buffer, 1, sizeof(buffer), pipe_)) text.append(buffer, n);
    pclose(pipe_);
    return text;
  }

 private:
  FILE* pipe_;
};

class Folder {
 public:
  explicit Folder(const char* name)
      : path(fs::temp_directory_path() / (name + std::to_string(getpid()))) {
    fs::remove_all(path);
    fs::create_directories(path);
  }
  ~Folder() { fs::remove_all(path); }
  const fs::path path;
};

}  // namespace

TEST(CudaFaults, ABadLaunchRaisesWithTheKernelsName) {
  Stream s = gpu_stream();
  expect_works(s);
  {
    Failing failing("launch", kLaunchFailed, 1);
    std::string error = error_of([&] { one_op(s).eval(); });
    EXPECT_TRUE(holds(error, "store_bytes failed") || holds(error, "tape_")) << error;
  }
  expect_works(s);
}

TEST(CudaFaults, ALostContextRaisesAtEveryUseAndNothingHangs) {
  Stream s = gpu_stream();
  expect_works(s);
  array kept = one_op(s);
  kept.eval();
  {
    Failing failing("*", kIllegalAddress, kForever);
    for (int i = 0; i < 3; ++i) {
      std::string error = error_of([&] { values<float>(one_op(s)); });
      EXPECT_TRUE(holds(error, "CUDA_ERROR_ILLEGAL_ADDRESS")) << error;
    }
    array later = one_op(s);
    error_of([&] { async_eval({later}); });
    EXPECT_NE(error_of([&] { later.wait(); }), "no error");
    EXPECT_NE(error_of([&] { synchronize(s); }), "no error");
    // The CPU is not concerned.
    array cpu = add(array(1.0f), array(2.0f), Device::cpu);
    EXPECT_EQ(cpu.item<float>(), 3.0f);
  }
  expect_works(s);
  EXPECT_EQ(values<float>(kept)[0], 2.0f);
}

TEST(CudaFaults, AFailedGraphRaisesAndIsBuiltAgain) {
  Stream s = gpu_stream();
  auto chain = [&] {
    array x = array({1.0f, 2.0f});
    for (int i = 0; i < 12; ++i) x = sum(add(x, array(1.0f), s), 0, true, s);
    return x;
  };
  auto expected = values<float>(chain());
  for (const char* function : {"graph_instantiate", "graph_launch"}) {
    Failing failing(function, kIllegalAddress, 1);
    error_of([&] { chain().eval(); });
    EXPECT_EQ(values<float>(chain()), expected);
  }
}

TEST(CudaFaults, OutOfMemoryFreesCachesAndTriesAgain) {
  Stream s = gpu_stream();
  one_op(s).eval();
  array first = multiply(ones({1 << 20}, float32, s), array(2.0f), s);
  first.eval();
  first = array(0.0f);
  synchronize(s);
  EXPECT_GT(get_cache_memory(), size_t{1} << 20);
  {
    Failing failing("mem_alloc", kOutOfMemory, 1);
    array other = multiply(ones({3 << 18}, float32, s), array(2.0f), s);
    EXPECT_EQ(values<float>(slice(other, {0}, {1}, s))[0], 2.0f);
  }
  {
    Failing failing("mem_alloc", kOutOfMemory, kForever);
    std::string error = error_of([&] { ones({5 << 20}, float32, s).eval(); });
    EXPECT_TRUE(holds(error, "Unable to allocate")) << error;
    EXPECT_TRUE(holds(error, "in use by arrays")) << error;
  }
  expect_works(s);
}

// What the tests below start; it takes its settings from the environment.
TEST(CudaFaults, DISABLED_InAProcess) {
  Stream s = default_stream(Device::gpu);
  expect_works(s);
  array product = matmul(ones({64, 64}, float32, s), ones({64, 64}, float32, s), s);
  EXPECT_EQ(values<float>(product)[0], 64.0f);
}

TEST(CudaFaults, MissingLibrariesSayWhatToInstall) {
  const std::pair<const char*, const char*> cases[] = {
      {"libcuda.so.1", "NVIDIA's GPU driver"},
      {"libnvrtc.so.13", "pip install nvidia-cuda-nvrtc"},
      {"libcublasLt.so.13", "pip install nvidia-cublas"}};
  for (const auto& [missing, advice] : cases) {
    Folder folder("mlx-missing-");
    for (const auto& [name, unused] : cases) {
      if (name != missing)
        fs::create_symlink(fs::path(MLX_FAKE_CUDA) / "libmlx_fake_cuda.so", folder.path / name);
    }
    Process process("MLX_CUDA_LIBRARY_PATH=" + folder.path.string() +
                    " MLX_CUDA_LIBRARY_ONLY=1 MLX_CUDA_CACHE_DIR=" MLX_FAKE_CUDA_CACHE);
    std::string output = process.output();
    EXPECT_TRUE(holds(output, advice)) << missing << ":\n" << output;
    EXPECT_FALSE(holds(output, "PASSED  ] 1 test")) << output;
  }
}

TEST(CudaFaults, ProcessesShareTheDiskCacheAndDamagedFilesAreCompiledAgain) {
  Folder cache("mlx-cache-");
  const std::string settings =
      "MLX_CUDA_LIBRARY_PATH=" MLX_FAKE_CUDA " MLX_CUDA_CACHE_DIR=" + cache.path.string();
  auto passes = [](const std::string& output) { return holds(output, "PASSED  ] 1 test"); };
  {
    Process first(settings), second(settings), third(settings);
    for (Process* process : {&first, &second, &third}) {
      std::string output = process->output();
      EXPECT_TRUE(passes(output)) << output;
    }
  }
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(cache.path)) {
    EXPECT_EQ(entry.path().extension(), ".cubin") << "left over: " << entry.path();
    files.push_back(entry.path());
  }
  ASSERT_GE(files.size(), 2u);
  std::vector<uintmax_t> sizes;
  for (size_t i = 0; i < files.size(); ++i) {
    sizes.push_back(fs::file_size(files[i]));
    if (i % 2 == 0) {
      fs::resize_file(files[i], sizes[i] / 2);
    } else {
      std::fstream file(files[i], std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(static_cast<std::streamoff>(sizes[i] / 2));
      file.write("damaged", 7);
    }
  }
  Process again(settings);
  std::string output = again.output();
  EXPECT_TRUE(passes(output)) << output;
  for (size_t i = 0; i < files.size(); ++i) EXPECT_EQ(fs::file_size(files[i]), sizes[i]);
}

}  // namespace mlx::core
