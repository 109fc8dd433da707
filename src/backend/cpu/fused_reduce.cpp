// Tapes that end in a reduction: blocks of the tape's value go from L1 into the reduction's tree.
#include "backend/cpu/fused_reduce.h"

#include <algorithm>
#include <vector>

#include "backend/cpu/element/engine.h"
#include "backend/cpu/reduce_eval.h"
#include "graph/shape.h"
#include "runtime/tape.h"

namespace mlx::core::cpu {

namespace {

constexpr size_t kSlotBytes =
    kSourceBlock * 8 + 64;  // a block of the widest type, and a vector's slack

bool is_single(const array& a) {
  for (size_t i = 0; i < a.ndim(); ++i) {
    if (a.shape()[i] != 1 && a.strides()[i] != 0) return false;
  }
  return true;
}

/** Computes blocks of a tape's last value from inputs that are row-contiguous or single elements.
 */
class TapeSource : public ElementSource {
 public:
  TapeSource(const Tape& tape, const std::vector<array>& inputs) : tape_(tape) {
    for (const auto& input : inputs) {
      inputs_.push_back(
          {input.data<char>(), static_cast<int64_t>(input.itemsize()), is_single(input)});
    }
    for (const auto& instruction : tape.instructions) kernels_.push_back(kernel_of(instruction));
    assign_slots();
  }

  const void* fetch(int64_t first, int64_t count) const override {
    static thread_local std::vector<char> scratch;
    if (scratch.size() < kSlotBytes * num_slots_) scratch.resize(kSlotBytes * num_slots_);
    auto slot = [&](int32_t value) { return scratch.data() + kSlotBytes * slots_[value]; };
    auto location = [&](int32_t value) -> const void* {
      if (value < tape_.num_inputs && !inputs_[value].is_single) {
        return inputs_[value].data + first * inputs_[value].itemsize;
      }
      return slot(value);
    };
    for (int i = 0; i < tape_.num_inputs; ++i) {
      if (inputs_[i].is_single) fill_block(slot(i), inputs_[i].data, count, inputs_[i].itemsize);
    }
    for (size_t n = 0; n < tape_.instructions.size(); ++n) {
      const auto& instruction = tape_.instructions[n];
      const void* sources[3];
      for (int k = 0; k < instruction.num_sources; ++k)
        sources[k] = location(instruction.sources[k]);
      kernels_[n](slot(tape_.num_inputs + static_cast<int32_t>(n)), sources, count,
                  tape_.params.data() + instruction.params_offset);
    }
    return slot(tape_.num_values() - 1);
  }

 private:
  struct Input {
    const char* data;
    int64_t itemsize;
    bool is_single;
  };

  /** A slot for each single input and each result; a slot is free again after its value's last use.
   */
  void assign_slots() {
    std::vector<int32_t> last_use(tape_.num_values(), -1);
    for (size_t n = 0; n < tape_.instructions.size(); ++n) {
      for (int k = 0; k < tape_.instructions[n].num_sources; ++k) {
        last_use[tape_.instructions[n].sources[k]] = static_cast<int32_t>(n);
      }
    }
    slots_.assign(tape_.num_values(), 0);
    for (int i = 0; i < tape_.num_inputs; ++i) {
      if (inputs_[i].is_single) slots_[i] = num_slots_++;
    }
    std::vector<size_t> free_slots;
    for (size_t n = 0; n < tape_.instructions.size(); ++n) {
      int32_t result = tape_.num_inputs + static_cast<int32_t>(n);
      if (free_slots.empty()) {
        slots_[result] = num_slots_++;
      } else {
        slots_[result] = free_slots.back();
        free_slots.pop_back();
      }
      std::vector<int32_t> sources(
          tape_.instructions[n].sources.begin(),
          tape_.instructions[n].sources.begin() + tape_.instructions[n].num_sources);
      std::sort(sources.begin(), sources.end());
      sources.erase(std::unique(sources.begin(), sources.end()), sources.end());
      for (int32_t source : sources) {
        if (source >= tape_.num_inputs && last_use[source] == static_cast<int32_t>(n)) {
          free_slots.push_back(slots_[source]);
        }
      }
    }
  }

  const Tape& tape_;
  std::vector<Input> inputs_;
  std::vector<BlockKernel> kernels_;
  std::vector<size_t> slots_;
  size_t num_slots_ = 0;
};

void eval_fused_reduce(const Primitive& primitive, const std::vector<array>& inputs,
                       std::vector<array>& outputs) {
  const auto& fused = static_cast<const FusedReduce&>(primitive);
  auto [type, axes] = static_cast<const Reduce&>(*fused.reduce()).state();
  std::vector<bool> reduced(fused.shape().size(), false);
  for (int axis : axes) reduced[axis] = true;
  bool in_runs = reduces_in_runs(fused.shape(), reduced);
  for (const auto& input : inputs) in_runs &= input.flags().row_contiguous || is_single(input);
  if (!in_runs) {
    // Layouts that are not walked in runs: store the value, then reduce it.
    std::vector<array> value{array::placeholder(fused.shape(), fused.dtype())};
    Fused elementwise(fused.stream(), fused.tape());
    run_kernel(Device::cpu, elementwise, inputs, value);
    run_kernel(Device::cpu, *fused.reduce(), value, outputs);
    return;
  }
  array& out = outputs[0];
  out.set_data(allocator::malloc(out.nbytes()));
  auto [op, truth] = reduce_kind(type);
  TapeSource source(fused.tape(), inputs);
  Strides strides = row_major_strides(fused.shape());
  reduce(op, truth, {nullptr, fused.dtype(), fused.shape(), strides}, reduced, out.data<char>(),
         out.dtype(), &source);
}

}  // namespace

void register_fused_reduce(KernelTable& table) { table.add<FusedReduce>(eval_fused_reduce); }

}  // namespace mlx::core::cpu
