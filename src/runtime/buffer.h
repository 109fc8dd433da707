// Block: what an allocator::Buffer points to, with a host side and possibly a device side.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/pool_allocator.h"
#include "mlx/allocator.h"

namespace mlx::core {

struct Block;

/** How a device backend moves a block's contents; one object per device type, never destroyed. */
class DeviceMemory {
 public:
  virtual ~DeviceMemory() = default;
  /** Makes the host side valid: allocates it if need be, waits for the device and copies. */
  virtual void copy_to_host(Block& block) = 0;
  /** Copies a range of the block's bytes to host memory, when its work is done. */
  virtual void read(Block& block, size_t offset, size_t bytes, void* to) = 0;
  /** Gives the device side back. Called when the block is freed, from any thread. */
  virtual void free_device(Block& block) = 0;
};

/** A block of memory. Invariant: at least one side is valid; writing on one side invalidates the
 * other. */
struct Block {
  void* host = nullptr;    // null while the block lives on a device only
  size_t size = 0;         // usable bytes
  bool host_owned = true;  // false for memory wrapped by make_buffer
  std::atomic<bool> host_valid{true};
  // The device side; only its backend reads these.
  std::atomic<bool> device_valid{false};
  uint64_t device_pointer = 0;
  void* device_handle = nullptr;
  DeviceMemory* device_memory = nullptr;

  static void* operator new(size_t bytes) { return pool_take(bytes); }
  static void operator delete(void* block) { pool_give_back(block, sizeof(Block)); }
};

inline Block& block_of(allocator::Buffer buffer) { return *static_cast<Block*>(buffer.ptr()); }

/** A block with no host side yet; a device backend sets its device side. Counts as active memory.
 */
Block* make_device_block(size_t size);
/** Allocates the host side of a block that has none. */
void allocate_host_side(Block& block);

/** A device's cache of free memory: it counts as cache memory and obeys the cache limit together
 * with the host's. */
struct DeviceCache {
  /** Gives free memory back until all caches together hold at most `limit` bytes; waits for work in
   * flight. */
  void (*trim)(size_t limit);
};
void add_device_cache(DeviceCache cache);
/** Tells the allocator that a device's cache has grown or shrunk; returns the bytes in all caches.
 */
size_t count_cached(ptrdiff_t bytes);
size_t cache_limit();
/** The limit that a program has set for memory in use, or 0: devices know their own size. */
size_t chosen_memory_limit();

/** Called when memory runs short, before giving up: the hook waits for work in flight and frees
 * caches of a device backend. */
void add_memory_pressure_hook(void (*hook)());

}  // namespace mlx::core
