// Result types, dtype limits and axis helpers of the public header mlx/utils.h.
#include "mlx/utils.h"

#include <atomic>
#include <limits>

#include "base/dispatch.h"
#include "base/errors.h"
#include "graph/shape.h"

namespace mlx::core {

Dtype result_type(const std::vector<array>& arrays) {
  if (arrays.empty()) return float32;
  Dtype dtype = arrays[0].dtype();
  for (const auto& a : arrays) dtype = promote_types(dtype, a.dtype());
  return dtype;
}

Shape broadcast_shapes(const Shape& a, const Shape& b) {
  return broadcast_shapes(a, b, "broadcast_shapes");
}

int normalize_axis_index(int axis, int ndim, const std::string& msg_prefix) {
  if (axis < -ndim || axis >= ndim) {
    throw std::out_of_range(fmt::format("{}Axis {} is out of bounds for array with {} dimensions.",
                                        msg_prefix, axis, ndim));
  }
  return axis < 0 ? axis + ndim : axis;
}

std::ostream& operator<<(std::ostream& os, const Device& device) {
  return os << "Device(" << (device.type == Device::cpu ? "cpu" : "gpu") << ", " << device.index
            << ")";
}

std::ostream& operator<<(std::ostream& os, const Stream& stream) {
  return os << "Stream(" << stream.device << ", " << stream.index << ")";
}

namespace {
std::atomic<int> print_precision{-1};
}

void set_printoptions(PrintOptions options) { print_precision = options.precision; }
PrintOptions get_printoptions() { return {print_precision.load()}; }

finfo::finfo(Dtype dtype) : dtype(dtype == complex64 ? float32 : dtype) {
  if (!issubdtype(dtype, inexact)) {
    throw_invalid("finfo", "requires a floating-point type: got {}.", dtype_name(dtype));
  }
  bits = 8 * this->dtype.size();
  dispatch_dtype(this->dtype, [this](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (!std::is_same_v<T, bool> && !std::is_same_v<T, complex64_t>) {
      min = static_cast<double>(std::numeric_limits<T>::lowest());
      max = static_cast<double>(std::numeric_limits<T>::max());
      eps = static_cast<double>(std::numeric_limits<T>::epsilon());
      smallest_normal = static_cast<double>(std::numeric_limits<T>::min());
    }
  });
}

iinfo::iinfo(Dtype dtype) : dtype(dtype) {
  if (!issubdtype(dtype, integer)) {
    throw_invalid("iinfo", "requires an integer type: got {}.", dtype_name(dtype));
  }
  dispatch_dtype(dtype, [this](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_integral_v<T>) {
      min = static_cast<int64_t>(std::numeric_limits<T>::min());
      max = static_cast<uint64_t>(std::numeric_limits<T>::max());
    }
  });
}

}  // namespace mlx::core
