// Construction of internal and "not there yet" errors.
#include "base/errors.h"

namespace mlx::core {

void throw_internal(std::string_view what, std::source_location where) {
  throw std::logic_error(fmt::format("internal error: {} ({}:{}); please report this", what,
                                     where.file_name(), where.line()));
}

void throw_not_implemented(std::string_view op) {
  throw std::runtime_error(
      fmt::format("[{}] is not available in this version of mlx-compute yet.", op));
}

}  // namespace mlx::core
