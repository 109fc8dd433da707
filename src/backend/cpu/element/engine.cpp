// Runs tapes: plans scratch and tiles once, then streams tile after tile through the block kernels.
#include "backend/cpu/element/engine.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "backend/cpu/element/block_tape.h"
#include "backend/cpu/element/kernels.h"
#include "backend/cpu/element/space.h"
#include "backend/cpu/element/tiles.h"
#include "backend/cpu/simd/streaming.h"
#include "base/errors.h"
#include "base/thread_pool.h"
#include "mlx/primitives/unary.h"

namespace mlx::core::cpu {

BlockKernel kernel_of(const TapeInstruction& instruction) {
  BlockKernel kernel =
      find_block_kernel(instruction.op, instruction.source_dtype, instruction.dtype);
  if (kernel == nullptr) {
    throw_internal("no element kernel for op " + std::string(element_op_name(instruction.op)) +
                   " on " + std::string(dtype_name(instruction.source_dtype)));
  }
  return kernel;
}

namespace {

constexpr int64_t kDeepBlock = 1024;     // elements: a block of each live value stays in L1
constexpr int64_t kLongDeepBlock = 512;  // where memory is the limit, shorter waits overlap better
constexpr int64_t kShallowBlock = 2048;
constexpr size_t kTilesAhead = 2;          // so far a tape of several steps asks for its inputs
constexpr int64_t kTaskBytes = 256 << 10;  // of operands, a range that one thread takes
constexpr int64_t kInlineBytes = 32 << 10;

enum class Access : uint8_t {
  direct,    // the array's memory itself
  constant,  // one element, spread over a slot once
  repeated,  // a slot that is refilled only when the tile's address changes
  copied,    // a slot filled for every tile
};

/** Where an input or output lies, per dimension of the tiling. */
struct Placement {
  char* data;
  int64_t row_stride, column_stride;
  size_t itemsize;
  Access access = Access::direct;
  bool stream = false;
  int value = -1;
  int operand = -1;  // its number in the iteration space
};

SmallVector<size_t, 16> itemsizes_of(std::span<const ElementOperand> operands) {
  SmallVector<size_t, 16> result;
  for (const ElementOperand& operand : operands) result.push_back(size_of(operand.dtype));
  return result;
}

class Program {
 public:
  Program(const TapeView& tape, std::span<const ShapeElem> shape,
          std::span<const ElementOperand> inputs, std::span<const ElementOperand> outputs);
  void run();

 private:
  void place_operands(std::span<const ElementOperand> inputs,
                      std::span<const ElementOperand> outputs, int64_t block);
  void choose_direct_outputs();
  void assign_slots();
  void run_tiles(int64_t begin, int64_t end) const;

