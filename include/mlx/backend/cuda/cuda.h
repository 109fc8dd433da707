// The NVIDIA GPU: whether one works, and its memory for programs that share arrays with other
// libraries.
#pragma once

#include <functional>
#include <string>
#include <unordered_map>
#include <variant>

#include "mlx/api.h"
#include "mlx/array.h"

namespace mlx::core::cu {

/** True when a GPU can be used. */
MLX_API bool is_available();

MLX_API const std::unordered_map<std::string, std::variant<std::string, size_t>>& device_info(
    int device_index = 0);

/** True when an evaluated array's contents are in GPU memory. */
MLX_API bool is_on_device(const array& a);

/** The device address of an evaluated array's first element, moved to the GPU if need be, once all
 * work on it is done. Whoever has it may write there: the contents are fetched anew when the host
 * wants them. */
MLX_API void* device_data(const array& a);

/** An array over GPU memory of someone else, who is done with it; `release` is called when it is no
 * longer needed. Strides in elements, not negative. */
MLX_API array from_device_data(void* data, Shape shape, Strides strides, Dtype dtype,
                               std::function<void()> release);

}  // namespace mlx::core::cu
