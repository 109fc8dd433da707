// Grouping of element-wise steps and construction of their tapes.
#include "compile/fuse.h"

#include <algorithm>

#include "base/errors.h"
#include "mlx/primitives/random.h"
#include "mlx/primitives/reduce.h"
#include "runtime/kernel_table.h"
#include "runtime/tape.h"

namespace mlx::core {

namespace {

constexpr int32_t kNoGroup = -1;
constexpr int32_t kMixed = -2;
constexpr size_t kMaxInputs = 16;         // distinct arrays read by one tape
constexpr size_t kMaxInstructions = 256;  // keeps the scratch and a generated kernel small

bool is_fusable(const Step& step) {
  return step.outputs.size() == 1 && step.primitive->element_op() >= 0 && step.waits.empty() &&
         !step.signal.valid() && step.outputs[0].size() > 0;
}

/** Names what a tape reads: the array, or for a single element at hand (a Python scalar) its
 * memory, so that views of one constant count once. */
std::uintptr_t read_key(const array& a) {
  bool is_constant =
      !a.has_primitive() && a.status() == array::available && a.data_size() == 1 && a.offset() == 0;
  if (!is_constant) return a.id();
  // Addresses have fewer than 60 bits; a view may have another dtype; the top bit tells these from
  // ids.
  auto memory = reinterpret_cast<std::uintptr_t>(a.data_shared_ptr().get());
  return std::uintptr_t{1} << 63 | memory << 4 | static_cast<std::uintptr_t>(a.dtype().val());
}

/** The job's steps seen as a graph: who makes an array, who uses it, which group a step is in. */
class Grouping {
 public:
  explicit Grouping(std::vector<Step>& steps)
      : steps_(steps),
        uses_(steps.size(), 0),
        consumer_group_(steps.size(), kNoGroup),
        group_(steps.size(), kNoGroup),
        num_members_(steps.size(), 0),
        reads_(steps.size()) {
    for (uint32_t i = 0; i < steps.size(); ++i) {
      for (auto& output : steps[i].outputs) output.set_mark(i);
    }
    for (size_t i = steps.size(); i-- > 0;) assign(i);
  }

  /** The step that computes `input` in this job, or -1. */
  int64_t producer(const array& input) const {
    uint32_t mark = input.mark();
    if (mark >= steps_.size()) return -1;
    for (const auto& output : steps_[mark].outputs) {
      if (output.id() == input.id()) return mark;
    }
    return -1;
  }

  /** The index of the group's last step, which names the group. */
  int32_t group(size_t step) const { return group_[step]; }
  size_t num_members(int32_t group) const { return num_members_[group]; }

  /** The one group that all users of the step's outputs are in; negative when there is none. */
  int32_t consumer_group(size_t step) const { return consumer_group_[step]; }

  size_t num_uses(size_t step) const { return uses_[step]; }

  /** True when something besides the job's own steps refers to the step's output. */
  bool is_held(size_t step) const {
    return steps_[step].outputs[0].use_count() > 1 + static_cast<long>(uses_[step]);
  }

 private:
  void assign(size_t i) {
    const Step& step = steps_[i];
    bool fusable = is_fusable(step);
    if (fusable) {
      int32_t group = consumer_group_[i];
      bool joins = group >= 0 && num_members_[group] < kMaxInstructions &&
                   steps_[group].outputs[0].shape() == step.outputs[0].shape() &&
                   add_reads(reads_[group], step);
      group_[i] = joins ? group : static_cast<int32_t>(i);
      if (!joins) add_reads(reads_[i], step);
      ++num_members_[group_[i]];
    }
    for (const auto& input : step.inputs) {
      int64_t from = producer(input);
      if (from < 0) continue;
      ++uses_[from];
      int32_t mine = fusable ? group_[i] : kMixed;
      auto& seen = consumer_group_[from];
      seen = seen == kNoGroup || seen == mine ? mine : kMixed;
    }
  }

  /** Replaces the step's own value among a group's reads by what the step reads. False (and no
   * change) when that would be too many. */
  static bool add_reads(std::vector<std::uintptr_t>& reads, const Step& step) {
    auto updated = reads;
    std::erase(updated, step.outputs[0].id());
    for (const auto& input : step.inputs) {
      auto key = read_key(input);
      if (std::find(updated.begin(), updated.end(), key) == updated.end()) {
        updated.push_back(key);
      }
    }
    if (updated.size() > kMaxInputs) return false;
    reads = std::move(updated);
    return true;
  }

