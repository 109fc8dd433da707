// named_kernel: get_kernel for places that launch the same few kernels again and again.
#pragma once

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <string>
#include <type_traits>

#include "backend/cuda/jit.h"

namespace mlx::core::cuda {

/** The parts of a kernel's name as numbers; literals by their address. */
using KernelKey = std::array<uint64_t, 8>;

/** The calling thread's kernel for this key, or null when it has none that is loaded. */
const Kernel* recall_kernel(const KernelKey& key);
void remember_kernel(const KernelKey& key, const Kernel& kernel);

/** The kernel whose name is `format` filled with `parts`: numbers, flags and string literals. The
 * name is spelled and looked up only where this thread has not just done so. */
template <typename MakeSource, typename... Parts>
const Kernel& named_kernel(MakeSource&& make_source, const char* format, Parts... parts) {
  static_assert(sizeof...(parts) < std::tuple_size_v<KernelKey>);
  auto word = [](auto part) {
    if constexpr (std::is_pointer_v<decltype(part)>)
      return reinterpret_cast<uint64_t>(part);
    else
      return static_cast<uint64_t>(part);
  };
  const KernelKey key{word(format), word(parts)...};
  if (const Kernel* known = recall_kernel(key)) return *known;
  const std::string name = fmt::format(fmt::runtime(format), parts...);
  const Kernel& kernel = get_kernel(name, [&] { return make_source(name); });
  remember_kernel(key, kernel);
  return kernel;
}

}  // namespace mlx::core::cuda
