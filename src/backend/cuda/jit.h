// Kernels from text: compiled by NVRTC for the GPU at hand, kept in memory, on disk and in a
// prebuilt archive.
#pragma once

#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include "backend/cuda/driver_api.h"
#include "base/function_ref.h"

namespace mlx::core::cuda {

/** A text file built into the library: device code, or an element formula header. */
struct KernelFile {
  std::string_view name;  // as an #include names it
  std::string_view text;
};

/** The embedded files, generated at build time from kernels/ and include/mlx/formulas/. */
std::vector<KernelFile> kernel_files();

/** Every kernel is `extern "C" __global__ void NAME(Args)` with one struct by value. It is loaded
 * (and compiled, if need be) in the background, several at a time. */
class Kernel {
 public:
  const std::string& name() const { return name_; }
  /** The loaded function, ready to be launched with this much dynamic shared memory; waits for it
   * and rethrows the error of loading it. */
  CuFunction function(size_t shared_bytes) const;
  bool is_loaded() const { return function_.load(std::memory_order_acquire) != nullptr; }

 private:
  friend class KernelLoader;
  std::string name_;
  std::atomic<CuFunction> function_{nullptr};
  // What has been asked for: without asking, static and dynamic memory together get 48 KB.
  mutable std::atomic<size_t> shared_limit_{0};
};

/** The entry point of one instance: `body` is a device function template taking `args_type`. */
std::string kernel_entry(std::string_view name, std::string_view body, std::string_view args_type,
                         int max_threads, int min_blocks = 1);

/** The kernel called `name`. `make_source` is asked for its text the first time in this process;
 * the kernel may still be loading when this returns. Threads may call this at the same time; the
 * result lives as long as the process. */
const Kernel& get_kernel(const std::string& name, FunctionRef<std::string()> make_source);

/** Compiles to a cubin, without caches and without a GPU. Raises with NVRTC's log when it fails. */
std::string compile_cubin(const std::string& source, const std::string& name,
                          const std::string& arch);

namespace cubin_cache {

/** What names a compiled text: a digest of source, embedded files, options, architecture and
 * NVRTC's version. */
std::string key(const std::string& source, const std::string& arch);
/** The same for the archive, which serves whichever NVRTC is installed. */
std::string archive_key(const std::string& source, const std::string& arch);

/** The cubin stored in `folder` under `key`; empty when absent or damaged. */
std::string load(const std::string& folder, const std::string& key);

/** Writes beside and renames, so that other processes see all or nothing. A failure to write is no
 * error. */
void store(const std::string& folder, const std::string& key, const std::string& cubin);

}  // namespace cubin_cache

}  // namespace mlx::core::cuda
