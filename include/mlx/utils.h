// Stream arguments, result types, printing and limits of dtypes.
#pragma once

#include <cstdint>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <variant>
#include <vector>

#include "mlx/api.h"
#include "mlx/array.h"
#include "mlx/device.h"
#include "mlx/dtype.h"
#include "mlx/stream.h"

namespace mlx::core {

/** Where an op runs: nothing (the default), a stream, or the default stream of a device. */
using StreamOrDevice =
    std::variant<std::monostate, Stream, ThreadLocalStream, Device, Device::DeviceType>;
MLX_API Stream to_stream(StreamOrDevice s);
MLX_API Stream to_stream(StreamOrDevice s, Device default_);

/** Makes a stream or device the default while alive. */
struct MLX_API StreamContext {
 public:
  explicit StreamContext(StreamOrDevice s);
  ~StreamContext() noexcept(false);
  StreamContext(const StreamContext&) = delete;
  StreamContext& operator=(const StreamContext&) = delete;

 private:
  Device previous_device_;
  Stream previous_stream_;
  std::thread::id owner_;
};

struct MLX_API PrintOptions {
  int precision{-1};
};
MLX_API void set_printoptions(PrintOptions options);
MLX_API PrintOptions get_printoptions();

/** Limits of a floating-point dtype. */
struct MLX_API finfo {
  explicit finfo(Dtype dtype);
  Dtype dtype;
  int bits;
  double min;
  double max;
  double eps;
  double smallest_normal;
};

/** Limits of an integer dtype. */
struct MLX_API iinfo {
  explicit iinfo(Dtype dtype);
  Dtype dtype;
  int64_t min;
  uint64_t max;
};

inline Dtype result_type(const array& a, const array& b) {
  return promote_types(a.dtype(), b.dtype());
}
inline Dtype result_type(const array& a, const array& b, const array& c) {
  return promote_types(result_type(a, b), c.dtype());
}
MLX_API Dtype result_type(const std::vector<array>& arrays);

MLX_API Shape broadcast_shapes(const Shape& a, const Shape& b);

/** A dimension as 32 bits; raises std::overflow_error when it does not fit. */
template <typename T>
inline ShapeElem safe_cast(T dim, std::string_view op = "") {
  auto value = static_cast<int64_t>(dim);
  if (value < INT32_MIN || value > INT32_MAX) {
    throw std::overflow_error("[" + std::string(op) + "] dimension " + std::to_string(value) +
                              " does not fit the 32-bit integers that shapes hold.");
  }
  return static_cast<ShapeElem>(value);
}

/** The axis counted from the front; raises when out of range. */
MLX_API int normalize_axis_index(int axis, int ndim, const std::string& msg_prefix = "");

MLX_API std::ostream& operator<<(std::ostream& os, const Device& device);
MLX_API std::ostream& operator<<(std::ostream& os, const Stream& stream);
MLX_API std::ostream& operator<<(std::ostream& os, array a);

}  // namespace mlx::core