  int num_inputs_;
  IterationSpace space_;
  Tiling tiling_;
  BlockTape tape_;
  std::vector<Placement> inputs_, outputs_;
  SmallVector<int> outer_dims_;
  size_t slot_bytes_ = 0;
};

Program::Program(const TapeView& tape, std::span<const ShapeElem> shape,
                 std::span<const ElementOperand> inputs, std::span<const ElementOperand> outputs)
    : num_inputs_(tape.num_inputs),
      space_(make_space(shape, inputs, outputs)),
      tape_(tape, itemsizes_of(inputs)) {
  if (space_.num_elements == 0) return;
  for (size_t k = 0; k < outputs.size(); ++k) {
    outputs_.push_back(Placement{.data = static_cast<char*>(outputs[k].data),
                                 .row_stride = 0,
                                 .column_stride = 0,
                                 .itemsize = size_of(outputs[k].dtype),
                                 .value = tape_.resolve(tape.outputs[k]),
                                 .operand = num_inputs_ + static_cast<int>(k)});
  }
  int64_t block = kShallowBlock;
  if (tape_.steps().size() > 1) {
    auto bytes = static_cast<size_t>(space_.num_elements) * size_of(outputs[0].dtype);
    block = uses_streaming_stores(bytes) ? kLongDeepBlock : kDeepBlock;
  }
  place_operands(inputs, outputs, block);
  choose_direct_outputs();
  assign_slots();
}

void Program::place_operands(std::span<const ElementOperand> inputs,
                             std::span<const ElementOperand> outputs, int64_t block) {
  SmallVector<size_t, 16> itemsizes;
  for (const ElementOperand& input : inputs) itemsizes.push_back(size_of(input.dtype));
  for (const ElementOperand& output : outputs) itemsizes.push_back(size_of(output.dtype));
  tiling_ = choose_tiling(space_, {itemsizes.begin(), itemsizes.size()}, block);
  int inner = space_.ndim() - 1;
  for (int dim = 0; dim < inner; ++dim) {
    if (dim != tiling_.row_dim) outer_dims_.push_back(dim);
  }
  auto place = [&](Placement& p) {
    p.column_stride = space_.stride(inner, p.operand);
    p.row_stride = tiling_.row_dim >= 0 ? space_.stride(tiling_.row_dim, p.operand) : 0;
  };
  for (int k = 0; k < num_inputs_; ++k) {
    Placement p{.data = static_cast<char*>(inputs[k].data),
                .row_stride = 0,
                .column_stride = 0,
                .itemsize = itemsizes[k],
                .value = k,
                .operand = k};
    place(p);
    bool moves = false;
    for (int dim = 0; dim < space_.ndim(); ++dim) moves |= space_.stride(dim, k) != 0;
    TileView tile{p.data,    p.row_stride, p.column_stride, tiling_.tile_rows, tiling_.tile_columns,
                  p.itemsize};
    bool dense_rows = tiling_.tile_rows == 1 || tiling_.tile_columns == tiling_.columns;
    if (!moves)
      p.access = Access::constant;
    else if (tile.is_dense() && dense_rows)
      p.access = Access::direct;
    else if (p.column_stride == 0 || (p.row_stride == 0 && tiling_.tile_rows > 1))
      p.access = Access::repeated;
    else
      p.access = Access::copied;
    inputs_.push_back(p);
  }
  for (Placement& output : outputs_) place(output);
}

/** An output whose tiles are dense is written by its last kernel directly, unless it bypasses the
 * caches or shares memory with an input that is still to be read. */
void Program::choose_direct_outputs() {
  SmallVector<int> claimed;
  for (Placement& output : outputs_) {
    TileView tile{output.data,       output.row_stride,    output.column_stride,
                  tiling_.tile_rows, tiling_.tile_columns, output.itemsize};
    bool dense =
        tile.is_dense() && (tiling_.tile_rows == 1 || tiling_.tile_columns == tiling_.columns);
    bool in_place = false, is_safe = true;
    int step = tape_.step_of(output.value);
    for (const Placement& input : inputs_) {
      if (input.data != output.data) continue;
      in_place = true;
      is_safe &= tape_.last_use(input.value) <= step && input.access == Access::direct;
    }
    bool is_long =
        uses_streaming_stores(static_cast<size_t>(space_.num_elements) * output.itemsize);
    output.stream =
        !in_place && is_long && output.column_stride == static_cast<int64_t>(output.itemsize);
    bool is_taken = std::find(claimed.begin(), claimed.end(), output.value) != claimed.end();
    bool streams_itself = false;
    if (step >= 0 && output.stream) {
      // Whole cache lines, not read again by the tape: the kernel may write them itself.
      int64_t tile_bytes = tiling_.tile_columns * static_cast<int64_t>(output.itemsize);
      streams_itself = tape_.steps()[step].can_stream && tape_.last_use(output.value) < 0 &&
                       reinterpret_cast<uintptr_t>(output.data) % 64 == 0 && tile_bytes % 64 == 0 &&
                       tiling_.tile_rows == 1 && space_.ndim() == 1;
    }
    if (step >= 0 && dense && is_safe && (!output.stream || streams_itself) && !is_taken) {
      output.access = Access::direct;
      if (streams_itself) tape_.stream(step);
      tape_.place_outside(output.value);
      claimed.push_back(output.value);
    } else {
      output.access = Access::copied;
      tape_.keep(output.value);
    }
  }
  // Pass-through values are stored before anything that may overwrite their input.
  std::stable_partition(outputs_.begin(), outputs_.end(),
                        [&](const Placement& output) { return output.value < num_inputs_; });
}

void Program::assign_slots() {
  for (const Placement& input : inputs_) {
    if (input.access == Access::constant) tape_.mark_constant(input.value);
    if (input.access == Access::direct)
      tape_.place_outside(input.value);
    else if (input.access != Access::copied)
      tape_.keep(input.value);
  }
  tape_.assign_slots();
  slot_bytes_ =
      static_cast<size_t>(tiling_.tile_rows * tiling_.tile_columns) * tape_.largest_item();
  slot_bytes_ = (slot_bytes_ + 127) / 64 * 64;  // a vector's slack behind each block
}

void Program::run() {
  if (space_.num_elements == 0) return;
  int64_t num_outer = 1;
  for (int dim : outer_dims_) num_outer *= space_.sizes[dim];
  int64_t num_tiles = num_outer * tiling_.row_tiles() * tiling_.column_tiles();
  int64_t element_bytes = 0;
  for (const Placement& p : inputs_) element_bytes += p.access == Access::constant ? 0 : p.itemsize;
  for (const Placement& p : outputs_) element_bytes += p.itemsize;
  if (space_.num_elements * element_bytes <= kInlineBytes) return run_tiles(0, num_tiles);
  int64_t tile_bytes = tiling_.tile_rows * tiling_.tile_columns * element_bytes;
  int64_t grain = std::max<int64_t>(1, kTaskBytes / tile_bytes);
  parallel_ranges(num_tiles, grain, [&](int64_t begin, int64_t end) { run_tiles(begin, end); });
}

void Program::run_tiles(int64_t begin, int64_t end) const {
  char* scratch = thread_scratch(slot_bytes_ * static_cast<size_t>(tape_.num_slots()));
  SmallVector<char*, 32> location;
  for (int value = 0; value < tape_.num_values(); ++value) {
    int slot = tape_.slot(value);
    location.push_back(slot < 0 ? nullptr : scratch + slot_bytes_ * static_cast<size_t>(slot));
  }
  int64_t tile_elements = tiling_.tile_rows * tiling_.tile_columns;
  SmallVector<const char*, 16> loaded_from;  // what a repeated input's slot holds
  loaded_from.assign(inputs_.size(), nullptr);
  int64_t loaded_rows = 0, loaded_columns = 0;
  for (const Placement& p : inputs_) {
    if (p.access == Access::constant) {
      fill_block(location[p.value], p.data, static_cast<size_t>(tile_elements), p.itemsize);
    }
  }

  int64_t column_tiles = tiling_.column_tiles(), row_tiles = tiling_.row_tiles();
  SmallVector<int64_t, 16> outer_offset;
  outer_offset.assign(static_cast<size_t>(space_.num_operands), 0);
  int64_t current_outer = -1;
  bool streams = false;
  const bool asks_ahead = tape_.steps().size() > 1;
  for (int64_t t = begin; t < end; ++t) {
    int64_t column = t % column_tiles * tiling_.tile_columns;
    int64_t row = t / column_tiles % row_tiles * tiling_.tile_rows;
    int64_t outer = t / (column_tiles * row_tiles);
    if (outer != current_outer) {
      current_outer = outer;
      std::fill(outer_offset.begin(), outer_offset.end(), 0);
      for (int n = static_cast<int>(outer_dims_.size()) - 1; n >= 0; --n) {
        int dim = outer_dims_[n];
        int64_t index = outer % space_.sizes[dim];
        outer /= space_.sizes[dim];
        for (int k = 0; k < space_.num_operands; ++k)
          outer_offset[k] += index * space_.stride(dim, k);
      }
    }
    int64_t rows = std::min(tiling_.tile_rows, tiling_.rows - row);
    int64_t columns = std::min(tiling_.tile_columns, tiling_.columns - column);
    auto view = [&](const Placement& p) {
      return TileView{
          p.data + outer_offset[p.operand] + row * p.row_stride + column * p.column_stride,
          p.row_stride,
          p.column_stride,
          rows,
          columns,
          p.itemsize};
    };
    SmallVector<BlockTape::Range, 16> ahead;
    for (int k = 0; k < num_inputs_; ++k) {
      const Placement& p = inputs_[k];
      if (p.access == Access::constant) continue;
      TileView tile = view(p);
      if (p.access == Access::direct) {
        location[k] = tile.data;
        if (asks_ahead) {
          size_t bytes = static_cast<size_t>(tile_elements) * p.itemsize;
          ahead.push_back({tile.data + kTilesAhead * bytes, bytes});
        }
      } else if (p.access == Access::copied) {
        load_tile(location[k], tile);
      } else if (loaded_from[k] != tile.data || loaded_rows != rows || loaded_columns != columns) {
        load_tile(location[k], tile);
        loaded_from[k] = tile.data;
      }
    }
    loaded_rows = rows;
    loaded_columns = columns;
    for (const Placement& p : outputs_) {
      if (p.access == Access::direct) location[p.value] = view(p).data;
    }
    tape_.run(location.data(), static_cast<size_t>(rows * columns), {ahead.begin(), ahead.size()});
    for (const Placement& p : outputs_) {
      if (p.access == Access::direct) continue;
      store_tile(view(p), location[p.value], p.stream);
    }
  }
  for (const Placement& p : outputs_) streams |= p.stream;
  if (streams) end_stream();
}

// ---- one small op on dense arrays: no plan at all

constexpr int64_t kSmall = 1024;

bool is_row_contiguous(std::span<const ShapeElem> shape, const int64_t* strides) {
  int64_t expected = 1;
  for (int i = static_cast<int>(shape.size()) - 1; i >= 0; --i) {
    if (shape[i] == 1) continue;
    if (strides[i] != expected) return false;
    expected *= shape[i];
  }
  return true;
}

bool is_single(std::span<const ShapeElem> shape, const int64_t* strides) {
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] != 1 && strides[i] != 0) return false;
  }
  return true;
}

