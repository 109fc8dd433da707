// Stream: an ordered queue of work on a device. Any thread may use any stream.
#pragma once

#include <optional>
#include <tuple>
#include <vector>

#include "mlx/api.h"
#include "mlx/device.h"

namespace mlx::core {

struct MLX_API Stream {
  int index;
  Device device;
  explicit Stream(int index, Device device) : index(index), device(device) {}

  bool operator==(const Stream&) const = default;
  bool operator<(const Stream& other) const {
    return std::tie(device, index) < std::tie(other.device, other.index);
  }
};

/** A name that stands for a different stream in each thread. */
struct MLX_API ThreadLocalStream : public Stream {
  using Stream::Stream;
};

/** The calling thread's default stream on a device. */
MLX_API Stream default_stream(Device device);
MLX_API std::optional<Stream> peek_default_stream(Device device);
MLX_API void set_default_stream(Stream stream);

MLX_API Stream new_stream(Device device);
/** The same as new_stream: every stream here may be used from any thread. */
MLX_API Stream new_thread_unsafe_stream(Device device);
MLX_API ThreadLocalStream new_thread_local_stream(Device device);
MLX_API Stream stream_from_thread_local_stream(ThreadLocalStream stream);

MLX_API std::vector<Stream> get_streams();

/** Waits until the work given to a stream (by default: the default one) so far is done. An error of
 * that work is raised here. */
MLX_API void synchronize();
MLX_API void synchronize(Stream stream);
MLX_API void synchronize(ThreadLocalStream stream);

/** Lets go of the calling thread's default streams after their work is done. */
MLX_API void clear_streams();

}  // namespace mlx::core
