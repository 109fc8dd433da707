// KernelTable: which function runs a primitive on a device. Each backend fills its table once.
#pragma once

#include <typeindex>
#include <unordered_map>
#include <vector>

#include "mlx/device.h"
#include "mlx/primitives/primitive.h"

namespace mlx::core {

/** Computes `outputs` from evaluated `inputs`: allocates or donates each output's buffer, then
 * fills it (on the CPU) or records the work on the primitive's stream (on the GPU). */
using KernelFn = void (*)(const Primitive& primitive, const std::vector<array>& inputs,
                          std::vector<array>& outputs);

class KernelTable {
 public:
  template <typename P>
  void add(KernelFn kernel) {
    kernels_[std::type_index(typeid(P))] = kernel;
  }
  /** The kernel of every primitive with an element_op(). */
  void set_elementwise(KernelFn kernel) { elementwise_ = kernel; }

  KernelFn find(const Primitive& primitive) const;
  template <typename P>
  bool has() const {
    return kernels_.count(std::type_index(typeid(P))) > 0;
  }

 private:
  std::unordered_map<std::type_index, KernelFn> kernels_;
  KernelFn elementwise_ = nullptr;
};

/** The table of a device type; filled by wiring.cpp on first use. */
KernelTable& kernel_table(Device::DeviceType device);

/** Runs the registered kernel, or raises the "no kernel" error that names op, device and dtypes. */
void run_kernel(Device::DeviceType device, const Primitive& primitive,
                const std::vector<array>& inputs, std::vector<array>& outputs);

/** Defined in wiring.cpp, the only file that names all backends: registers kernels and devices. */
void wire_backends();

}  // namespace mlx::core
