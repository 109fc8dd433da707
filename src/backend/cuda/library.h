// Finds and opens the NVIDIA libraries at run time: on first use, never at import.
#pragma once

#include <string>
#include <vector>

#include "backend/cuda/driver_api.h"

namespace mlx::core::cuda {

/** A shared library opened for the life of the process. */
class Library {
 public:
  /** Opens the first of `names` found: in $MLX_CUDA_LIBRARY_PATH (and nowhere else if
   * MLX_CUDA_LIBRARY_ONLY=1), where the loader looks, in the folders of the nvidia-* Python
   * packages beside this package, and in the toolkit. Null when none is there. */
  static Library* open(const std::vector<std::string>& names);

  void* symbol(const char* name) const;
  const std::string& path() const { return path_; }

 private:
  Library(void* handle, std::string path) : handle_(handle), path_(std::move(path)) {}

  void* handle_;
  std::string path_;
};

/** Each raises std::runtime_error naming what to install when the library is not there. */
const DriverApi& driver();
const NvrtcApi& nvrtc();
const CublasLtApi& cublaslt();

bool has_driver();
bool has_nvrtc();
bool has_cublaslt();

/** Raises with the driver's name and text of the error; `doing` says what was tried. */
void check(CuResult result, const char* doing);
void check_lt(LtStatus status, const char* doing);

}  // namespace mlx::core::cuda
