// Memory of arrays: opaque buffers, their owner Data, and the allocator interface.
#pragma once

#include <cstddef>
#include <functional>
#include <utility>

#include "mlx/api.h"

namespace mlx::core::allocator {

/** A handle to a block of memory that may have a host and a device side. */
class MLX_API Buffer {
 public:
  explicit Buffer(void* ptr) : ptr_(ptr) {}

  /** The host address; brings the contents to the host first when they are on a device. */
  void* raw_ptr();

  const void* ptr() const { return ptr_; }
  void* ptr() { return ptr_; }

 private:
  void* ptr_;
};

class MLX_API Allocator {
 public:
  /** Raises std::runtime_error when the memory cannot be had; never aborts. */
  virtual Buffer malloc(size_t size) = 0;
  virtual void free(Buffer buffer) = 0;
  virtual size_t size(Buffer buffer) const = 0;
  /** Wraps memory owned by someone else. */
  virtual Buffer make_buffer(void* ptr, size_t size) = 0;
  virtual void release(Buffer buffer) = 0;

  Allocator() = default;
  Allocator(const Allocator&) = delete;
  Allocator& operator=(const Allocator&) = delete;
  virtual ~Allocator() = default;
};

MLX_API Allocator& allocator();

using Deleter = std::function<void(Buffer)>;

/** Owns a buffer: gives it back to the allocator, or to `deleter` when it came from elsewhere. */
class MLX_API Data {
 public:
  Data(Buffer buffer, Deleter deleter) : buffer_(buffer), deleter_(std::move(deleter)) {}
  Data(const Data&) = delete;
  Data& operator=(const Data&) = delete;
  Data(Data&& other) noexcept
      : buffer_(std::exchange(other.buffer_, Buffer(nullptr))),
        deleter_(std::exchange(other.deleter_, nullptr)),
        owned_(std::exchange(other.owned_, false)) {}
  ~Data() {
    if (owned_) {
      allocator().free(buffer_);
    } else if (deleter_) {
      deleter_(buffer_);
    }
  }

  Buffer buffer() const { return buffer_; }
  bool is_owned() const { return owned_; }

 private:
  explicit Data(Buffer buffer) : buffer_(buffer), owned_(true) {}
  friend Data malloc(size_t size);
  friend Data own(Buffer buffer);

  Buffer buffer_;
  Deleter deleter_;
  bool owned_ = false;
};

inline Data malloc(size_t size) { return Data(allocator().malloc(size)); }
/** Takes over a buffer that the allocator frees: what backends make their blocks with. */
inline Data own(Buffer buffer) { return Data(buffer); }
inline Buffer make_buffer(void* ptr, size_t size) { return allocator().make_buffer(ptr, size); }
inline void release(Buffer buffer) { allocator().release(buffer); }

/** True when memory from elsewhere can back an array without a copy. */
MLX_API bool can_reuse_alien_buffer(void* ptr);

}  // namespace mlx::core::allocator
