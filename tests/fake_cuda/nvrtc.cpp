// The fake NVRTC: kernel text compiled by the host's C++ compiler into a library, which stands for
// the cubin.
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "backend/cuda/driver_api.h"

using namespace mlx::core::cuda;

#define FAKE extern "C" __attribute__((visibility("default")))

namespace fs = std::filesystem;

namespace {

struct Program {
  std::string source;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string log;
  std::string image;
};

Program* of(NvrtcProgram p) { return reinterpret_cast<Program*>(p); }

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

void write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

}  // namespace

FAKE const char* nvrtcGetErrorString(NvrtcResult r) {
  return r == 0 ? "success" : "compilation failed";
}
FAKE NvrtcResult nvrtcVersion(int* major, int* minor) {
  *major = 0;  // no real NVRTC has it, so caches of the two never mix
  *minor = 1;
  return 0;
}
FAKE NvrtcResult nvrtcCreateProgram(NvrtcProgram* out, const char* source, const char*, int count,
                                    const char* const* texts, const char* const* names) {
  auto* program = new Program{source, {}, {}, {}};
  for (int i = 0; i < count; ++i) program->headers.emplace_back(names[i], texts[i]);
  *out = reinterpret_cast<NvrtcProgram>(program);
  return 0;
}
FAKE NvrtcResult nvrtcDestroyProgram(NvrtcProgram* p) {
  delete of(*p);
  return 0;
}
FAKE NvrtcResult nvrtcCompileProgram(NvrtcProgram p, int, const char* const*) {
  Program& program = *of(p);
  if (std::getenv("MLX_FAKE_CUDA_DRY") != nullptr) {
    program.image = "dry";
    return 0;
  }
  std::string folder_name = (fs::temp_directory_path() / "mlx-fake-nvrtc-XXXXXX").string();
  if (mkdtemp(folder_name.data()) == nullptr) return 6;
  fs::path folder = folder_name;
  for (const auto& [name, text] : program.headers) write(folder / name, text);
  for (const char* replaced : {"ptx.cuh", "ptx_hopper.cuh"}) {
    fs::copy_file(fs::path(MLX_FAKE_CUDA_SOURCE) / replaced, folder / replaced,
                  fs::copy_options::overwrite_existing);
  }
  fs::copy_file(fs::path(MLX_FAKE_CUDA_SOURCE) / "prelude.h", folder / "prelude.h");
  write(folder / "kernel.cpp", program.source);
  std::string command =
      "cd " + folder.string() +
      " && g++ -std=c++20 -O1 -w -fPIC -shared -ffp-contract=off -fno-strict-aliasing -mfma -mf16c "
      "-DMLX_EMULATED_KERNEL -include prelude.h -I . kernel.cpp -o kernel.so 2>log";
  int status = std::system(command.c_str());
  program.log = read(folder / "log");
  if (status == 0) {
    std::string library = read(folder / "kernel.so");
    unsigned long size = library.size();
    program.image.assign("FAKECUBI");
    program.image.append(reinterpret_cast<const char*>(&size), 8);
    program.image += library;
  }
  fs::remove_all(folder);
  return status == 0 ? 0 : 6;
}
FAKE NvrtcResult nvrtcGetCUBINSize(NvrtcProgram p, size_t* size) {
  return *size = of(p)->image.size(), 0;
}
FAKE NvrtcResult nvrtcGetCUBIN(NvrtcProgram p, char* out) {
  std::memcpy(out, of(p)->image.data(), of(p)->image.size());
  return 0;
}
FAKE NvrtcResult nvrtcGetProgramLogSize(NvrtcProgram p, size_t* size) {
  return *size = of(p)->log.size() + 1, 0;
}
FAKE NvrtcResult nvrtcGetProgramLog(NvrtcProgram p, char* out) {
  std::memcpy(out, of(p)->log.c_str(), of(p)->log.size() + 1);
  return 0;
}
