// MemoryPool: the device side of blocks, cached by size class and reused in stream order.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "backend/cuda/driver_api.h"
#include "mlx/small_vector.h"
#include "runtime/buffer.h"

namespace mlx::core::cuda {

class Encoder;

/** A moment in an encoder's order: reached once all work recorded up to then is done. */
struct Moment {
  Encoder* encoder = nullptr;
  uint64_t epoch = 0;
};

/** The nodes of a recording that use a range of memory: what later nodes may have to wait for. */
struct RecordedUse {
  int last_write = -1;
  SmallVector<int, 4> reads;
};

/** What Block::device_handle points to; free ranges keep it for the next block. */
struct DeviceSide {
  CuDevicePtr base = 0;
  size_t size = 0;
  Encoder* home = nullptr;   // the stream it is allocated and reused on
  Moment last_write;         // whoever reads on the host waits for it
  std::vector<Moment> uses;  // by other streams than `home`; guarded by uses_mutex()
  RecordedUse recorded;      // in the recording that `home` was at in `recorded_epoch`
  uint64_t recorded_epoch = 0;
  uint64_t free_after = 0;  // of `home`: other streams may take a free range once it is reached

  static std::mutex& uses_mutex();
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
  void read(Block& block, size_t offset, size_t bytes, void* to) override;
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
  DeviceSide* take(size_t size, Encoder& encoder);
  DeviceSide* take_cached(size_t size, Encoder& encoder);
  void release_reached(size_t keep);
  [[noreturn]] void refuse(size_t size);

  mutable std::mutex mutex_;
  // By size, each a heap by address. The lowest address that can be had is taken, whatever order
  // ranges became free in: a program that repeats a step gets the same addresses again, and its
  // graphs need no update.
  std::map<size_t, std::vector<DeviceSide*>> free_;
  size_t cached_ = 0;
  size_t held_ = 0;  // bytes taken from the driver
};

}  // namespace mlx::core::cuda
