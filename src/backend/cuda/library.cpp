// Opens libcuda, NVRTC and cuBLASLt with dlopen and binds the functions of driver_api.h.
#include "backend/cuda/library.h"

#include <dlfcn.h>

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>

#include "base/environment.h"
#include "base/errors.h"

namespace mlx::core::cuda {

namespace fs = std::filesystem;

namespace {

/** The folder of the shared object that holds this code: the Python package, or the program. */
fs::path own_folder() {
  Dl_info info;
  if (dladdr(reinterpret_cast<void*>(&own_folder), &info) == 0 || info.dli_fname == nullptr)
    return {};
  std::error_code error;
  fs::path path = fs::canonical(info.dli_fname, error);
  if (error) return {};
  fs::path folder = path.parent_path();
  return folder.filename() == "lib" ? folder.parent_path() : folder;  // libmlx.so is in mlx/lib
}

void add_lib_folders(const fs::path& nvidia, std::vector<fs::path>& folders) {
  std::error_code error;
  if (!fs::is_directory(nvidia, error)) return;
  for (const auto& entry : fs::directory_iterator(nvidia, error)) {
    if (fs::is_directory(entry.path() / "lib", error)) folders.push_back(entry.path() / "lib");
  }
}

/** Folders beyond the loader's own search path, most specific first. */
std::vector<fs::path> search_folders() {
  std::vector<fs::path> folders;
  // The package lies in site-packages/mlx, the nvidia-* packages in
  // site-packages/nvidia/<name>/lib.
  for (fs::path at = own_folder(); at.has_relative_path(); at = at.parent_path()) {
    add_lib_folders(at / "nvidia", folders);
  }
  if (auto virtual_env = environment_string("VIRTUAL_ENV")) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(fs::path(*virtual_env) / "lib", error)) {
      add_lib_folders(entry.path() / "site-packages" / "nvidia", folders);
    }
  }
  for (const char* name : {"CUDA_HOME", "CUDA_PATH"}) {
    if (auto home = environment_string(name)) folders.push_back(fs::path(*home) / "lib64");
  }
  folders.push_back("/usr/local/cuda/lib64");
  folders.push_back("/usr/local/nvidia/lib64");
  folders.push_back("/usr/lib/wsl/lib");
  return folders;
}

template <typename Function>
void bind(const Library& library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(library.symbol(name));
  if (function == nullptr) {
    throw_runtime("cuda", "{} has no {}: it is too old, CUDA 12.4 or newer is needed.",
                  library.path(), name);
  }
}

template <typename Api>
class LazyApi {
 public:
  LazyApi(std::vector<std::string> names, const char* missing, void (*fill)(const Library&, Api&))
      : names_(std::move(names)), missing_(missing), fill_(fill) {}

  bool present() {
    open();
    return library_ != nullptr;
  }

  const Api& get() {
    open();
    if (library_ == nullptr) throw std::runtime_error(missing_);
    std::call_once(filled_, [&] { fill_(*library_, api_); });
    return api_;
  }

 private:
  void open() {
    std::call_once(opened_, [&] { library_ = Library::open(names_); });
  }

  std::vector<std::string> names_;
  const char* missing_;
  void (*fill_)(const Library&, Api&);
  std::once_flag opened_;
  std::once_flag filled_;
  Library* library_ = nullptr;
  Api api_{};
};

