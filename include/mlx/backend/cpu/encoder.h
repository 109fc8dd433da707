// CommandEncoder: how primitives of extensions give work to a CPU stream.
#pragma once

#include <utility>
#include <vector>

#include "mlx/array.h"
#include "mlx/stream.h"

namespace mlx::core::cpu {

/** A primitive's eval_cpu runs on the stream's thread when its inputs are ready, so dispatched work
 * runs at once and in order. The bookkeeping calls are accepted for programs written for MLX. */
class CommandEncoder {
 public:
  explicit CommandEncoder(Stream stream) : stream_(stream) {}

  void set_input_array(const array&) {}
  void set_output_array(array&) {}
  /** Keeps an array alive until the work of this primitive is done; it is, when dispatch returns.
   */
  void add_temporary(array) {}
  void add_temporaries(std::vector<array>) {}

  template <class F, class... Args>
  void dispatch(F&& f, Args&&... args) {
    std::forward<F>(f)(std::forward<Args>(args)...);
  }

  Stream stream() const { return stream_; }

 private:
  Stream stream_;
};

inline CommandEncoder& get_command_encoder(Stream stream) {
  static thread_local CommandEncoder encoder(stream);
  encoder = CommandEncoder(stream);
  return encoder;
}

}  // namespace mlx::core::cpu
