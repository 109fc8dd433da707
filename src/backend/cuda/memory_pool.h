// MemoryPool: the device side of blocks, cached by size class and reused in stream order.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "backend/cuda/driver_api.h"
#include "runtime/buffer.h"

namespace mlx::core::cuda {

class Encoder;

/** A moment in an encoder's order: reached once all work recorded up to then is done. */
struct Moment {
  Encoder* encoder = nullptr;
  uint64_t epoch = 0;
};

/** What Block::device_handle points to. */
struct DeviceSide {
  CuDevicePtr base = 0;
  size_t size = 0;
  Encoder* home = nullptr;   // the stream it is allocated and reused on
  Moment last_write;         // whoever reads on the host waits for it
  std::vector<Moment> uses;  // by other streams than `home`
};

class MemoryPool : public DeviceMemory {
 public:
  static MemoryPool& instance();

  /** A device-only block for work of `encoder`. Its memory may still be read by earlier work of the
   * same stream, which runs before. Frees caches, waits and retries before raising. */
  Block* allocate(size_t size, Encoder& encoder);

  /** Gives a block a valid device side, copying from the host, for work of `encoder`. */
  DeviceSide& to_device(Block& block, Encoder& encoder);

  /** The host allocator tells us when the host contents are wanted or the block is gone. */
  void copy_to_host(Block& block) override;
  void free_device(Block& block) override;

  /** A block over device memory of someone else, which free_device leaves alone once all work on it
   * is done. */
  static Block* wrap(CuDevicePtr address, size_t size, Encoder& encoder);

  /** Bytes of free memory that are kept. */
  size_t cached_bytes() const;
  /** Gives cached memory back to the driver until at most `keep` bytes are left; waits for work in
   * flight. */
  void release_cached(size_t keep = 0);

 private:
  struct FreeRange {
    Moment free_after;  // other streams may take it once reached
    std::vector<Moment> uses;
  };

  CuDevicePtr take(size_t size, Encoder& encoder);
  void release_reached(size_t keep);
  bool take_cached(size_t size, Encoder& encoder, CuDevicePtr& base);
  [[noreturn]] void refuse(size_t size);

  mutable std::mutex mutex_;
  // By size and address. The lowest address that can be had is taken, whatever order ranges became
  // free in: a program that repeats a step gets the same addresses again, and its graphs need no
  // update.
  std::map<size_t, std::map<CuDevicePtr, FreeRange>> free_;
  size_t cached_ = 0;
  size_t held_ = 0;  // bytes taken from the driver
};

}  // namespace mlx::core::cuda
