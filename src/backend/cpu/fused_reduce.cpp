// Tapes that end in a reduction: blocks of the tape's value go from L1 into the reduction's tree.
#include "backend/cpu/fused_reduce.h"

#include <algorithm>
#include <vector>

#include "backend/cpu/element/block_tape.h"
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
  TapeSource(const Tape& tape, const std::vector<array>& inputs)
      : tape_({tape.num_inputs, tape.instructions, tape.outputs, tape.params.data()},
              itemsizes_of(inputs)),
        result_(tape_.resolve(tape.num_values() - 1)) {
    for (size_t i = 0; i < inputs.size(); ++i) {
      const array& input = inputs[i];
      inputs_.push_back(
          {const_cast<char*>(input.data<char>()), input.itemsize(), is_single(input)});
      if (!inputs_.back().is_single)
        tape_.place_outside(static_cast<int>(i));
      else
        tape_.keep(static_cast<int>(i));
    }
    tape_.keep(result_);
    tape_.assign_slots();
  }

  const void* fetch(int64_t first, int64_t count) const override {
    char* scratch = thread_scratch(kSlotBytes * static_cast<size_t>(tape_.num_slots()));
    SmallVector<char*, 32> location;
    for (int value = 0; value < tape_.num_values(); ++value) {
      location.push_back(scratch +
                         kSlotBytes * static_cast<size_t>(std::max(tape_.slot(value), 0)));
    }
    for (size_t i = 0; i < inputs_.size(); ++i) {
      const Input& input = inputs_[i];
      if (input.is_single)
        fill_block(location[i], input.data, count, input.itemsize);
      else
        location[i] = input.data + first * static_cast<int64_t>(input.itemsize);
    }
    tape_.run(location.data(), static_cast<size_t>(count));
    return location[result_];
  }

 private:
  struct Input {
    char* data;  // not written
    size_t itemsize;
    bool is_single;
  };

  static std::vector<size_t> itemsizes_of(const std::vector<array>& inputs) {
    std::vector<size_t> result;
    for (const array& input : inputs) result.push_back(input.itemsize());
    return result;
  }

  BlockTape tape_;
  int result_;
  std::vector<Input> inputs_;
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
