// NVRTC compilation and the caches of its results.
#include "backend/cuda/jit.h"

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <sstream>
#include <thread>
#include <unordered_map>

#include "backend/cuda/device.h"
#include "backend/cuda/kernel_memo.h"
#include "backend/cuda/library.h"
#include "base/environment.h"
#include "base/errors.h"

namespace mlx::core::cuda {

namespace fs = std::filesystem;

namespace {

// A formula says where a fused multiply-add is wanted; the compiler must not (design: same bits).
constexpr const char* kOptions[] = {"--std=c++20", "--fmad=false",
                                    "--device-as-default-execution-space"};

uint64_t fnv1a(std::string_view text, uint64_t hash) {
  for (unsigned char c : text) hash = (hash ^ c) * 0x100000001b3ull;
  return hash;
}

/** 128 bits as hexadecimal digits. */
std::string digest(const std::vector<std::string_view>& parts) {
  uint64_t low = 0xcbf29ce484222325ull;
  uint64_t high = 0x84222325cbf29ce4ull;
  for (auto part : parts) {
    low = fnv1a("\x1f", fnv1a(part, low));
    high = fnv1a("\x1e", fnv1a(part, high ^ (low >> 7)));
  }
  return fmt::format("{:016x}{:016x}", high, low);
}

const std::string& embedded_digest() {
  static const std::string* value = [] {
    std::vector<std::string_view> parts;
    for (const auto& file : kernel_files()) {
      parts.push_back(file.name);
      parts.push_back(file.text);
    }
    return new std::string(digest(parts));
  }();
  return *value;
}

const std::string& nvrtc_version() {
  static const std::string* value = [] {
    int major = 0;
    int minor = 0;
    nvrtc().version(&major, &minor);
    return new std::string(fmt::format("{}.{}", major, minor));
  }();
  return *value;
}

std::string cache_folder() {
  if (auto chosen = environment_string("MLX_CUDA_CACHE_DIR")) return *chosen;
  if (auto cache = environment_string("XDG_CACHE_HOME")) return *cache + "/mlx/cuda";
  if (auto home = environment_string("HOME")) return *home + "/.cache/mlx/cuda";
  return (fs::temp_directory_path() / "mlx-cuda-cache").string();
}

/** Kernels compiled when the package was built, beside the library. */
std::string archive_folder() {
  Dl_info info;
  if (dladdr(reinterpret_cast<void*>(&archive_folder), &info) == 0 || info.dli_fname == nullptr)
    return {};
  fs::path folder = fs::path(info.dli_fname).parent_path();
  if (folder.filename() == "lib") folder = folder.parent_path();  // libmlx.so lies in mlx/lib
  return (folder / "cuda_archive").string();
}

/** When MLX_CUDA_RECORD_DIR is set, keeps each text asked for: the input of the archive builder. */
void record_source(const std::string& name, const std::string& source) {
  static const auto folder = environment_string("MLX_CUDA_RECORD_DIR");
  if (!folder) return;
  std::error_code error;
  fs::create_directories(*folder, error);
  std::ofstream(fs::path(*folder) / (name + ".cu")) << source;
}

std::string find_or_compile(const std::string& name, const std::string& source) {
  const std::string& arch = gpu_device().arch;
  record_source(name, source);
  static const std::string archive = archive_folder();
  static const std::string folder = cache_folder();
  std::string cubin = cubin_cache::load(archive, cubin_cache::archive_key(source, arch));
  if (!cubin.empty()) return cubin;
  std::string key = cubin_cache::key(source, arch);
  cubin = cubin_cache::load(folder, key);
  if (!cubin.empty()) return cubin;
  cubin = compile_cubin(source, name, arch);
  cubin_cache::store(folder, key, cubin);
  return cubin;
}

}  // namespace

std::string kernel_entry(std::string_view name, std::string_view body, std::string_view args_type,
                         int max_threads, int min_blocks) {
  return fmt::format(
      "extern \"C\" __global__ void __launch_bounds__({3}, {4}) {0}(const __grid_constant__ {2} "
      "args) {{ {1}(args); "
      "}}\n"
      "MLX_KERNEL_ENTRY({0}, {2})\n",
      name, body, args_type, max_threads, min_blocks);
}

/** Loads kernels on threads of their own, so that those a program needs at the same time are
 * compiled at the same time. Lives as long as the process: other threads may launch while it exits.
 */
class KernelLoader {
 public:
  static KernelLoader& instance() {
    static auto* loader = new KernelLoader;
    return *loader;
  }

  const Kernel& get(const std::string& name, FunctionRef<std::string()> make_source) {
    Entry* entry = nullptr;
    {
      std::shared_lock lock(table_mutex_);
      auto found = kernels_.find(name);
      if (found != kernels_.end()) entry = found->second.get();
    }
    if (entry == nullptr) {
      std::unique_lock lock(table_mutex_);
      auto& slot = kernels_[name];
      if (slot == nullptr) {
        slot = std::make_unique<Entry>();
        slot->kernel.name_ = name;
      }
      entry = slot.get();
    }
    if (entry->kernel.function_.load(std::memory_order_acquire) == nullptr)
      start(*entry, make_source);
    return entry->kernel;
  }

