// A tape made ready to run on blocks that stay in L1: kernels looked up, identity casts dropped,
// and a scratch slot for each value that has no memory of its own. Users say which values those
// are.
#pragma once

#include <array>
#include <limits>
#include <vector>

#include "backend/cpu/element/engine.h"
#include "backend/cpu/element/kernels.h"
#include "mlx/small_vector.h"

namespace mlx::core::cpu {

class BlockTape {
 public:
  struct Step {
    int op;
    BlockKernel kernel;
    const void* params;
    uintptr_t wishes;  // instead of params, if any
    int num_sources;
    std::array<int, 3> sources;
    int result;
    bool can_stream;
  };
  struct Range {
    const char* data;
    size_t bytes;
  };
  static constexpr int kNever = std::numeric_limits<int>::max();

  /** The tape's params must outlive this. */
  BlockTape(const TapeView& tape, std::span<const size_t> input_itemsizes);

  int num_values() const { return static_cast<int>(alias_.size()); }
  /** The value whose data this value is. */
  int resolve(int value) const { return alias_[value]; }
  const std::vector<Step>& steps() const { return steps_; }
  /** The step that computes the value, or -1. */
  int step_of(int value) const;
  /** The last step that reads the value; -1: none, kNever: it is kept. */
  int last_use(int value) const { return last_use_[value]; }

  // Before assign_slots():
  /** The value is read after the last step, or by later blocks too. */
  void keep(int value) { last_use_[value] = kNever; }
  /** The value lies in memory outside of the scratch. */
  void place_outside(int value) { outside_[value] = true; }
  /** The step that computes the value writes past the caches; only where step.can_stream. */
  void stream(int step) { steps_[step].wishes |= kStreamResult; }
  /** The value is one element, repeated: steps that can need not read it again and again. */
  void mark_constant(int value);

  void assign_slots();

  int num_slots() const { return num_slots_; }
  /** The scratch slot of the value, or -1. */
  int slot(int value) const { return slot_[value]; }
  size_t largest_item() const;

  /** Runs the steps on `count` elements of the memory given for each value. Between them it asks
   * for the memory `ahead`, a part at each step: arithmetic goes on while it comes. */
  void run(char* const* location, size_t count, std::span<const Range> ahead = {}) const {
    const size_t num_steps = steps_.size();
    for (size_t n = 0; n < num_steps; ++n) {
      const Step& step = steps_[n];
      for (const Range& range : ahead) {
        const char* end = range.data + range.bytes * (n + 1) / num_steps;
        for (const char* p = range.data + range.bytes * n / num_steps; p < end; p += 64) {
          __builtin_prefetch(p);
        }
      }
      const void* sources[3];
      for (int s = 0; s < step.num_sources; ++s) sources[s] = location[step.sources[s]];
      step.kernel(location[step.result], sources, count,
                  step.wishes != 0 ? wishes(step.wishes) : step.params);
    }
  }

 private:
  int num_inputs_;
  std::vector<Step> steps_;
  SmallVector<int, 32> alias_, last_use_, slot_, itemsize_;
  SmallVector<bool, 32> outside_;
  int num_slots_ = 0;
};

/** Scratch of the calling thread, aligned to cache lines; grows and is kept. */
char* thread_scratch(size_t bytes);

}  // namespace mlx::core::cpu
