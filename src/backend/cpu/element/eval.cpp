// Element-wise primitives and fused tapes on the CPU: gives outputs a buffer (an input's where it
// may) and hands the arrays to the element engine.
#include "backend/cpu/element/eval.h"

#include "backend/cpu/element/engine.h"

namespace mlx::core::cpu {

namespace {

bool is_dense(const array& a) { return a.flags().contiguous && a.data_size() == a.size(); }

bool is_single(const array& a) { return a.data_size() == 1; }

/** The input whose layout the outputs take: all inputs that are not single elements are dense and
 * share its strides. Null: row-major. */
const array* find_layout(const std::vector<array>& inputs, const Shape& shape) {
  const array* layout = nullptr;
  for (const array& input : inputs) {
    if (is_single(input) && input.size() != 1) continue;
    if (input.shape() != shape || !is_dense(input)) return nullptr;
    if (layout == nullptr)
      layout = &input;
    else if (layout->strides() != input.strides())
      return nullptr;
  }
  return layout;
}

void allocate_outputs(const std::vector<array>& inputs, std::vector<array>& outputs) {
  const array* layout = find_layout(inputs, outputs[0].shape());
  std::vector<bool> given(inputs.size(), false);
  for (array& output : outputs) {
    bool done = false;
    for (size_t i = 0; i < inputs.size() && !done; ++i) {
      const array& input = inputs[i];
      if (given[i] || input.itemsize() != output.itemsize() || input.shape() != output.shape() ||
          !is_dense(input) || !input.is_donatable()) {
        continue;
      }
      if (layout != nullptr ? input.strides() != layout->strides()
                            : !input.flags().row_contiguous) {
        continue;
      }
      output.copy_shared_buffer(input);
      given[i] = true;
      done = true;
    }
    if (done) continue;
    if (layout != nullptr && !layout->flags().row_contiguous) {
      output.set_data(allocator::malloc(output.nbytes()), layout->data_size(), layout->strides(),
                      layout->flags());
    } else {
      output.set_data(allocator::malloc(output.nbytes()));
    }
  }
}

ElementOperand operand_of(const array& a) {
  return {const_cast<char*>(a.data<char>()), a.strides().begin(), a.dtype()};
}

void run(const TapeView& tape, const std::vector<array>& inputs, std::vector<array>& outputs) {
  allocate_outputs(inputs, outputs);
  std::vector<ElementOperand> operands;
  operands.reserve(inputs.size() + outputs.size());
  for (const array& input : inputs) operands.push_back(operand_of(input));
  for (const array& output : outputs) operands.push_back(operand_of(output));
  const Shape& shape = outputs[0].shape();
  std::span<const ElementOperand> all(operands);
  run_tape(tape, {shape.begin(), shape.size()}, all.first(inputs.size()),
           all.subspan(inputs.size()));
}

void eval_elementwise(const Primitive& primitive, const std::vector<array>& inputs,
                      std::vector<array>& outputs) {
  TapeInstruction instruction{.op = static_cast<uint16_t>(primitive.element_op()),
                              .num_sources = static_cast<uint8_t>(inputs.size()),
                              .source_dtype = inputs.back().dtype(),
                              .dtype = outputs[0].dtype(),
                              .sources = {0, 1, 2},
                              .params_offset = 0,
                              .params_size = 0};
  auto output = static_cast<int32_t>(inputs.size());
  run({static_cast<int>(inputs.size()),
       {&instruction, 1},
       {&output, 1},
       primitive.element_params().data()},
      inputs, outputs);
}

void eval_fused(const Primitive& primitive, const std::vector<array>& inputs,
                std::vector<array>& outputs) {
  const Tape& tape = static_cast<const Fused&>(primitive).tape();
  run({tape.num_inputs, tape.instructions, tape.outputs, tape.params.data()}, inputs, outputs);
}

}  // namespace

void register_elementwise(KernelTable& table) {
  table.set_elementwise(eval_elementwise);
  table.add<Fused>(eval_fused);
}

}  // namespace mlx::core::cpu