bool run_small(const TapeView& tape, std::span<const ShapeElem> shape,
               std::span<const ElementOperand> inputs, std::span<const ElementOperand> outputs) {
  if (tape.instructions.size() != 1 || outputs.size() != 1) return false;
  int64_t size = 1;
  for (ShapeElem n : shape) size *= n;
  if (size > kSmall || !is_row_contiguous(shape, outputs[0].strides)) return false;
  const TapeInstruction& instruction = tape.instructions[0];
  alignas(64) char spread[3][kSmall * 8];
  const void* sources[3];
  for (int s = 0; s < instruction.num_sources; ++s) {
    const ElementOperand& input = inputs[instruction.sources[s]];
    if (size > 0 && !is_row_contiguous(shape, input.strides)) {
      if (!is_single(shape, input.strides)) return false;
      fill_block(spread[s], input.data, static_cast<size_t>(size), size_of(input.dtype));
      sources[s] = spread[s];
    } else {
      sources[s] = input.data;
    }
  }
  kernel_of(instruction)(outputs[0].data, sources, static_cast<size_t>(size),
                         tape.params + instruction.params_offset);
  return true;
}

}  // namespace

void run_tape(const TapeView& tape, std::span<const ShapeElem> shape,
              std::span<const ElementOperand> inputs, std::span<const ElementOperand> outputs) {
  if (run_small(tape, shape, inputs, outputs)) return;
  Program(tape, shape, inputs, outputs).run();
}

void copy_elements(const ElementOperand& dst, const ElementOperand& src,
                   std::span<const ShapeElem> shape) {
  TapeInstruction cast{.op = static_cast<uint16_t>(op_index<AsType>()),
                       .num_sources = 1,
                       .source_dtype = src.dtype,
                       .dtype = dst.dtype,
                       .sources = {0, 0, 0},
                       .params_offset = 0,
                       .params_size = 0};
  int32_t output = 1;
  run_tape(TapeView{1, {&cast, 1}, {&output, 1}, nullptr}, shape, {&src, 1}, {&dst, 1});
}

void fill_elements(const ElementOperand& dst, const void* value, std::span<const ShapeElem> shape) {
  SmallVector<int64_t> strides(shape.size(), 0);
  copy_elements(dst, {const_cast<void*>(value), strides.begin(), dst.dtype}, shape);
}

}  // namespace mlx::core::cpu
