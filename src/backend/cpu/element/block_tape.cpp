// Steps and scratch slots of a tape.
#include "backend/cpu/element/block_tape.h"

#include <algorithm>

#include "mlx/primitives/binary.h"
#include "mlx/primitives/unary.h"

namespace mlx::core::cpu {

namespace {

bool is_identity(const TapeInstruction& instruction) {
  return instruction.op == op_index<AsType>() &&
         instruction.source_dtype.val() == instruction.dtype.val();
}

}  // namespace

BlockTape::BlockTape(const TapeView& tape, std::span<const size_t> input_itemsizes)
    : num_inputs_(tape.num_inputs) {
  size_t num_values = static_cast<size_t>(num_inputs_) + tape.instructions.size();
  for (size_t v = 0; v < num_values; ++v) alias_.push_back(static_cast<int>(v));
  last_use_.assign(num_values, -1);
  slot_.assign(num_values, -1);
  outside_.assign(num_values, false);
  for (size_t itemsize : input_itemsizes) itemsize_.push_back(static_cast<int>(itemsize));
  for (const auto& i : tape.instructions) itemsize_.push_back(static_cast<int>(size_of(i.dtype)));
  steps_.reserve(tape.instructions.size());
  for (size_t n = 0; n < tape.instructions.size(); ++n) {
    const TapeInstruction& instruction = tape.instructions[n];
    int result = num_inputs_ + static_cast<int>(n);
    if (is_identity(instruction)) {
      alias_[result] = alias_[instruction.sources[0]];
      continue;
    }
    Step step{instruction.op,
              kernel_of(instruction),
              tape.params + instruction.params_offset,
              0,
              instruction.num_sources,
              {},
              result,
              false};
    step.can_stream =
        block_kernel_streams(instruction.op, instruction.source_dtype, instruction.dtype);
    for (int s = 0; s < instruction.num_sources; ++s) {
      step.sources[s] = alias_[instruction.sources[s]];
      last_use_[step.sources[s]] = static_cast<int>(steps_.size());
    }
    steps_.push_back(step);
  }
}

void BlockTape::mark_constant(int value) {
  for (Step& step : steps_) {
    if (step.num_sources != 2 || !step.can_stream) continue;
    bool commutes = step.op == op_index<Add>() || step.op == op_index<Multiply>();
    if (commutes && step.sources[0] == value) std::swap(step.sources[0], step.sources[1]);
    if (step.sources[1] == value) step.wishes |= kConstantSecond;
  }
}

int BlockTape::step_of(int value) const {
  for (size_t s = 0; s < steps_.size(); ++s) {
    if (steps_[s].result == value) return static_cast<int>(s);
  }
  return -1;
}

void BlockTape::assign_slots() {
  SmallVector<int, 32> free_slots;
  auto take = [&]() {
    if (free_slots.empty()) return num_slots_++;
    int slot = free_slots.back();
    free_slots.pop_back();
    return slot;
  };
  for (int input = 0; input < num_inputs_; ++input) {
    if (!outside_[input]) slot_[input] = take();
  }
  for (int s = 0; s < static_cast<int>(steps_.size()); ++s) {
    const Step& step = steps_[s];
    int reused = -1;
    SmallVector<int> dying;
    for (int k = 0; k < step.num_sources; ++k) {
      int source = step.sources[k];
      bool seen = std::find(dying.begin(), dying.end(), source) != dying.end();
      if (slot_[source] >= 0 && last_use_[source] == s && !seen) dying.push_back(source);
    }
    if (!outside_[step.result]) {
      for (int source : dying) {
        if (itemsize_[source] == itemsize_[step.result]) reused = source;
      }
      slot_[step.result] = reused >= 0 ? slot_[reused] : take();
    }
    for (int source : dying) {
      if (source != reused) free_slots.push_back(slot_[source]);
    }
    if (last_use_[step.result] < 0 && slot_[step.result] >= 0) {
      free_slots.push_back(slot_[step.result]);  // a value nobody reads
    }
  }
}

size_t BlockTape::largest_item() const {
  return static_cast<size_t>(*std::max_element(itemsize_.begin(), itemsize_.end()));
}

char* thread_scratch(size_t bytes) {
  thread_local std::vector<char> buffer;
  if (buffer.size() < bytes + 64) buffer.resize(bytes + 64);
  auto address = reinterpret_cast<uintptr_t>(buffer.data());
  return buffer.data() + ((64 - address % 64) % 64);
}

}  // namespace mlx::core::cpu