  CuFunction wait(const Kernel& kernel) {
    std::unique_lock lock(mutex_);
    Entry& entry = *kernels_entry(kernel);
    changed_.wait(lock, [&] { return !entry.is_loading; });
    if (CuFunction function = kernel.function_.load(std::memory_order_acquire)) return function;
    if (entry.error) std::rethrow_exception(entry.error);
    throw_internal("a kernel is launched that nobody has asked for");
  }

 private:
  struct Entry {
    Kernel kernel;
    bool is_loading = false;
    std::exception_ptr error;  // of the last attempt; the next request tries again
  };

  KernelLoader() {
    // A compiler must not be at work while the process takes its libraries down.
    std::atexit([] {
      KernelLoader& loader = instance();
      std::unique_lock lock(loader.mutex_);
      loader.changed_.wait_for(lock, std::chrono::seconds(10),
                               [&] { return loader.num_threads_ == 0; });
    });
  }

  // Entries begin with their kernel.
  static Entry* kernels_entry(const Kernel& kernel) {
    return reinterpret_cast<Entry*>(const_cast<Kernel*>(&kernel));
  }

  void start(Entry& entry, FunctionRef<std::string()> make_source) {
    {
      std::lock_guard lock(mutex_);
      if (entry.is_loading || entry.kernel.function_.load() != nullptr) return;
      entry.is_loading = true;
    }
    try {
      std::string source = make_source();
      std::unique_lock lock(mutex_);
      if (num_threads_ < max_threads_) {
        ++num_threads_;
        lock.unlock();
        std::thread([this, &entry, source = std::move(source)] {
          load(entry, source);
          std::lock_guard done(mutex_);
          --num_threads_;
          changed_.notify_all();
        }).detach();
      } else {
        lock.unlock();
        load(entry, source);
      }
    } catch (...) {
      finish(entry, nullptr, std::current_exception());
    }
  }

  void load(Entry& entry, const std::string& source) {
    try {
      const std::string& name = entry.kernel.name_;
      make_current();
      std::string cubin = find_or_compile(name, source);
      CuModule module = nullptr;
      CuFunction function = nullptr;
      check(driver().module_load_data(&module, cubin.data()), "loading a kernel");
      check(driver().module_get_function(&function, module, name.c_str()), "finding a kernel");
      finish(entry, function, nullptr);
    } catch (...) {
      finish(entry, nullptr, std::current_exception());
    }
  }

  void finish(Entry& entry, CuFunction function, std::exception_ptr error) {
    std::lock_guard lock(mutex_);
    entry.error = std::move(error);
    entry.kernel.function_.store(function, std::memory_order_release);
    entry.is_loading = false;
    changed_.notify_all();
  }