void fill_driver(const Library& lib, DriverApi& api) {
  bind(lib, "cuInit", api.init);
  bind(lib, "cuGetErrorName", api.get_error_name);
  bind(lib, "cuGetErrorString", api.get_error_string);
  bind(lib, "cuDriverGetVersion", api.driver_get_version);
  bind(lib, "cuDeviceGetCount", api.device_get_count);
  bind(lib, "cuDeviceGet", api.device_get);
  bind(lib, "cuDeviceGetName", api.device_get_name);
  bind(lib, "cuDeviceGetAttribute", api.device_get_attribute);
  bind(lib, "cuDeviceTotalMem_v2", api.device_total_mem);
  bind(lib, "cuDevicePrimaryCtxRetain", api.primary_ctx_retain);
  bind(lib, "cuCtxSetCurrent", api.ctx_set_current);
  bind(lib, "cuCtxSynchronize", api.ctx_synchronize);
  bind(lib, "cuMemGetInfo_v2", api.mem_get_info);
  bind(lib, "cuMemAlloc_v2", api.mem_alloc);
  bind(lib, "cuMemFree_v2", api.mem_free);
  bind(lib, "cuMemHostAlloc", api.mem_host_alloc);
  bind(lib, "cuMemFreeHost", api.mem_free_host);
  bind(lib, "cuMemcpyHtoDAsync_v2", api.memcpy_htod_async);
  bind(lib, "cuMemcpyDtoHAsync_v2", api.memcpy_dtoh_async);
  bind(lib, "cuMemcpyDtoDAsync_v2", api.memcpy_dtod_async);
  bind(lib, "cuMemsetD8Async", api.memset_d8_async);
  bind(lib, "cuModuleLoadData", api.module_load_data);
  bind(lib, "cuModuleUnload", api.module_unload);
  bind(lib, "cuModuleGetFunction", api.module_get_function);
  bind(lib, "cuFuncSetAttribute", api.func_set_attribute);
  bind(lib, "cuLaunchKernel", api.launch_kernel);
  bind(lib, "cuStreamCreate", api.stream_create);
  bind(lib, "cuStreamDestroy_v2", api.stream_destroy);
  bind(lib, "cuStreamSynchronize", api.stream_synchronize);
  bind(lib, "cuStreamWaitEvent", api.stream_wait_event);
  bind(lib, "cuEventCreate", api.event_create);
  bind(lib, "cuEventDestroy_v2", api.event_destroy);
  bind(lib, "cuEventRecord", api.event_record);
  bind(lib, "cuEventSynchronize", api.event_synchronize);
  bind(lib, "cuEventQuery", api.event_query);
  bind(lib, "cuEventElapsedTime", api.event_elapsed_time);
  bind(lib, "cuGraphCreate", api.graph_create);
  bind(lib, "cuGraphDestroy", api.graph_destroy);
  bind(lib, "cuGraphAddKernelNode_v2", api.graph_add_kernel_node);
  bind(lib, "cuGraphAddMemcpyNode", api.graph_add_memcpy_node);
  bind(lib, "cuGraphAddMemsetNode", api.graph_add_memset_node);
  bind(lib, "cuGraphAddDependencies_v2", api.graph_add_dependencies);
  bind(lib, "cuGraphInstantiateWithFlags", api.graph_instantiate);
  bind(lib, "cuGraphExecKernelNodeSetParams_v2", api.graph_exec_kernel_node_set_params);
  bind(lib, "cuGraphExecMemcpyNodeSetParams", api.graph_exec_memcpy_node_set_params);
  bind(lib, "cuGraphExecMemsetNodeSetParams", api.graph_exec_memset_node_set_params);
  bind(lib, "cuGraphExecDestroy", api.graph_exec_destroy);
  bind(lib, "cuGraphLaunch", api.graph_launch);
  bind(lib, "cuTensorMapEncodeTiled", api.tensor_map_encode_tiled);
}

void fill_nvrtc(const Library& lib, NvrtcApi& api) {
  bind(lib, "nvrtcGetErrorString", api.get_error_string);
  bind(lib, "nvrtcVersion", api.version);
  bind(lib, "nvrtcCreateProgram", api.create_program);
  bind(lib, "nvrtcDestroyProgram", api.destroy_program);
  bind(lib, "nvrtcCompileProgram", api.compile_program);
  bind(lib, "nvrtcGetCUBINSize", api.get_cubin_size);
  bind(lib, "nvrtcGetCUBIN", api.get_cubin);
  bind(lib, "nvrtcGetProgramLogSize", api.get_log_size);
  bind(lib, "nvrtcGetProgramLog", api.get_log);
}

