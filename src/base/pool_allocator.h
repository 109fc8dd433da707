// PoolAllocator: memory for small objects that one thread makes and another lets go of, as graph
// nodes are.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <utility>

namespace mlx::core {

constexpr size_t kMostPooledBytes = 1024;

/** Memory for one object of up to kMostPooledBytes bytes; free memory goes from thread to thread in
 * batches. */
void* pool_take(size_t bytes);
void pool_give_back(void* memory, size_t bytes);

template <typename T>
struct PoolAllocator {
  using value_type = T;
  PoolAllocator() = default;
  template <typename U>
  PoolAllocator(const PoolAllocator<U>&) {}

  T* allocate(size_t count) {
    static_assert(sizeof(T) <= kMostPooledBytes && alignof(T) <= alignof(std::max_align_t));
    if (count != 1) return static_cast<T*>(::operator new(count * sizeof(T)));
    return static_cast<T*>(pool_take(sizeof(T)));
  }
  void deallocate(T* memory, size_t count) {
    if (count != 1) return ::operator delete(memory);
    pool_give_back(memory, sizeof(T));
  }
  template <typename U>
  bool operator==(const PoolAllocator<U>&) const {
    return true;
  }
};

/** std::make_shared with pooled memory. */
template <typename T, typename... Args>
std::shared_ptr<T> make_node(Args&&... args) {
  return std::allocate_shared<T>(PoolAllocator<T>(), std::forward<Args>(args)...);
}

}  // namespace mlx::core