  std::vector<Step>& steps_;
  std::vector<uint32_t> uses_;
  std::vector<int32_t> consumer_group_;
  std::vector<int32_t> group_;
  std::vector<size_t> num_members_;
  std::vector<std::vector<std::uintptr_t>> reads_;  // arrays each group reads from outside
};

/** Builds the tape of one group from its member steps, which are emptied. */
class TapeBuilder {
 public:
  void add(Step&& step, bool is_stored) {
    TapeInstruction instruction{};
    const auto& primitive = *step.primitive;
    instruction.op = static_cast<uint16_t>(primitive.element_op());
    instruction.num_sources = static_cast<uint8_t>(step.inputs.size());
    instruction.source_dtype = step.inputs.back().dtype();
    instruction.dtype = step.outputs[0].dtype();
    for (size_t k = 0; k < step.inputs.size(); ++k) {
      instruction.sources[k] = value_of(step.inputs[k]);
    }
    auto params = primitive.element_params();
    instruction.params_offset = static_cast<uint32_t>(tape_.params.size());
    instruction.params_size = static_cast<uint32_t>(params.size());
    tape_.params.insert(tape_.params.end(), params.begin(), params.end());
    tape_.params.resize((tape_.params.size() + 15) & ~size_t{15});
    // Instructions are numbered from -1 downwards until the number of inputs is known.
    members_.emplace_back(step.outputs[0].id(),
                          -1 - static_cast<int32_t>(tape_.instructions.size()));
    tape_.instructions.push_back(instruction);
    if (is_stored) {
      tape_.outputs.push_back(members_.back().second);
      outputs_.push_back(step.outputs[0]);
    }
    stream_ = step.primitive->stream();
    dropped_.push_back(std::move(step));
  }

  /** The input `words` is to be drawn from its key. */
  void draw(Step&& words) { words_ = std::move(words); }

  Step finish() {
    number_values();
    dropped_.clear();  // the last references to fused-away arrays, and to inputs but for ours
    Step step;
    if (words_.primitive) {
      int32_t at = value_of(words_.outputs[0]);
      inputs_[at] = words_.inputs[0];
      step.primitive = std::make_shared<FusedRandom>(stream_, std::move(tape_), at);
    } else {
      step.primitive = std::make_shared<Fused>(stream_, std::move(tape_));
    }
    step.inputs = std::move(inputs_);
    step.outputs = std::move(outputs_);
    return step;
  }

  /** Ends the tape with the reduction of its last value. */
  Step finish_with(Step&& reduction) {
    number_values();
    tape_.outputs = {tape_.num_values() - 1};
    Shape shape = dropped_.back().outputs[0].shape();
    dropped_.clear();
    Step step;
    step.primitive = std::make_shared<FusedReduce>(stream_, std::move(tape_), std::move(shape),
                                                   std::move(reduction.primitive));
    step.inputs = std::move(inputs_);
    step.outputs = std::move(reduction.outputs);
    return step;
  }

 private:
  void number_values() {
    tape_.num_inputs = static_cast<int>(inputs_.size());
    auto renumber = [&](int32_t& value) {
      if (value < 0) value = tape_.num_inputs + (-1 - value);
    };
    for (auto& instruction : tape_.instructions) {
      for (int k = 0; k < instruction.num_sources; ++k) renumber(instruction.sources[k]);
    }
    for (auto& output : tape_.outputs) renumber(output);
  }

  int32_t value_of(const array& source) {
    for (auto member = members_.rbegin(); member != members_.rend(); ++member) {
      if (member->first == source.id()) return member->second;
    }
    for (size_t i = 0; i < inputs_.size(); ++i) {
      if (read_key(inputs_[i]) == read_key(source)) return static_cast<int32_t>(i);
    }
    inputs_.push_back(source);
    return static_cast<int32_t>(inputs_.size() - 1);
  }

