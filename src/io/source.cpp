// Checks that every reader of a format does first.
#include "io/source.h"

#include "base/errors.h"

namespace mlx::core::io {

void check_open(const Reader& reader, const char* op) {
  if (!reader.is_open() || !reader.good()) throw_runtime(op, "Failed to open {}.", reader.label());
}

size_t source_size(Reader& reader) {
  reader.seek(0, std::ios_base::end);
  return reader.tell();
}

}  // namespace mlx::core::io
