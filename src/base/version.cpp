// The version of MLX whose API this library provides.
#include "mlx/version.h"

#define MLX_STRINGIFY_VALUE(x) #x
#define MLX_STRINGIFY(x) MLX_STRINGIFY_VALUE(x)

namespace mlx::core {

const char* version() {
  return MLX_STRINGIFY(MLX_VERSION_MAJOR) "." MLX_STRINGIFY(MLX_VERSION_MINOR) "." MLX_STRINGIFY(
      MLX_VERSION_PATCH);
}

}  // namespace mlx::core