  const unsigned max_threads_ = std::max(2u, std::thread::hardware_concurrency());
  std::shared_mutex table_mutex_;
  std::unordered_map<std::string, std::unique_ptr<Entry>> kernels_;
  std::mutex mutex_;  // of what follows and of entries
  std::condition_variable changed_;
  unsigned num_threads_ = 0;
};

CuFunction Kernel::function(size_t shared_bytes) const {
  CuFunction function = function_.load(std::memory_order_acquire);
  if (function == nullptr) function = KernelLoader::instance().wait(*this);
  if (shared_bytes > shared_limit_.load(std::memory_order_relaxed)) {
    make_current();
    check(driver().func_set_attribute(function, kFunctionMaxDynamicShared,
                                      static_cast<int>(shared_bytes)),
          "raising the shared memory limit of a kernel");
    shared_limit_.store(shared_bytes, std::memory_order_relaxed);
  }
  return function;
}

const Kernel& get_kernel(const std::string& name, FunctionRef<std::string()> make_source) {
  return KernelLoader::instance().get(name, make_source);
}

namespace {

struct RecentKernel {
  KernelKey key{};
  const Kernel* kernel = nullptr;
};

RecentKernel& recent_kernel(const KernelKey& key) {
  constexpr int kBits = 8;
  thread_local std::array<RecentKernel, size_t{1} << kBits> recent;
  uint64_t hash = 0;
  for (uint64_t word : key) hash = (hash ^ word) * 0x9e3779b97f4a7c15;
  return recent[hash >> (64 - kBits)];
}

}  // namespace

const Kernel* recall_kernel(const KernelKey& key) {
  const RecentKernel& recent = recent_kernel(key);
  // One that is not loaded has to be asked for again: the last attempt may have failed.
  bool known = recent.kernel != nullptr && recent.key == key && recent.kernel->is_loaded();
  return known ? recent.kernel : nullptr;
}

void remember_kernel(const KernelKey& key, const Kernel& kernel) {
  recent_kernel(key) = {key, &kernel};
}

std::string compile_cubin(const std::string& source, const std::string& name,
                          const std::string& arch) {
  const NvrtcApi& api = nvrtc();
  std::vector<std::string> header_texts;
  std::vector<std::string> header_names;
  for (const auto& file : kernel_files()) {
    header_names.emplace_back(file.name);
    header_texts.emplace_back(file.text);
  }
  std::vector<const char*> texts;
  std::vector<const char*> names;
  for (size_t i = 0; i < header_texts.size(); ++i) {
    texts.push_back(header_texts[i].c_str());
    names.push_back(header_names[i].c_str());
  }
  NvrtcProgram program = nullptr;
  auto check_nvrtc = [&](NvrtcResult result, const char* doing) {
    if (result != 0) throw_runtime("cuda", "{} failed: {}.", doing, api.get_error_string(result));
  };
  check_nvrtc(api.create_program(&program, source.c_str(), (name + ".cu").c_str(),
                                 static_cast<int>(texts.size()), texts.data(), names.data()),
              "giving a kernel to NVRTC");
  std::unique_ptr<NvrtcProgram, void (*)(NvrtcProgram*)> owner(
      &program, [](NvrtcProgram* p) { nvrtc().destroy_program(p); });
  std::string arch_option = "--gpu-architecture=" + arch;
  std::vector<const char*> options(std::begin(kOptions), std::end(kOptions));
  options.push_back(arch_option.c_str());
  if (api.compile_program(program, static_cast<int>(options.size()), options.data()) != 0) {
    size_t size = 0;
    api.get_log_size(program, &size);
    std::string log(size, '\0');
    if (size > 0) api.get_log(program, log.data());
    throw_runtime("cuda", "NVRTC could not compile kernel {} for {}; please report this:\n{}", name,
                  arch, log.c_str());
  }
  size_t size = 0;
  check_nvrtc(api.get_cubin_size(program, &size), "reading a compiled kernel");
  std::string cubin(size, '\0');
  check_nvrtc(api.get_cubin(program, cubin.data()), "reading a compiled kernel");
  return cubin;
}

namespace cubin_cache {

namespace {

constexpr char kMagic[8] = {'M', 'L', 'X', 'C', 'U', 'B', '0', '1'};

struct Header {
  char magic[8];
  uint64_t size;
  uint64_t checksum;
};

fs::path file_of(const std::string& folder, const std::string& key) {
  return fs::path(folder) / (key + ".cubin");
}

}  // namespace

namespace {

std::string key_for(const std::string& source, const std::string& arch, std::string_view compiler) {
  std::vector<std::string_view> parts{source, embedded_digest(), arch, compiler};
  parts.insert(parts.end(), std::begin(kOptions), std::end(kOptions));
  return digest(parts);
}

}  // namespace

std::string key(const std::string& source, const std::string& arch) {
  return key_for(source, arch, nvrtc_version());
}

std::string archive_key(const std::string& source, const std::string& arch) {
  // Version 0 is the stand-in of the tests, which can do nothing with real code.
  bool is_real = !nvrtc_version().starts_with("0.");
  return key_for(source, arch, is_real ? "archive" : nvrtc_version());
}

std::string load(const std::string& folder, const std::string& key) {
  std::ifstream file(file_of(folder, key), std::ios::binary);
  Header header{};
  if (!file.read(reinterpret_cast<char*>(&header), sizeof(header))) return {};
  if (std::memcmp(header.magic, kMagic, sizeof(kMagic)) != 0 || header.size > (1ull << 30))
    return {};
  std::string cubin(header.size, '\0');
  if (!file.read(cubin.data(), static_cast<std::streamsize>(cubin.size()))) return {};
  return fnv1a(cubin, 0) == header.checksum ? cubin : std::string{};
}

void store(const std::string& folder, const std::string& key, const std::string& cubin) {
  std::error_code error;
  fs::create_directories(folder, error);
  fs::path target = file_of(folder, key);
  static std::atomic<uint64_t> counter{0};
  fs::path beside = target;
  beside += fmt::format(".{}.{}.part", getpid(), counter.fetch_add(1));
  {
    std::ofstream file(beside, std::ios::binary);
    Header header{{}, cubin.size(), fnv1a(cubin, 0)};
    std::memcpy(header.magic, kMagic, sizeof(kMagic));
    file.write(reinterpret_cast<const char*>(&header), sizeof(header));
    file.write(cubin.data(), static_cast<std::streamsize>(cubin.size()));
    file.close();
    if (!file) {
      fs::remove(beside, error);
      return;
    }
  }
  fs::rename(beside, target, error);
  if (error) fs::remove(beside, error);
}

}  // namespace cubin_cache

}  // namespace mlx::core::cuda
