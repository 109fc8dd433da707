// Tape: a fused sequence of element formulas over arrays of one shape, in single-assignment form.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "mlx/primitives/primitive.h"

namespace mlx::core {

/** Values are numbered: first the inputs of the tape, then one value per instruction, in order. */
struct TapeInstruction {
  uint16_t op = 0;               // index into the OpList
  uint8_t num_sources = 0;       // 1 to 3
  Dtype source_dtype = float32;  // of the sources (for select: of the last two)
  Dtype dtype = float32;         // of the result; rounding happens here, as if the op ran alone
  std::array<int32_t, 3> sources{};
  uint32_t params_offset = 0;  // into Tape::params
  uint32_t params_size = 0;
};

struct Tape {
  int num_inputs = 0;
  std::vector<TapeInstruction> instructions;
  std::vector<int32_t> outputs;  // the value stored in each output array
  std::vector<std::byte> params;

  /** The inputs and the results of the instructions. */
  int num_values() const { return num_inputs + static_cast<int>(instructions.size()); }
};

/** A group of element-wise nodes fused into one step. All inputs broadcast (by strides) to the
 * shape of the outputs; every output has that shape. Made by the fuser during scheduling; never
 * seen by users. */
class Fused : public Primitive {
 public:
  Fused(Stream stream, Tape tape) : Primitive(stream), tape_(std::move(tape)) {}
  const char* name() const override { return "Fused"; }
  const Tape& tape() const { return tape_; }

 private:
  Tape tape_;
};

/** A fused group whose one value is reduced at once, without being stored. The value has `shape`;
 * `reduce` is the Reduce primitive that would have read it. */
class FusedReduce : public Primitive {
 public:
  FusedReduce(Stream stream, Tape tape, Shape shape, std::shared_ptr<Primitive> reduce)
      : Primitive(stream),
        tape_(std::move(tape)),
        shape_(std::move(shape)),
        reduce_(std::move(reduce)) {}
  const char* name() const override { return "FusedReduce"; }
  const Tape& tape() const { return tape_; }
  const Shape& shape() const { return shape_; }
  /** The dtype of the value that is reduced. */
  Dtype dtype() const { return tape_.instructions.back().dtype; }
  const std::shared_ptr<Primitive>& reduce() const { return reduce_; }

 private:
  Tape tape_;
  Shape shape_;
  std::shared_ptr<Primitive> reduce_;
};

/** A fused group one of whose inputs is random words that nothing else reads: they are drawn where
 * they are used. That input is the key; its words have the shape of the outputs. */
class FusedRandom : public Primitive {
 public:
  FusedRandom(Stream stream, Tape tape, int words)
      : Primitive(stream), tape_(std::move(tape)), words_(words) {}
  const char* name() const override { return "FusedRandom"; }
  const Tape& tape() const { return tape_; }
  /** Which input stands for the words. */
  int words() const { return words_; }

 private:
  Tape tape_;
  int words_;
};

}  // namespace mlx::core
