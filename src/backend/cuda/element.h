// Element tapes on the GPU: one generated kernel for each tape and layout class.
#pragma once

#include <string>

#include "backend/cuda/encoder.h"
#include "runtime/kernel_table.h"
#include "runtime/tape.h"

namespace mlx::core::cuda {

/** The device type of a dtype, as kernel text names it. */
const char* device_type(Dtype dtype);

/** True when the value is at hand without asking the device, and not on the device yet. */
bool is_on_host(const array& a);
/** The value of an integer array of one element that is on the host. */
int64_t host_integer(const array& a);

/** How a tape's input is read in a kernel. */
enum class Access : char {
  constant = 'k',  // one element, given with the launch
  scalar = 's',    // one element in device memory
  vector = 'v',    // neighbours in the innermost dimension are neighbours in memory
  repeated = 'r',  // the same element along the innermost dimension
  strided = 'g',   // anything else
  drawn = 'd',     // random words, drawn in the kernel
};

struct TapeLayout {
  bool is_flat = true;      // all arrays of one dense layout
  int vector = 1;           // elements a thread handles
  int ndim = 1;             // of the strided form, after merging dimensions
  bool wide_index = false;  // 64-bit index arithmetic
  std::vector<Access> access;
  std::vector<Dtype> input_dtypes;
  std::vector<Dtype> output_dtypes;
};

std::string tape_kernel_name(const Tape& tape, const TapeLayout& layout);
std::string tape_kernel_source(const std::string& name, const Tape& tape, const TapeLayout& layout);

/** A struct `name` that gives a tape's only value to a reduction: N neighbours from any position
 * on. All inputs are dense and row-major, or single elements. */
std::string tape_source_struct(const std::string& name, const Tape& tape, const TapeLayout& layout);

/** The bits of a single element that the host holds. */
uint64_t constant_bits(const array& a);
/** Runs a tape: allocates (or donates) the outputs. */
void run_tape(Encoder& encoder, const Tape& tape, const std::vector<array>& inputs,
              std::vector<array>& outputs);

/** The tape of one conversion. */
Tape cast_tape(Dtype from, Dtype to);

void register_element(KernelTable& table);

}  // namespace mlx::core::cuda
