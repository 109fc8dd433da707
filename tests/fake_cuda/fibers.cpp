// Fibers: a minimal context switch for x86-64, and the two barriers a kernel can meet.
#include "fibers.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

extern "C" {
Emulation* mlx_emulation = nullptr;
void fake_cuda_switch(void** save, void* load);
}

// Saves the registers that a call must keep, and swaps stacks.
asm(R"(
.text
.globl fake_cuda_switch
.type fake_cuda_switch, @function
fake_cuda_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size fake_cuda_switch, .-fake_cuda_switch
)");

namespace fake_cuda {

namespace {

constexpr size_t kStackBytes = 64 * 1024;
constexpr size_t kSlotBytes = 64;

struct Fiber {
  void* stack_pointer = nullptr;
  bool done = false;
  EmulatedDim index{};
  unsigned linear = 0;
  unsigned waits_block = 0;  // barriers passed or arrived at
  unsigned waits_warp = 0;
};

struct Barrier {
  unsigned arrived = 0;
  unsigned generation = 0;
  unsigned live = 0;
};

struct State {
  Emulation emulation{};
  std::vector<Fiber> fibers;
  std::vector<unsigned char> stacks;
  std::vector<Barrier> warps;
  Barrier block;
  std::vector<unsigned char> slots;
  std::vector<unsigned char> shared;
  void* scheduler = nullptr;
  Fiber* current = nullptr;
  BlockFunction function = nullptr;
  const void* args = nullptr;
  bool progressed = false;
};

State* state = new State;

void yield() { fake_cuda_switch(&state->current->stack_pointer, state->scheduler); }

void release_if_full(Barrier& barrier) {
  if (barrier.arrived < barrier.live) return;
  barrier.arrived = 0;
  ++barrier.generation;
  state->progressed = true;
}

void wait_at(Barrier& barrier) {
  unsigned generation = barrier.generation;
  ++barrier.arrived;
  state->progressed = true;
  release_if_full(barrier);
  while (barrier.generation == generation) yield();
}

void yield_to_others(bool progressed) {
  state->progressed = state->progressed || progressed;
  yield();
}

void sync_block() { wait_at(state->block); }
void sync_warp() { wait_at(state->warps[state->current->linear / 32]); }
unsigned char* slot(unsigned lane) {
  return state->slots.data() + (state->current->linear / 32 * 32 + lane) * kSlotBytes;
}

void fiber_main() {
  state->function(state->args);
  Fiber& fiber = *state->current;
  fiber.done = true;
  state->progressed = true;
  // A thread that has ended no longer takes part in barriers.
  --state->block.live;
  if (state->block.live > 0) release_if_full(state->block);
  Barrier& warp = state->warps[fiber.linear / 32];
  --warp.live;
  if (warp.live > 0) release_if_full(warp);
  yield();
  std::abort();
}

void prepare(Fiber& fiber, unsigned char* stack) {
  auto top = reinterpret_cast<unsigned long>(stack + kStackBytes) & ~15ul;
  auto* frame = reinterpret_cast<void**>(top);
  *--frame = nullptr;                               // keeps the stack aligned as after a call
  *--frame = reinterpret_cast<void*>(&fiber_main);  // where the switch returns to
  for (int i = 0; i < 6; ++i) *--frame = nullptr;
  fiber.stack_pointer = frame;
  fiber.done = false;
}

void run_block(unsigned num_threads, unsigned seed) {
  State& s = *state;
  EmulatedDim dim = s.emulation.block_dim;
  s.block = {0, 0, num_threads};
  for (unsigned w = 0; w < s.warps.size(); ++w)
    s.warps[w] = {0, 0, std::min(32u, num_threads - 32 * w)};
  for (unsigned i = 0; i < num_threads; ++i) {
    Fiber& fiber = s.fibers[i];
    prepare(fiber, s.stacks.data() + i * kStackBytes);
    fiber.linear = i;
    fiber.index = {i % dim.x, i / dim.x % dim.y, i / dim.x / dim.y};
  }
  unsigned remaining = num_threads;
  for (unsigned round = seed; remaining > 0; ++round) {
    s.progressed = false;
    for (unsigned n = 0; n < num_threads; ++n) {
      // Forward and backward in turn: an order that kernels rely on by mistake is not kept.
      unsigned i = round % 2 == 0 ? n : num_threads - 1 - n;
      Fiber& fiber = s.fibers[i];
      if (fiber.done) continue;
      s.current = &fiber;
      s.emulation.thread = fiber.index;
      s.emulation.linear_thread = fiber.linear;
      fake_cuda_switch(&s.scheduler, fiber.stack_pointer);
      if (fiber.done) --remaining;
    }
    if (!s.progressed && remaining > 0) {
      std::fprintf(stderr, "fake CUDA: %u threads wait at a barrier that the others never reach\n",
                   remaining);
      std::abort();
    }
  }
}

}  // namespace

Emulation* emulation() { return &state->emulation; }

void run_grid(BlockFunction function, const void* args, EmulatedDim grid, EmulatedDim block,
              unsigned shared_bytes) {
  State& s = *state;
  unsigned num_threads = block.x * block.y * block.z;
  s.fibers.resize(num_threads);
  if (s.stacks.size() < num_threads * kStackBytes) s.stacks.resize(num_threads * kStackBytes);
  s.warps.resize((num_threads + 31) / 32);
  s.slots.resize(s.warps.size() * 32 * kSlotBytes);
  s.shared.resize(shared_bytes + 128);
  s.function = function;
  s.args = args;
  auto aligned = (reinterpret_cast<unsigned long>(s.shared.data()) + 127) & ~127ul;
  s.emulation = {
      {},         {},        block, grid,           0, reinterpret_cast<unsigned char*>(aligned),
      sync_block, sync_warp, slot,  yield_to_others};
  unsigned seed = 0;
  for (unsigned z = 0; z < grid.z; ++z) {
    for (unsigned y = 0; y < grid.y; ++y) {
      for (unsigned x = 0; x < grid.x; ++x) {
        s.emulation.block = {x, y, z};
        if (shared_bytes > 0) memset(s.emulation.dynamic_shared, 0xff, shared_bytes);
        run_block(num_threads, seed++);
      }
    }
  }
}

}  // namespace fake_cuda
