// Free lists of a thread, and the batches that threads exchange.
#include "base/pool_allocator.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <vector>

namespace mlx::core {

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kPooled = false;  // every object shows to the sanitizer
#else
constexpr bool kPooled = true;
#endif

constexpr size_t kStep = 32;
constexpr size_t kNumClasses = kMostPooledBytes / kStep;
constexpr size_t kBatch = 64;

struct FreeObject {
  FreeObject* next;
};

struct FreeList {
  FreeObject* first = nullptr;
  size_t count = 0;

  void push(void* memory) {
    first = new (memory) FreeObject{first};
    ++count;
  }
  void* pop() {
    FreeObject* taken = first;
    first = taken->next;
    --count;
    return taken;
  }
  /** The first kBatch objects as a list of their own. */
  FreeList cut() {
    FreeObject* last = first;
    for (size_t i = 1; i < kBatch; ++i) last = last->next;
    FreeList batch{first, kBatch};
    first = last->next;
    last->next = nullptr;
    count -= kBatch;
    return batch;
  }
};

/** Lists that threads have left for others. Never destroyed, as objects may outlive statics. */
struct Exchange {
  std::mutex mutex;
  std::vector<FreeList> lists;
};

Exchange& exchange(size_t index) {
  static auto* all = new std::array<Exchange, kNumClasses>;
  return (*all)[index];
}

void leave(size_t index, FreeList list) {
  Exchange& shared = exchange(index);
  std::lock_guard lock(shared.mutex);
  shared.lists.push_back(list);
}

struct ThreadLists {
  std::array<FreeList, kNumClasses> lists;
  ~ThreadLists();
};

// Objects may be let go of by destructors that run after this thread's lists are gone.
constinit thread_local bool lists_are_gone = false;
constinit thread_local FreeList* lists_of_this_thread = nullptr;

ThreadLists::~ThreadLists() {
  lists_are_gone = true;
  lists_of_this_thread = nullptr;
  for (size_t i = 0; i < kNumClasses; ++i) {
    if (lists[i].count > 0) leave(i, lists[i]);
  }
}

FreeList* make_lists() {
  if (lists_are_gone) return nullptr;
  thread_local ThreadLists mine;
  return lists_of_this_thread = mine.lists.data();
}

FreeList* list_of_this_thread(size_t index) {
  FreeList* lists = lists_of_this_thread;
  if (lists == nullptr) [[unlikely]]
    lists = make_lists();
  return lists == nullptr ? nullptr : lists + index;
}

void refill(FreeList& list, size_t index) {
  {
    Exchange& shared = exchange(index);
    std::lock_guard lock(shared.mutex);
    if (!shared.lists.empty()) {
      list = shared.lists.back();
      shared.lists.pop_back();
      return;
    }
  }
  const size_t size = (index + 1) * kStep;
  auto* chunk = static_cast<std::byte*>(::operator new(size* kBatch));
  for (size_t i = kBatch; i-- > 0;) list.push(chunk + i * size);
}

}  // namespace

void* pool_take(size_t bytes) {
  if (!kPooled) return ::operator new(bytes);
  const size_t index = (bytes - 1) / kStep;
  if (FreeList* list = list_of_this_thread(index)) [[likely]] {
    if (list->count == 0) refill(*list, index);
    return list->pop();
  }
  FreeList list;
  refill(list, index);
  void* taken = list.pop();
  if (list.count > 0) leave(index, list);
  return taken;
}

void pool_give_back(void* memory, size_t bytes) {
  if (!kPooled) return ::operator delete(memory);
  const size_t index = (bytes - 1) / kStep;
  if (FreeList* list = list_of_this_thread(index)) [[likely]] {
    list->push(memory);
    if (list->count >= 2 * kBatch) leave(index, list->cut());
    return;
  }
  FreeList list;
  list.push(memory);
  leave(index, list);
}

}  // namespace mlx::core
