// Scratch memory of kernels, from the caching allocator so that large blocks are not faulted in
// anew.
#pragma once

#include <cstdint>

#include "mlx/allocator.h"

namespace mlx::core::cpu {

/** Room for `count` uninitialised elements. */
template <typename T>
class Scratch {
 public:
  explicit Scratch(int64_t count)
      : data_(allocator::malloc(static_cast<size_t>(count) * sizeof(T))) {}
  T* get() { return static_cast<T*>(data_.buffer().raw_ptr()); }
  T& operator[](int64_t i) { return get()[i]; }

 private:
  allocator::Data data_;
};

}  // namespace mlx::core::cpu
