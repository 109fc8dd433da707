// Builds the archive of common GPU kernels:
//   cuda_archive FOLDER ARCH... [--texts RECORDED_FILE] [--if-possible]
// Needs NVRTC (with --if-possible it is no error when there is none), but no GPU. Beside the
// library the archive spares a first run the compilation of these kernels.
#include <atomic>
#include <cstdio>
#include <fstream>
#include <string>
#include <thread>

#include "backend/cuda/common_kernels.h"
#include "backend/cuda/jit.h"
#include "backend/cuda/library.h"

using namespace mlx::core::cuda;

namespace {

constexpr const char* kTitle = "=== ";

/** Texts that programs asked for: a file that tools/record_kernels.py has written, each kernel
 * under a line with its name. */
void add_recorded(const std::string& path, std::vector<KernelText>& texts) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(kTitle)) {
      texts.push_back({line.substr(4), {}});
    } else if (!texts.empty()) {
      texts.back().source += line + "\n";
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: cuda_archive FOLDER ARCH... [--texts FILE] [--if-possible]\n");
    return 2;
  }
  std::string folder = argv[1];
  std::vector<std::string> targets;
  auto texts = common_kernels();
  const size_t built_in = texts.size();
  for (int i = 2; i < argc; ++i) {
    if (std::string(argv[i]) == "--texts" && i + 1 < argc) {
      add_recorded(argv[++i], texts);
    } else if (std::string(argv[i]) == "--if-possible") {
      if (!has_nvrtc()) {
        std::printf("NVRTC is not installed: no archive of GPU kernels is made\n");
        return 0;
      }
    } else {
      targets.emplace_back(argv[i]);
    }
  }
  std::atomic<size_t> next{0};
  std::atomic<int> failed{0};
  std::atomic<int> stale{0};
  const size_t total = texts.size() * targets.size();
  auto work = [&] {
    for (size_t i = next++; i < total; i = next++) {
      const KernelText& text = texts[i % texts.size()];
      const std::string& target = targets[i / texts.size()];
      std::string key = cubin_cache::archive_key(text.source, target);
      if (!cubin_cache::load(folder, key).empty()) continue;
      try {
        cubin_cache::store(folder, key, compile_cubin(text.source, text.name, target));
      } catch (const std::exception& error) {
        // A recorded text may be older than the kernel it calls: nothing will look for it.
        ++(i % texts.size() < built_in ? failed : stale);
        std::fprintf(stderr, "%s\n", error.what());
      }
    }
  };
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < std::max(1u, std::thread::hardware_concurrency()); ++t)
    threads.emplace_back(work);
  for (auto& thread : threads) thread.join();
  std::printf("%zu kernels for %zu targets, %d failed, %d recorded texts out of date\n",
              texts.size(), targets.size(), failed.load(), stale.load());
  return failed == 0 ? 0 : 1;
}
