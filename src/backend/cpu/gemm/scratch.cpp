// Scratch memory of a thread that is kept between calls, so that hot loops never meet a page fault.
#include "backend/cpu/gemm/scratch.h"

#include <sys/mman.h>

#include <cstdlib>
#include <new>

namespace mlx::core::cpu {

namespace {

constexpr size_t kHugePage = size_t{2} << 20;

struct Buffer {
  void* data = nullptr;
  size_t size = 0;

  void* reserve(size_t bytes) {
    if (bytes <= size) return data;
    std::free(data);
    data = nullptr;
    size = 0;
    // Packed panels are walked in large strides: huge pages spare the address translation.
    const size_t alignment = bytes >= kHugePage ? kHugePage : 64;
    const size_t rounded = (bytes + alignment - 1) / alignment * alignment;
    data = std::aligned_alloc(alignment, rounded);
    if (data == nullptr) throw std::bad_alloc();
    if (alignment == kHugePage) madvise(data, rounded, MADV_HUGEPAGE);
    size = rounded;
    return data;
  }
  ~Buffer() { std::free(data); }
};

thread_local Buffer buffers[static_cast<size_t>(ScratchUse::count)];

}  // namespace

void* thread_scratch(ScratchUse use, size_t bytes) {
  return buffers[static_cast<size_t>(use)].reserve(bytes);
}

}  // namespace mlx::core::cpu