void fill_cublaslt(const Library& lib, CublasLtApi& api) {
  bind(lib, "cublasLtCreate", api.create);
  bind(lib, "cublasLtGetStatusString", api.get_status_string);
  bind(lib, "cublasLtGetVersion", api.get_version);
  bind(lib, "cublasLtMatmul", api.matmul);
  bind(lib, "cublasLtMatmulDescCreate", api.desc_create);
  bind(lib, "cublasLtMatmulDescDestroy", api.desc_destroy);
  bind(lib, "cublasLtMatmulDescSetAttribute", api.desc_set);
  bind(lib, "cublasLtMatrixLayoutCreate", api.layout_create);
  bind(lib, "cublasLtMatrixLayoutDestroy", api.layout_destroy);
  bind(lib, "cublasLtMatrixLayoutSetAttribute", api.layout_set);
  bind(lib, "cublasLtMatmulPreferenceCreate", api.preference_create);
  bind(lib, "cublasLtMatmulPreferenceDestroy", api.preference_destroy);
  bind(lib, "cublasLtMatmulPreferenceSetAttribute", api.preference_set);
  bind(lib, "cublasLtMatmulAlgoGetHeuristic", api.get_heuristic);
}

// Never destroyed: threads may still use them while the process exits.
LazyApi<DriverApi>& driver_api() {
  static auto* api = new LazyApi<DriverApi>({"libcuda.so.1", "libcuda.so"},
                                            "[cuda] the NVIDIA driver (libcuda.so.1) was not "
                                            "found: install NVIDIA's GPU driver, or use mx.cpu.",
                                            fill_driver);
  return *api;
}

LazyApi<NvrtcApi>& nvrtc_api() {
  static auto* api = new LazyApi<NvrtcApi>(
      {"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"},
      "[cuda] NVRTC (libnvrtc.so), which compiles the GPU kernels, was not found: "
      "`pip install nvidia-cuda-nvrtc` or install the CUDA toolkit.",
      fill_nvrtc);
  return *api;
}

LazyApi<CublasLtApi>& cublaslt_api() {
  static auto* api = new LazyApi<CublasLtApi>(
      {"libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so"},
      "[cuda] cuBLASLt (libcublasLt.so), which multiplies matrices on the GPU, was not found: "
      "`pip install nvidia-cublas` or install the CUDA toolkit.",
      fill_cublaslt);
  return *api;
}

}  // namespace

Library* Library::open(const std::vector<std::string>& names) {
  auto try_open = [](const std::string& path) -> Library* {
    void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    return handle == nullptr ? nullptr : new Library(handle, path);
  };
  if (auto chosen = environment_string("MLX_CUDA_LIBRARY_PATH")) {
    for (const auto& name : names) {
      if (Library* library = try_open((fs::path(*chosen) / name).string())) return library;
    }
    if (environment_int("MLX_CUDA_LIBRARY_ONLY").value_or(0) != 0) return nullptr;
  }
  for (const auto& name : names) {
    if (Library* library = try_open(name)) return library;
  }
  for (const auto& folder : search_folders()) {
    for (const auto& name : names) {
      if (Library* library = try_open((folder / name).string())) return library;
    }
  }
  return nullptr;
}

void* Library::symbol(const char* name) const { return dlsym(handle_, name); }

const DriverApi& driver() {
  static const DriverApi& api = driver_api().get();
  return api;
}

const NvrtcApi& nvrtc() {
  static const NvrtcApi& api = nvrtc_api().get();
  return api;
}

const CublasLtApi& cublaslt() {
  static const CublasLtApi& api = cublaslt_api().get();
  return api;
}

bool has_driver() { return driver_api().present(); }
bool has_nvrtc() { return nvrtc_api().present(); }
bool has_cublaslt() { return cublaslt_api().present(); }

void check(CuResult result, const char* doing) {
  if (result == kCudaSuccess) [[likely]]
    return;
  const char* name = nullptr;
  const char* text = nullptr;
  driver().get_error_name(result, &name);
  driver().get_error_string(result, &text);
  throw_runtime("cuda", "{} failed: {} ({}).", doing, text == nullptr ? "unknown error" : text,
                name == nullptr ? "?" : name);
}

void check_lt(LtStatus status, const char* doing) {
  if (status == 0) [[likely]]
    return;
  throw_runtime("cuda", "{} failed in cuBLASLt: {}.", doing, cublaslt().get_status_string(status));
}

}  // namespace mlx::core::cuda
