// The element engine: runs a tape of block kernels over strided arrays.
#pragma once

#include <cstdint>
#include <span>

#include "backend/cpu/element/kernels.h"
#include "mlx/dtype.h"
#include "runtime/tape.h"

namespace mlx::core::cpu {

/** An array an element program reads or writes; strides in items, one for each dimension of the
 * shape. */
struct ElementOperand {
  void* data;  // inputs are not written
  const int64_t* strides;
  Dtype dtype;
};

/** A tape without ownership; for single ops it is built on the stack. */
struct TapeView {
  int num_inputs;
  std::span<const TapeInstruction> instructions;
  std::span<const int32_t> outputs;
  const std::byte* params;
};

/** The block kernel of an instruction. */
BlockKernel kernel_of(const TapeInstruction& instruction);

/** Runs the tape over `shape`. Inputs broadcast by stride 0. An output may share memory with an
 * input if both have the same strides and item size; overlap otherwise is not allowed. Blocks until
 * done. */
void run_tape(const TapeView& tape, std::span<const ShapeElem> shape,
              std::span<const ElementOperand> inputs, std::span<const ElementOperand> outputs);

/** Copies with conversion between any two layouts of `shape`. */
void copy_elements(const ElementOperand& dst, const ElementOperand& src,
                   std::span<const ShapeElem> shape);

/** Writes the item at `value` (of the operand's dtype) to every element. */
void fill_elements(const ElementOperand& dst, const void* value, std::span<const ShapeElem> shape);

}  // namespace mlx::core::cpu