  Tape tape_;
  Stream stream_{0, Device::cpu};
  std::vector<array> inputs_;
  std::vector<array> outputs_;
  std::vector<std::pair<std::uintptr_t, int32_t>> members_;
  std::vector<Step> dropped_;
  Step words_;
};

constexpr size_t kMinReducedElements = 4096;  // below, a pass over memory saved is not worth a tape

/** For each group (named by its last step): the Reduce step that takes its value, or 0 for none.
 * Only a value that nothing else needs can go unstored. */
std::vector<uint32_t> find_reductions(const std::vector<Step>& steps, const Grouping& grouping) {
  std::vector<uint32_t> reductions(steps.size(), 0);
  for (size_t i = 1; i < steps.size(); ++i) {
    const Step& step = steps[i];
    if (step.inputs.size() != 1 || !step.waits.empty() || step.signal.valid() ||
        step.inputs[0].size() < kMinReducedElements ||
        dynamic_cast<const Reduce*>(step.primitive.get()) == nullptr ||
        !kernel_table(step.primitive->device().type).has<FusedReduce>()) {
      continue;
    }
    int64_t from = grouping.producer(step.inputs[0]);
    if (from >= 0 && grouping.group(from) == from && grouping.num_uses(from) == 1 &&
        !grouping.is_held(from)) {
      reductions[from] = static_cast<uint32_t>(i);
    }
  }
  for (size_t i = 0; i < steps.size(); ++i) {
    int32_t group = grouping.group(i);
    if (group >= 0 && group != static_cast<int32_t>(i) && grouping.is_held(i))
      reductions[group] = 0;
  }
  return reductions;
}

/** For each group: the step that draws random words only this group reads, or -1. */
std::vector<int64_t> find_words(const std::vector<Step>& steps, const Grouping& grouping,
                                const std::vector<uint32_t>& reductions) {
  std::vector<int64_t> words(steps.size(), -1);
  for (size_t i = 0; i < steps.size(); ++i) {
    const Step& step = steps[i];
    if (step.inputs.size() != 1 || step.inputs[0].size() != 2 || step.outputs.size() != 1 ||
        step.outputs[0].dtype() != uint32 || !step.waits.empty() || step.signal.valid() ||
        step.outputs[0].size() < kMinReducedElements ||
        dynamic_cast<const RandomBits*>(step.primitive.get()) == nullptr ||
        !kernel_table(step.primitive->device().type).has<FusedRandom>()) {
      continue;
    }
    int32_t group = grouping.consumer_group(i);
    if (group >= 0 && words[group] < 0 && reductions[group] == 0 && !grouping.is_held(i) &&
        steps[group].outputs[0].shape() == step.outputs[0].shape()) {
      words[group] = static_cast<int64_t>(i);
    }
  }
  return words;
}

}  // namespace

void fuse_elementwise(std::vector<Step>& steps) {
  Grouping grouping(steps);
  auto reductions = find_reductions(steps, grouping);
  auto words = find_words(steps, grouping, reductions);
  std::vector<std::unique_ptr<TapeBuilder>> builders(steps.size());
  std::vector<TapeBuilder*> reduced_by(steps.size(), nullptr);
  std::vector<bool> stored(steps.size());
  auto is_alone = [&](int32_t group) {
    return grouping.num_members(group) == 1 && reductions[group] == 0 && words[group] < 0;
  };
  for (size_t i = 0; i < steps.size(); ++i) {
    int32_t group = grouping.group(i);
    if (group < 0 || is_alone(group)) continue;
    stored[i] = group == static_cast<int32_t>(i) ? reductions[group] == 0 : grouping.is_held(i);
  }
  std::vector<Step> fused;
  fused.reserve(steps.size());
  std::vector<bool> is_drawn(steps.size(), false);
  for (int64_t step : words) {
    if (step >= 0) is_drawn[step] = true;
  }
  for (size_t i = 0; i < steps.size(); ++i) {
    int32_t group = grouping.group(i);
    if (is_drawn[i]) {
      auto& builder = builders[grouping.consumer_group(i)];
      if (!builder) builder = std::make_unique<TapeBuilder>();
      builder->draw(std::move(steps[i]));
      continue;
    }
    if (reduced_by[i] != nullptr) {
      fused.push_back(reduced_by[i]->finish_with(std::move(steps[i])));
      continue;
    }
    if (group < 0 || is_alone(group)) {
      fused.push_back(std::move(steps[i]));
      continue;
    }
    auto& builder = builders[group];
    if (!builder) builder = std::make_unique<TapeBuilder>();
    builder->add(std::move(steps[i]), stored[i]);
    if (group != static_cast<int32_t>(i)) continue;
    if (reductions[group] != 0) {
      reduced_by[reductions[group]] = builder.get();
    } else {
      fused.push_back(builder->finish());
      builder.reset();
    }
  }
  steps = std::move(fused);
}

}  // namespace mlx::core
