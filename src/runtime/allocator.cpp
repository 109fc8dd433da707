// The caching allocator: size classes, huge pages for large blocks, limits that raise but never
// abort.
#include "mlx/allocator.h"

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <bit>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <map>
#include <mutex>
#include <unordered_set>
#include <vector>

#include "base/errors.h"
#include "mlx/memory.h"
#include "runtime/buffer.h"

namespace mlx::core {

namespace {

constexpr size_t kSmallLimit = 4096;  // up to here malloc is quicker than any cache of ours
constexpr size_t kHugeLimit = size_t{4} << 20;  // from here on memory is mapped in 2 MB pages
constexpr size_t kFineFrom = size_t{64} << 20;
constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kAlignment = 64;

/** Rounds up to one of four sizes per power of two (sixteen for large ones), so that a cached block
 * wastes at most a quarter (a sixteenth). The GPU's pool has the same sizes from here on. */
size_t size_class(size_t size) {
  if (size <= kSmallLimit) return (size + 15) & ~size_t{15};
  size_t step = std::bit_floor(size - 1) / (size > kFineFrom ? 16 : 4);
  size_t rounded = (size + step - 1) / step * step;
  if (rounded >= kHugeLimit) rounded = (rounded + kHugePage - 1) & ~(kHugePage - 1);
  return rounded;
}

/** The memory this process may use: physical memory or the cgroup's limit. */
size_t machine_memory() {
  size_t bytes = static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
  for (const char* path :
       {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    size_t limit = 0;
    if (std::ifstream file(path); file >> limit && limit > 0) bytes = std::min(bytes, limit);
  }
  return bytes;
}

void* map_large(size_t size) {
  // Mapped with room to cut a 2 MB-aligned range out, so that the kernel can back it by huge pages.
  size_t padded = size + kHugePage;
  void* mapped = mmap(nullptr, padded, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  auto address = reinterpret_cast<uintptr_t>(mapped);
  uintptr_t aligned = (address + kHugePage - 1) & ~(kHugePage - 1);
  if (aligned > address) munmap(mapped, aligned - address);
  size_t tail = address + padded - (aligned + size);
  if (tail > 0) munmap(reinterpret_cast<void*>(aligned + size), tail);
  madvise(reinterpret_cast<void*>(aligned), size, MADV_HUGEPAGE);
  return reinterpret_cast<void*>(aligned);
}

void* take_from_system(size_t size) {
  if (size >= kHugeLimit) return map_large(size);
  if (size <= kSmallLimit) return std::malloc(size);
  return std::aligned_alloc(kAlignment, size);
}

void give_to_system(void* memory, size_t size) {
  if (size >= kHugeLimit) {
    munmap(memory, size);
  } else {
    std::free(memory);
  }
}

class CachingAllocator : public allocator::Allocator {
 public:
  CachingAllocator()
      : machine_memory_(machine_memory()),
        memory_limit_(machine_memory_ / 20 * 19),
        cache_limit_(memory_limit_.load()) {}

  allocator::Buffer malloc(size_t size) override {
    auto* block = new Block;
    try {
      attach_host(*block, size);
    } catch (...) {
      delete block;
      throw;
    }
    return allocator::Buffer(block);
  }

  void free(allocator::Buffer buffer) override {
    auto* block = static_cast<Block*>(buffer.ptr());
    if (block == nullptr) return;
    if (block->device_memory != nullptr) block->device_memory->free_device(*block);
    active_.fetch_sub(block->size, std::memory_order_relaxed);
    if (block->host != nullptr && block->host_owned) return_host(block->host, block->size);
    delete block;
  }

  size_t size(allocator::Buffer buffer) const override {
    return buffer.ptr() == nullptr ? 0 : block_of(buffer).size;
  }

  allocator::Buffer make_buffer(void* memory, size_t size) override {
    auto* block = new Block;
    block->host = memory;
    block->size = size;
    block->host_owned = false;
    return allocator::Buffer(block);
  }

  void release(allocator::Buffer buffer) override {
    auto* block = static_cast<Block*>(buffer.ptr());
    if (block == nullptr) return;
    if (block->device_memory != nullptr) block->device_memory->free_device(*block);
    if (block->host != nullptr && block->host_owned) return_host(block->host, block->size);
    delete block;
  }

  Block* make_device_block(size_t size) {
    auto* block = new Block;
    block->size = size;
    block->host_valid = false;
    count_active(size);
    return block;
  }

  void allocate_host_side(Block& block) {
    size_t size = size_class(block.size);
    block.host = take(size);
    block.size = size;
  }

  void add_pressure_hook(void (*hook)()) {
    std::lock_guard lock(mutex_);
    pressure_hooks_.push_back(hook);
  }

  void add_device_cache(DeviceCache cache) {
    std::lock_guard lock(mutex_);
    device_caches_.push_back(cache);
  }

  size_t count_cached(ptrdiff_t bytes) {
    return cached_.fetch_add(static_cast<size_t>(bytes)) + static_cast<size_t>(bytes);
  }

  void clear_cache() { trim_all(0); }

  std::atomic<size_t>& active() { return active_; }
  std::atomic<size_t>& peak() { return peak_; }
  size_t cached() const { return cached_.load(); }
  std::atomic<size_t>& memory_limit() { return memory_limit_; }
  size_t cache_limit() const { return cache_limit_.load(); }
  size_t chosen_memory_limit() const { return limit_is_chosen_ ? memory_limit_.load() : 0; }

  size_t set_memory_limit(size_t limit) {
    limit_is_chosen_ = true;
    return memory_limit_.exchange(limit);
  }

  size_t set_cache_limit(size_t limit) {
    size_t previous = cache_limit_.exchange(limit);
    trim_all(limit);
    return previous;
  }

 private:
  void attach_host(Block& block, size_t requested) {
    if (requested > machine_memory_) refuse(requested);
    size_t size = size_class(std::max<size_t>(requested, 1));
    block.host = take(size);
    block.size = size;
    count_active(size);
  }

  void count_active(size_t size) {
    size_t now = active_.fetch_add(size, std::memory_order_relaxed) + size;
    size_t peak = peak_.load(std::memory_order_relaxed);
    while (now > peak && !peak_.compare_exchange_weak(peak, now)) {
    }
  }

  void* take(size_t size) {
    if (size <= kSmallLimit) {
      if (void* memory = std::malloc(size)) return memory;
    }
    void* memory = take_large(size);
    if (size > kSmallLimit) host_bytes_ += size;
    return memory;
  }

  void* take_large(size_t size) {
    if (void* memory = take_cached(size)) return memory;
    if (limited_bytes() + cached_.load() + size > memory_limit_.load()) relieve(size);
    if (host_bytes_.load() + size > machine_memory_) refuse(size);
    if (void* memory = take_from_system(size)) return memory;
    relieve(std::numeric_limits<size_t>::max());
    if (void* memory = take_from_system(size)) return memory;
    refuse(size);
  }

  /** What counts towards the limit: all arrays where a program has set it, else those in the
   * machine's own memory, whose size it then is. */
  size_t limited_bytes() const { return limit_is_chosen_ ? active_.load() : host_bytes_.load(); }

  void* take_cached(size_t size) {
    std::lock_guard lock(mutex_);
    auto found = cache_.find(size);
    if (found == cache_.end() || found->second.empty()) return nullptr;
    void* memory = found->second.back();
    found->second.pop_back();
    cached_ -= size;
    return memory;
  }

  void return_host(void* memory, size_t size) {
    if (size > kSmallLimit) host_bytes_ -= size;
    if (size > kSmallLimit && cached_.load() + size <= cache_limit_.load()) {
      std::lock_guard lock(mutex_);
      cache_[size].push_back(memory);
      cached_ += size;
      return;
    }
    give_to_system(memory, size);
  }

  /** Frees cached blocks until at most `target` bytes are kept, largest first. */
  void trim(size_t target) {
    std::lock_guard lock(mutex_);
    for (auto it = cache_.rbegin(); it != cache_.rend() && cached_ > target; ++it) {
      auto& [size, blocks] = *it;
      while (!blocks.empty() && cached_ > target) {
        give_to_system(blocks.back(), size);
        blocks.pop_back();
        cached_ -= size;
      }
    }
  }

  /** Trims the host's cache, then those of devices if that was not enough. */
  void trim_all(size_t target) {
    trim(target);
    if (cached_.load() <= target) return;
    std::vector<DeviceCache> caches;
    {
      std::lock_guard lock(mutex_);
      caches = device_caches_;
    }
    for (const auto& cache : caches) cache.trim(target);
  }

  /** Makes room for `size` bytes: first the cache, then what devices and work in flight can give.
   */
  void relieve(size_t size) {
    size_t cached = cached_.load();
    trim(cached > size ? cached - size : 0);
    if (limited_bytes() + size <= memory_limit_.load()) return;
    std::vector<void (*)()> hooks;
    {
      std::lock_guard lock(mutex_);
      hooks = pressure_hooks_;
    }
    for (auto hook : hooks) hook();
  }

  [[noreturn]] void refuse(size_t size) {
    throw_runtime("malloc",
                  "Unable to allocate {} bytes: {} bytes are in use by arrays, the machine has {}.",
                  size, host_bytes_.load(), machine_memory_);
  }

  const size_t machine_memory_;
  std::atomic<size_t> memory_limit_;
  std::atomic<size_t> cache_limit_;
  std::atomic<size_t> active_{0};      // bytes of live arrays, on the host and on devices
  std::atomic<size_t> host_bytes_{0};  // bytes of host memory in blocks above kSmallLimit
  std::atomic<size_t> peak_{0};
  std::atomic<size_t> cached_{0};
  std::mutex mutex_;
  std::map<size_t, std::vector<void*>> cache_;
  std::vector<void (*)()> pressure_hooks_;
  std::vector<DeviceCache> device_caches_;
  std::atomic<bool> limit_is_chosen_{false};
};

// Never destroyed: arrays in static variables may be freed after any destructor of ours has run.
CachingAllocator& caching_allocator() {
  static auto* instance = new CachingAllocator;
  return *instance;
}

}  // namespace

Block* make_device_block(size_t size) { return caching_allocator().make_device_block(size); }
void allocate_host_side(Block& block) { caching_allocator().allocate_host_side(block); }
void add_device_cache(DeviceCache cache) { caching_allocator().add_device_cache(cache); }
size_t count_cached(ptrdiff_t bytes) { return caching_allocator().count_cached(bytes); }
size_t cache_limit() { return caching_allocator().cache_limit(); }
size_t chosen_memory_limit() { return caching_allocator().chosen_memory_limit(); }
void add_memory_pressure_hook(void (*hook)()) { caching_allocator().add_pressure_hook(hook); }

namespace allocator {

Allocator& allocator() { return caching_allocator(); }

void* Buffer::raw_ptr() {
  if (ptr_ == nullptr) return nullptr;
  auto& block = *static_cast<Block*>(ptr_);
  if (!block.host_valid.load(std::memory_order_acquire)) block.device_memory->copy_to_host(block);
  return block.host;
}

bool can_reuse_alien_buffer(void* ptr) { return ptr != nullptr; }

}  // namespace allocator

size_t get_active_memory() { return caching_allocator().active().load(); }
size_t get_peak_memory() { return caching_allocator().peak().load(); }
void reset_peak_memory() { caching_allocator().peak() = caching_allocator().active().load(); }
size_t get_cache_memory() { return caching_allocator().cached(); }
size_t set_memory_limit(size_t limit) { return caching_allocator().set_memory_limit(limit); }
size_t get_memory_limit() { return caching_allocator().memory_limit().load(); }
size_t set_cache_limit(size_t limit) { return caching_allocator().set_cache_limit(limit); }
void clear_cache() { caching_allocator().clear_cache(); }

size_t set_wired_limit(size_t limit) {
  static std::atomic<size_t> wired{0};
  return wired.exchange(limit);
}

size_t get_array_buffer_size(const std::vector<array>& arrays) {
  std::unordered_set<const void*> seen;
  size_t total = 0;
  for (const auto& a : arrays) {
    if (a.status() == array::unscheduled) {
      throw_invalid("get_array_buffer_size", "the arrays must be evaluated first.");
    }
    const_cast<array&>(a).wait();
    if (seen.insert(a.buffer().ptr()).second) total += a.buffer_size();
  }
  return total;
}

}  // namespace mlx::core
