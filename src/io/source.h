// Checks that every reader of a format does first.
#pragma once

#include "mlx/io/load.h"

namespace mlx::core::io {

/** Raises unless the source is open and readable. */
void check_open(const Reader& reader, const char* op);

/** The size of the whole source in bytes; moves the position to its end. */
size_t source_size(Reader& reader);

}  // namespace mlx::core::io
