// The device memory cache: stream-ordered reuse, transfers between the two sides of a block.
#include "backend/cuda/memory_pool.h"

#include <algorithm>
#include <bit>

#include "backend/cuda/device.h"
#include "backend/cuda/encoder.h"
#include "backend/cuda/library.h"
#include "base/errors.h"

namespace mlx::core::cuda {

namespace {

constexpr size_t kMinSize = 256;
constexpr size_t kFineFrom = size_t{64} << 20;
constexpr size_t kLargeStep = size_t{2} << 20;

/** As the host's allocator: one of four (later sixteen) sizes per power of two, whole 2 MB pages
 * from 4 MB on: a cached range wastes a quarter at most. */
size_t size_class(size_t size) {
  if (size <= kMinSize) return kMinSize;
  size_t step = std::max<size_t>(std::bit_floor(size - 1) / (size > kFineFrom ? 16 : 4), 64);
  size_t rounded = (size + step - 1) / step * step;
  if (rounded >= 2 * kLargeStep) rounded = (rounded + kLargeStep - 1) / kLargeStep * kLargeStep;
  return rounded;
}

bool is_higher(const DeviceSide* a, const DeviceSide* b) { return a->base > b->base; }

/** True when `encoder` (null: anyone) may have a free range now. */
bool may_take(const DeviceSide& side, const Encoder* encoder) {
  if (side.home != encoder && !side.home->is_done(side.free_after)) return false;
  return std::all_of(side.uses.begin(), side.uses.end(),
                     [](const Moment& m) { return m.encoder->is_done(m.epoch); });
}

DeviceSide& side_of(Block& block) { return *static_cast<DeviceSide*>(block.device_handle); }

/** Transfers to the host go on a stream of their own, so that they do not wait for later work. */
CuStream transfer_stream() {
  static CuStream stream = [] {
    CuStream created = nullptr;
    check(driver().stream_create(&created, kStreamNonBlocking), "creating a stream");
    return created;
  }();
  return stream;
}

std::mutex& transfer_mutex() {
  static auto* mutex = new std::mutex;
  return *mutex;
}

/** Waits for the last write of a block, and copies; the caller holds transfer_mutex(). */
void fetch(DeviceSide& side, size_t offset, size_t bytes, void* to) {
  make_current();
  if (side.last_write.encoder != nullptr) side.last_write.encoder->wait_done(side.last_write.epoch);
  CuStream stream = transfer_stream();
  check(driver().memcpy_dtoh_async(to, side.base + offset, bytes, stream), "copying from the GPU");
  check(driver().stream_synchronize(stream), "copying from the GPU");
}

/** Memory that another library owns. */
class ForeignMemory : public DeviceMemory {
 public:
  void copy_to_host(Block& block) override { MemoryPool::instance().copy_to_host(block); }
  void read(Block& block, size_t offset, size_t bytes, void* to) override {
    MemoryPool::instance().read(block, offset, bytes, to);
  }
  void free_device(Block& block) override {
    auto* side = static_cast<DeviceSide*>(block.device_handle);
    if (side == nullptr) return;
    try {
      side->home->wait_done(side->home->epoch());
      for (const Moment& use : side->uses) use.encoder->wait_done(use.epoch);
    } catch (const std::exception&) {
      // The GPU is lost: nothing runs any more, and whoever waits for results is told.
    }
    delete side;
    block.device_handle = nullptr;
    block.device_valid = false;
  }
};

}  // namespace

Block* MemoryPool::wrap(CuDevicePtr address, size_t size, Encoder& encoder) {
  static auto* foreign = new ForeignMemory;
  auto* block = new Block;
  block->size = size;
  block->host_valid = false;
  block->device_pointer = address;
  block->device_handle = new DeviceSide{.base = address, .size = size, .home = &encoder};
  block->device_memory = foreign;
  block->device_valid = true;
  return block;
}

std::mutex& DeviceSide::uses_mutex() {
  static auto* mutex = new std::mutex;
  return *mutex;
}

MemoryPool& MemoryPool::instance() {
  // Never destroyed: arrays in static variables may be freed after any destructor of ours has run.
  static auto* pool = [] {
    auto* created = new MemoryPool;
    add_memory_pressure_hook([] { instance().release_cached(); });
    // The limit is for all caches; the host's has been trimmed when this is called.
    add_device_cache({[](size_t limit) { instance().release_cached(limit); }});
    return created;
  }();
  return *pool;
}

Block* MemoryPool::allocate(size_t size, Encoder& encoder) {
  size_t rounded = size_class(size);
  DeviceSide* side = take(rounded, encoder);
  Block* block = make_device_block(rounded);
  block->device_pointer = side->base;
  block->device_handle = side;
  block->device_memory = this;
  block->device_valid = true;
  return block;
}

DeviceSide& MemoryPool::to_device(Block& block, Encoder& encoder) {
  if (block.device_valid.load(std::memory_order_acquire)) [[likely]]
    return side_of(block);
  std::lock_guard lock(transfer_mutex());
  if (block.device_valid.load(std::memory_order_acquire)) return side_of(block);
  if (block.device_handle == nullptr) {
    size_t rounded = size_class(block.size);
    DeviceSide* side = take(rounded, encoder);
    block.device_pointer = side->base;
    block.device_handle = side;
    block.device_memory = this;
  }
  DeviceSide& side = side_of(block);
  encoder.upload(side, block.host, block.size);
  block.device_valid.store(true, std::memory_order_release);
  return side;
}

void MemoryPool::copy_to_host(Block& block) {
  std::lock_guard lock(transfer_mutex());
  if (block.host_valid.load(std::memory_order_acquire)) return;
  DeviceSide& side = side_of(block);
  if (block.host == nullptr) allocate_host_side(block);
  fetch(side, 0, std::min(block.size, side.size), block.host);
  block.host_valid.store(true, std::memory_order_release);
}

void MemoryPool::read(Block& block, size_t offset, size_t bytes, void* to) {
  std::lock_guard lock(transfer_mutex());
  fetch(side_of(block), offset, bytes, to);
}

void MemoryPool::free_device(Block& block) {
  auto* side = static_cast<DeviceSide*>(block.device_handle);
  if (side == nullptr) return;
  const size_t size = side->size;
  {
    std::lock_guard lock(mutex_);
    // The epoch now being recorded may hold the last use by the home stream.
    side->free_after = side->home->epoch();
    side->last_write = {};
    auto& ranges = free_[size];
    ranges.push_back(side);
    std::push_heap(ranges.begin(), ranges.end(), is_higher);
    cached_ += size;
  }
  // What is still in use by work in flight stays for now, and goes with a later block.
  size_t cached = count_cached(static_cast<ptrdiff_t>(size));
  if (size_t limit = cache_limit(); cached > limit) {
    try {
      release_reached(limit);
    } catch (const std::exception&) {
      // The GPU is lost; its memory goes with the process.
    }
  }
  block.device_handle = nullptr;
  block.device_valid = false;
}

DeviceSide* MemoryPool::take_cached(size_t size, Encoder& encoder) {
  std::lock_guard lock(mutex_);
  auto found = free_.find(size);
  if (found == free_.end() || found->second.empty()) return nullptr;
  auto& ranges = found->second;
  DeviceSide* taken = ranges.front();
  if (may_take(*taken, &encoder)) [[likely]] {
    std::pop_heap(ranges.begin(), ranges.end(), is_higher);
    ranges.pop_back();
  } else {
    auto lowest = ranges.end();
    for (auto it = ranges.begin(); it != ranges.end(); ++it) {
      if (may_take(**it, &encoder) && (lowest == ranges.end() || (*it)->base < (*lowest)->base))
        lowest = it;
    }
    if (lowest == ranges.end()) return nullptr;
    taken = *lowest;
    ranges.erase(lowest);
    std::make_heap(ranges.begin(), ranges.end(), is_higher);
  }
  cached_ -= size;
  count_cached(-static_cast<ptrdiff_t>(size));
  taken->uses.clear();
  if (taken->home != &encoder) {
    taken->home = &encoder;
    taken->recorded_epoch = 0;
  }
  return taken;
}

DeviceSide* MemoryPool::take(size_t size, Encoder& encoder) {
  make_current();
  if (DeviceSide* side = take_cached(size, encoder)) return side;
  if (size > gpu_device().total_bytes) refuse(size);
  if (size_t limit = chosen_memory_limit(); limit > 0) {
    size_t excess;
    {
      std::lock_guard lock(mutex_);
      excess = cached_ > 0 && held_ + size > limit ? held_ + size - limit : 0;
    }
    if (excess > 0) release_cached(count_cached(0) > excess ? count_cached(0) - excess : 0);
  }
  for (int attempt = 0; attempt < 2; ++attempt) {
    CuDevicePtr base = 0;
    CuResult result = driver().mem_alloc(&base, size);
    if (result == kCudaSuccess) {
      std::lock_guard lock(mutex_);
      held_ += size;
      return new DeviceSide{.base = base, .size = size, .home = &encoder};
    }
    if (result != kCudaErrorOutOfMemory) check(result, "allocating GPU memory");
    release_cached();
  }
  refuse(size);
}

void MemoryPool::refuse(size_t size) {
  size_t held;
  {
    std::lock_guard lock(mutex_);
    held = held_ - cached_;
  }
  throw_runtime("malloc",
                "Unable to allocate {} bytes on the GPU: {} bytes are in use by arrays, {} has {}.",
                size, held, gpu_device().name, gpu_device().total_bytes);
}

size_t MemoryPool::cached_bytes() const {
  std::lock_guard lock(mutex_);
  return cached_;
}

void MemoryPool::release_cached(size_t keep) {
  for (Encoder* encoder : Encoder::all()) encoder->synchronize();
  release_reached(keep);
}

/** Gives back ranges that no work in flight uses, the largest first, until all caches together hold
 * `keep` bytes. */
void MemoryPool::release_reached(size_t keep) {
  make_current();
  std::lock_guard lock(mutex_);
  for (auto ranges = free_.rbegin(); ranges != free_.rend(); ++ranges) {
    size_t freed = std::erase_if(ranges->second, [&, bytes = ranges->first](DeviceSide* side) {
      if (count_cached(0) <= keep || !may_take(*side, nullptr)) return false;
      driver().mem_free(side->base);
      delete side;
      cached_ -= bytes;
      held_ -= bytes;
      count_cached(-static_cast<ptrdiff_t>(bytes));
      return true;
    });
    if (freed > 0) std::make_heap(ranges->second.begin(), ranges->second.end(), is_higher);
  }
}

}  // namespace mlx::core::cuda
