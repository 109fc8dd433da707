// Lookup of kernels, and the defaults of Primitive::eval_cpu and eval_gpu that use it.
#include "runtime/kernel_table.h"

#include <array>
#include <cstdint>
#include <string>

#include "base/errors.h"

namespace mlx::core {

namespace {
KernelTable tables[2];
}  // namespace

KernelFn KernelTable::find(const Primitive& primitive) const {
  if (primitive.element_op() >= 0 && elementwise_ != nullptr) return elementwise_;
  // A type's name has one address (or a few), which is quicker to look up than its characters.
  struct Known {
    const KernelTable* table = nullptr;
    const char* name = nullptr;
    KernelFn kernel = nullptr;
  };
  static thread_local std::array<Known, 64> known;
  const char* name = typeid(primitive).name();
  Known& place = known[(reinterpret_cast<uintptr_t>(name) >> 3) % known.size()];
  if (place.table == this && place.name == name) return place.kernel;
  auto found = kernels_.find(std::type_index(typeid(primitive)));
  if (found == kernels_.end()) return nullptr;  // it may be registered later
  place = {this, name, found->second};
  return found->second;
}

KernelTable& kernel_table(Device::DeviceType device) {
  return tables[device == Device::cpu ? 0 : 1];
}

void run_kernel(Device::DeviceType device, const Primitive& primitive,
                const std::vector<array>& inputs, std::vector<array>& outputs) {
  wire_backends();
  KernelFn kernel = kernel_table(device).find(primitive);
  if (kernel == nullptr) {
    std::string dtypes;
    for (const auto& input : inputs) {
      dtypes += fmt::format("{}{}", dtypes.empty() ? "" : ", ", dtype_name(input.dtype()));
    }
    throw_runtime(primitive.name(), "No kernel for the {} with inputs of type ({}).",
                  device == Device::cpu ? "CPU" : "GPU", dtypes);
  }
  kernel(primitive, inputs, outputs);
}

void Primitive::eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) {
  run_kernel(Device::cpu, *this, inputs, outputs);
}

void Primitive::eval_gpu(const std::vector<array>& inputs, std::vector<array>& outputs) {
  run_kernel(Device::gpu, *this, inputs, outputs);
}

}  // namespace mlx::core
