// The value of an element tape, computed where a reduction reads it instead of being stored.
#pragma once

#include <string>
#include <vector>

#include "backend/cuda/element.h"
#include "backend/cuda/encoder.h"
#include "backend/cuda/kernels/args.h"

namespace mlx::core::cuda {

class TapeValue {
 public:
  TapeValue(Encoder& encoder, const Tape& tape, Dtype dtype, const Shape& shape,
            const std::vector<array>& inputs);

  /** False when some input is neither row-major and aligned nor a single element. */
  bool fits() const { return fits_; }
  /** Names the tape and how its inputs are read. */
  std::string name() const;
  /** A kernel `name` of the reduction `instance` that takes this as its source. */
  std::string text(const std::string& name, const std::string& instance, int threads) const;
  /** What it is launched with; notes the inputs as read by the next launch. */
  mlx_device::TapeReduceArgs arguments(Encoder& encoder,
                                       const mlx_device::ReduceArgs& reduce) const;

 private:
  const Tape& tape_;
  const std::vector<array>& inputs_;
  TapeLayout layout_;
  bool fits_ = true;
};

}  // namespace mlx::core::cuda
